"""From a request to units of work: the smallest things that can be done, failed and redone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from bench import artefacts
from bench.contracts import Artefact, EvalProtocol, Method, ReadsFiles, Student
from bench.controls import control_parts, in_words
from bench.data import parse_request
from bench.errors import BenchError, UsageError
from bench.named import Named
from bench.request import RunSpec, Selection, selections

if TYPE_CHECKING:
    from bench.registry import Registry
    from bench.sets import DatasetCard


@dataclass(frozen=True)
class Unit:
    """One distillation, one student or one metric pass, as plain data."""

    kind: Literal["distillation", "evaluation"]
    key: str
    """Hash of all that decides the result; names the record."""
    card: DatasetCard
    method: Named[Method]
    resolved_method: Method
    ipc: int | None
    seed: int
    distillation: str
    """Key of the distillation whose set is used; a distillation's own key."""
    protocol: Named[EvalProtocol] | None = None
    resolved_protocol: EvalProtocol | None = None
    student: Named[Student] | None = None
    student_seed: tuple[int, int] | None = None
    inputs: str = ""
    """Hash of the files that a method such as `folder` reads; "" for the others."""

    @property
    def num_images(self) -> int:
        """Return how many images the distilled set holds."""
        return self.card.num_train if self.ipc is None else self.ipc * self.card.num_classes

    @property
    def artefacts(self) -> tuple[Artefact[Any], ...]:
        """Return the artefacts the unit asks for, without those that they need in turn."""
        if self.resolved_protocol is None:
            return self.resolved_method.needs(self.card, self.ipc)
        return self.resolved_protocol.needs(self.card, self._student)

    @property
    def affinity(self) -> tuple[str, str, str]:
        """Return what one process can reuse between units: set, protocol and student."""
        if self.resolved_protocol is None or self.protocol is None:
            return (self.card.name, "", "")
        student = self.student.identity(self.student.asked) if self.student else ""
        return (self.card.name, self.protocol.identity(self.resolved_protocol), student)

    @property
    def cell(self) -> str:
        """Return in words what units that differ only in seeds have in common."""
        size = "whole set" if self.ipc is None else f"IPC {self.ipc}"
        named = [named for named in (self.protocol, self.student) if named]
        return ", ".join([self.method.label, self.card.name, size, *(n.label for n in named)])

    @property
    def title(self) -> str:
        """Return the unit in words."""
        student = ", student {}.{}".format(*self.student_seed) if self.student_seed else ""
        return f"{self.cell}, set {self.seed}{student}"

    def as_plain(self) -> dict[str, Any]:
        """Return the unit as plain values for `plan.json`."""
        resolved = self.resolved_protocol
        return {
            "key": self.key,
            "kind": self.kind,
            "dataset": self.card.name,
            "method": self.method.identity(self.resolved_method),
            "ipc": self.ipc,
            "seed": self.seed,
            "distillation": self.distillation,
            "protocol": self.protocol.identity(resolved) if self.protocol and resolved else None,
            "student": self.student.identity(self.student.asked) if self.student else None,
            "student_seed": self.student_seed,
            "artefacts": [artefacts.identity(artefact) for artefact in self.artefacts],
            "affinity": self.affinity,
        }

    @property
    def _student(self) -> Student | None:
        return self.student.asked if self.student else None


def expand(
    run: RunSpec,
    selection: Selection,
    cards: Sequence[DatasetCard],
    note: Callable[[str], None] = lambda _: None,
) -> list[Unit]:
    """Return the units of a run, each once, a distillation before what needs it.

    A method that came with "all" and cannot serve a set is left out and `note` told why, once a
    reason. Raises UsageError where another method, a protocol or a student cannot do what is asked
    of it, or where no method is left for a set.
    """
    units: dict[str, Unit] = {}
    for card in cards:
        left_out: dict[str, None] = {}
        found = _of_one_set(run, selection, card, left_out)
        if not found:
            raise UsageError(f"No method can serve {card.name!r}: {'; '.join(left_out)}")
        for sentence in (*left_out, *_unmeasured(selection, card, found)):
            note(sentence)
        units |= {unit.key: unit for unit in found}
    return list(units.values())


def planned(
    run: RunSpec,
    registry: Registry,
    cards: Sequence[DatasetCard],
    note: Callable[[str], None] = lambda _: None,
) -> list[Unit]:
    """Return the units of all parts of a run and of its controls, each once, as `expand` does.

    `cards` are those of all sets of the run. A control that cannot serve a set is left out there;
    `note` hears of that, and of controls that are added. Raises UsageError as `expand`, and for a
    setting that fits in no part.
    """
    units: dict[str, Unit] = {}
    for part, selection in zip(run.parts(), selections(run, registry), strict=True):
        for unit in expand(part, selection, _cards_of(part, cards), note):
            units.setdefault(unit.key, unit)
    for part in control_parts(run.parts(), registry) if run.control else ():
        left_out: dict[str, None] = {}
        # Settings for the part's own methods need not fit its controls.
        selection = Selection.of(part, registry, required=()).optional()
        found = [
            unit
            for card in _cards_of(part, cards)
            for unit in _of_one_set(part, selection, card, left_out)
        ]
        added = {unit.key: unit for unit in found if unit.key not in units}
        for sentence in (*([in_words(part)] if added else []), *left_out):
            note(sentence)
        units |= added
    return list(units.values())


def _unmeasured(selection: Selection, card: DatasetCard, found: Sequence[Unit]) -> Iterator[str]:
    """Yield a sentence for every protocol that has no unit on a set."""
    for protocol in selection.protocols:
        if not any(unit.protocol is protocol for unit in found):
            yield (
                f"{protocol.label} measures nothing of {card.name}: it compares with the real set, "
                "and methods without an IPC would be compared with themselves."
            )


def _cards_of(part: RunSpec, cards: Sequence[DatasetCard]) -> list[DatasetCard]:
    """Return the cards of the sets that a part of a run names."""
    wanted = {parse_request(text).name for text in part.datasets}
    return [card for card in cards if card.name in wanted]


def _of_one_set(
    run: RunSpec, selection: Selection, card: DatasetCard, left_out: dict[str, None]
) -> list[Unit]:
    """Return the units of one set; the sentences on methods left out go into `left_out`."""
    distilled = list(_distillations(run, selection, card, left_out))
    evaluated = [unit for d in distilled for unit in _evaluations(run, selection, d)]
    evaluated.sort(key=lambda unit: unit.affinity)  # stable: methods keep their order
    return [*distilled, *evaluated]


def inputs_of(method: Method, card: DatasetCard, ipc: int | None, seed: int) -> str:
    """Return the hash of the files a method reads besides the real set; "" if it reads none."""
    return method.inputs_revision(card, ipc, seed) if isinstance(method, ReadsFiles) else ""


def _distillations(
    run: RunSpec, selection: Selection, card: DatasetCard, left_out: dict[str, None]
) -> Iterator[Unit]:
    """Yield the distillations of one set; the sentences on methods left out go into `left_out`."""
    for ipc in run.ipc:
        for method in selection.methods:
            size = ipc if method.asked.uses_ipc else None
            try:
                yield from _of_one_method(run, method, card, size)
            except BenchError as error:
                if not method.optional:
                    raise
                left_out[f"{method.label} is left out for {card.name}: {error}"] = None


def _of_one_method(
    run: RunSpec, method: Named[Method], card: DatasetCard, ipc: int | None
) -> list[Unit]:
    """Return the distillations of one method, of all seeds that make a difference."""
    resolved, units = method.asked.resolve(card, ipc), []
    for seed in range(run.seeds if resolved.stochastic else 1):
        inputs = inputs_of(resolved, card, ipc, seed)
        request = {
            "method": method.identity(resolved),
            "dataset": card.name,
            "train": card.train_revision,
            "ipc": ipc,
            "seed": seed,
            "inputs": inputs,
            "artefacts": [artefacts.key(a) for a in resolved.needs(card, ipc)],
        }
        key = _hash(request)
        units.append(
            Unit("distillation", key, card, method, resolved, ipc, seed, key, inputs=inputs)
        )
    return units


def _evaluations(run: RunSpec, selection: Selection, distilled: Unit) -> Iterator[Unit]:
    # A method without randomness gives one set, on which all students of all seeds are trained.
    stochastic = distilled.resolved_method.stochastic
    seeds = [distilled.seed] if stochastic else range(run.seeds)
    for protocol in selection.protocols:
        if distilled.ipc is None and not getattr(protocol.asked, "of_references", True):
            continue
        students = selection.students if protocol.asked.uses_students else (None,)
        if not students:
            raise UsageError(f"{protocol.name!r} trains students: name some with `--students`.")
        for named in students:
            asked = named.asked if named else None
            resolved = protocol.asked.resolve(distilled.card, distilled.ipc, asked)
            resolved.check(distilled.card, asked)
            pairs = [(s, r) for s in seeds for r in range(run.repeats)] if named else [None]
            for pair in pairs:
                yield _evaluation(distilled, protocol, resolved, named, pair)


def _evaluation(
    distilled: Unit,
    protocol: Named[EvalProtocol],
    resolved: EvalProtocol,
    named: Named[Student] | None,
    pair: tuple[int, int] | None,
) -> Unit:
    request = {
        "distillation": distilled.key,
        "protocol": protocol.identity(resolved),
        "student": named.identity(named.asked) if named else None,
        "student seed": pair,
        "test": distilled.card.test_revision,
        "artefacts": [
            artefacts.key(a) for a in resolved.needs(distilled.card, named.asked if named else None)
        ],
    }
    return Unit(
        "evaluation",
        _hash(request),
        distilled.card,
        distilled.method,
        distilled.resolved_method,
        distilled.ipc,
        distilled.seed,
        distilled.key,
        protocol,
        resolved,
        named,
        pair,
    )


def _hash(request: Mapping[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(request, order="sorted")).hexdigest()[:20]

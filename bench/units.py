"""Doing one unit: a distillation or an evaluation in, a record out."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import specs
from bench.artefacts import ArtefactStore
from bench.context import Context
from bench.contracts import Outcome
from bench.distilled_folder import distilled_revision, load_distilled, save_distilled
from bench.errors import BenchError
from bench.manifest import read_manifest
from bench.named import Named
from bench.plan import Unit, inputs_of
from bench.provenance import Stopwatch, code_stamp
from bench.records import LARGEST, Data, Described, Record
from bench.selection import check_distilled
from bench.store import Store
from bench.streams import Streams
from bench.timing import Shape, shape_of
from bench.training.compiling import Compiling, Wish

if TYPE_CHECKING:
    import torch

    from bench.sets import DatasetCard, DistilledSet, RealSet

Progress = Callable[[int, int], None]


@dataclass
class Workshop:
    """What the units of one process share: real sets, caches and the device."""

    reals: Mapping[str, RealSet]
    artefacts: ArtefactStore
    device: torch.device
    compile: Wish = "auto"
    alike: Mapping[Shape, int] = field(default_factory=dict)
    """How many units of every shape the plan has, done or not."""
    note: Callable[[str], None] = lambda sentence: None
    """Hears sentences for the user, each once."""
    _distilled: dict[str, DistilledSet] = field(default_factory=dict)

    def context(
        self,
        streams: Streams,
        work: Path,
        progress: Progress,
        kept: Path | None = None,
        alike: int = 1,
    ) -> Context:
        """Return the context of one unit, of which the plan has `alike` of one shape."""
        return Context(
            self.device,
            streams,
            work,
            self.artefacts,
            self.real,
            progress,
            kept=kept,
            compiling=Compiling(self.compile, alike, self.note),
            note=self.note,
        )

    def listen(self, hear: Callable[[str], None]) -> None:
        """Have the user told what happens in this workshop, no sentence twice."""
        said: set[str] = set()

        def once(sentence: str) -> None:
            if sentence not in said:
                said.add(sentence)
                hear(sentence)

        self.note = self.artefacts.announce = once

    def real(self, name: str) -> RealSet:
        """Return a real set of this run; BenchError if the run has none of that name."""
        if name not in self.reals:
            raise BenchError(f"The set {name!r} is not part of this run: {', '.join(self.reals)}.")
        return self.reals[name]

    def distilled(self, key: str, folder: Path, real: RealSet) -> DistilledSet:
        """Return a distilled set from disk; the latest one is kept."""
        if key not in self._distilled:
            self._distilled = {key: load_distilled(folder, real)}
        return self._distilled[key]


def run_unit(unit: Unit, store: Store, workshop: Workshop, progress: Progress) -> Record:
    """Do a claimed unit and write its record.

    Whatever goes wrong leaves as an exception and no record; BenchError where the user can mend it.
    """
    watch = Stopwatch(workshop.device)
    workshop.artefacts.used.clear()
    before = workshop.artefacts.seconds
    with store.work_folder(unit.key) as work:
        streams = Streams(unit.student_seed or (unit.seed,))
        kept = store.partial_folder(unit.key, _stamp(unit, store, workshop))
        alike = workshop.alike.get(shape_of(unit), 1)
        ctx = workshop.context(streams, work, progress, kept, alike)
        do = _distil if unit.kind == "distillation" else _evaluate
        outcome, distilled = do(unit, store, workshop, ctx)
        _check_numbers(outcome, ctx.traces)
        record = Record(
            kind=unit.kind,
            key=unit.key,
            data=_data(unit.card),
            method=_described(unit.method, unit.resolved_method),
            ipc=unit.ipc,
            seed=unit.seed,
            stochastic=unit.resolved_method.stochastic,
            protocol=_described(unit.protocol, unit.resolved_protocol) if unit.protocol else None,
            student=_described(unit.student, unit.student.asked) if unit.student else None,
            student_seed=unit.student_seed,
            distilled=distilled,
            scores=dict(outcome.scores),
            series={name: list(values) for name, values in outcome.series.items()},
            per_class={
                name: [value if math.isfinite(value) else None for value in values]
                for name, values in outcome.per_class.items()
            },
            facts=dict(outcome.facts),
            cards={name: dict(card.facts) for name, card in outcome.cards.items()},
            files=_keep_files(outcome.files, store, unit.key),
            traces=ctx.traces,
            artefacts=dict(sorted(workshop.artefacts.used.items())),
            provenance=watch.provenance(
                workshop.artefacts.seconds - before, outcome.earlier_seconds
            ),
        )
        store.add(record)
    return record


def distilled_folder(unit: Unit, store: Store) -> Path:
    """Return where the distilled set that a unit makes or uses lies."""
    size = "full" if unit.ipc is None else f"ipc{unit.ipc}"
    # Named by what the key is made of: the label is that of one request among several.
    method = unit.method.identity(unit.resolved_method)
    return store.distilled_folder(
        unit.card.name, method, size, f"seed{unit.seed}", key=unit.distillation
    )


def _distil(unit: Unit, store: Store, workshop: Workshop, ctx: Context) -> tuple[Outcome, str]:
    real = workshop.real(unit.card.name)
    if inputs_of(unit.resolved_method, unit.card, unit.ipc, unit.seed) != unit.inputs:
        raise BenchError(
            f"The files that {unit.method.name!r} reads have changed since the run was planned: "
            "start it again."
        )
    distilled = unit.resolved_method.distill(real, unit.ipc, ctx)
    check_distilled(distilled, unit.card, unit.ipc)
    folder = distilled_folder(unit, store)
    # Without its record, a set is what a killed run has left: it is made anew.
    for left in (folder, *folder.parent.glob(f".{folder.name}.*.partial")):
        shutil.rmtree(left, ignore_errors=True)
    facts = {
        "method": unit.method.identity(unit.resolved_method),
        "dataset": unit.card.name,
        "train_revision": unit.card.train_revision,
        "ipc": unit.ipc,
        "seed": unit.seed,
        "unit": unit.key,
    }
    revision = save_distilled(distilled, folder, facts)
    found: dict[str, str | int | float] = {**distilled.facts, "images": len(distilled)}
    if not distilled.whole:  # the training set itself stores nothing, which is not a size
        found["bytes"] = sum(file.bytes for file in read_manifest(folder).listed)
    return Outcome(scores={}, facts=found, earlier_seconds=distilled.seconds), revision


def _evaluate(unit: Unit, store: Store, workshop: Workshop, ctx: Context) -> tuple[Outcome, str]:
    assert unit.resolved_protocol is not None
    made = store.record(unit.distillation)
    folder = distilled_folder(unit, store)
    if made is None or not folder.is_dir():
        raise BenchError(
            f"The distilled set {str(folder)!r} is missing: run again with `--rerun` to make it."
        )
    real = workshop.real(unit.card.name)
    if distilled_revision(folder) != made.distilled:
        raise BenchError(
            f"{str(folder)!r} holds another set than its record says: run again with `--rerun` "
            "to make it anew."
        )
    distilled = workshop.distilled(unit.distillation, folder, real)
    student = unit.student.asked if unit.student else None
    ctx = replace(ctx, distilled=distilled, distilled_revision=made.distilled)
    return unit.resolved_protocol.evaluate(distilled, real, student, ctx), made.distilled


def _stamp(unit: Unit, store: Store, workshop: Workshop) -> str:
    """Return a hash of what a half-done unit depends on besides its request.

    The set it learns from (`--rerun` may have made it anew), code, libraries and device.
    """
    made = store.record(unit.distillation)
    facts = "" if made is None else made.distilled, code_stamp(workshop.device)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _data(card: DatasetCard) -> Data:
    return Data(
        name=card.name,
        train_split=card.train_split,
        test_split=card.test_split,
        train_revision=card.train_revision,
        test_revision=card.test_revision,
        num_classes=card.num_classes,
    )


def _described(named: Named[Any], resolved: Any) -> Described:
    return Described(
        name=named.name,
        label=named.label,
        identity=named.identity(resolved),
        asked=specs.plain(named.asked),
        fields=specs.plain(resolved),
        origin=named.origin,
        remark=getattr(resolved, "remark", ""),
        short=named.short,
    )


def _check_numbers(outcome: Outcome, traces: Mapping[str, Sequence[float]]) -> None:
    """Raise BenchError for a number that no record can hold, which would not be read again.

    What is not finite by class is undefined there, and becomes None.
    """
    parts: dict[str, Mapping[str, Iterable[float]]] = {
        "score": {name: (value,) for name, value in outcome.scores.items()},
        "series": outcome.series,
        "score by class": {k: filter(math.isfinite, v) for k, v in outcome.per_class.items()},
        "trace": traces,
    }
    for kind, named in parts.items():
        for name, numbers in named.items():
            for number in numbers:
                if not abs(number) <= LARGEST:
                    raise BenchError(
                        f"The {kind} {name!r} must hold finite numbers up to {LARGEST:g}, "
                        f"got {number}."
                    )


def _keep_files(files: Mapping[str, Path], store: Store, key: str) -> dict[str, str]:
    """Move attachments out of the work folder; return their paths relative to the run."""
    kept = {}
    for name, path in files.items():
        target = store.root / "files" / key / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        kept[name] = target.relative_to(store.root).as_posix()
    return kept

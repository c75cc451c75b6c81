"""The cells of a baseline: every score of every method, with what it may be compared with.

A cell is one score of one method, protocol and student on one real set at one IPC. Beside its
values it holds all that must be the same for a comparison to mean anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from bench.errors import BenchError
from bench.records import Described, Record


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """A method, protocol or student: how tables call it, and what it is."""

    label: str = ""
    identity: str = ""
    origin: str = ""


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One cell."""

    dataset: str
    train_revision: str
    test_revision: str
    ipc: int | None
    method: Named
    stochastic: bool
    protocol: Named
    student: Named
    """All of it "" for scores of the set itself."""
    score: str
    card: dict[str, str | int | float]
    sets: dict[str, str]
    """Distillation seed to revision of the distilled set."""
    values: tuple[tuple[int, int | None, float], ...]
    """(s, r, score), sorted; r is None where there is no student."""

    @property
    def address(self) -> tuple[str, int | None, str, str, str, str]:
        """Return the names by which a cell is found."""
        labels = self.method.label, self.protocol.label, self.student.label
        return self.dataset, self.ipc, *labels, self.score

    @property
    def title(self) -> str:
        """Return the cell in words."""
        return self._words(self.method.label)

    @property
    def place(self) -> str:
        """Return all of the title but the method."""
        return self._words("")

    def _words(self, method: str) -> str:
        size = "no IPC" if self.ipc is None else f"IPC {self.ipc}"
        measured = self.protocol.label, self.student.label, self.score
        return " ".join(part for part in (self.dataset, size, method, *measured) if part)

    @property
    def by_seed(self) -> dict[tuple[int, int | None], float]:
        """Return the values by (s, r)."""
        return {(s, r): value for s, r, value in self.values}


def cells_of(records: Iterable[Record]) -> tuple[Held, ...]:
    """Return the cells of the evaluations among the records, sorted by what they are called."""
    grouped: dict[tuple[object, ...], list[tuple[Record, float]]] = defaultdict(list)
    for record in records:
        if record.kind == "evaluation":
            for score, number in record.scores.items():
                grouped[_key(record, score)].append((record, number))
    cells = [_held(str(key[-2]), members) for key, members in grouped.items()]
    return tuple(sorted(cells, key=_order))


def artefacts_of(records: Iterable[Record], cells: Iterable[Held]) -> tuple[str, ...]:
    """Return the identities of all artefacts behind some cells, sorted."""
    cells = list(cells)
    sets = {(c.dataset, c.ipc, c.method, int(seed)) for c in cells for seed in c.sets}
    seeds: set[tuple[str | int | None, ...]] = {
        (*c.address[:-1], s, r) for c in cells for s, r, _ in c.values
    }
    behind = (record for record in records if _is_behind(record, sets, seeds))
    return tuple(sorted({name for record in behind for name in record.artefacts.values()}))


def _key(record: Record, score: str) -> tuple[object, ...]:
    data = record.data
    revisions = data.name, data.train_revision, data.test_revision
    described = record.method, record.protocol, record.student
    names = tuple((d.label, d.identity, d.origin) if d else () for d in described)
    card = tuple(sorted(record.cards.get(score, {}).items()))
    return *revisions, record.ipc, *names, record.stochastic, score, card


def _held(score: str, members: list[tuple[Record, float]]) -> Held:
    first = members[0][0]
    values = sorted((*_seeds(record), number) for record, number in members)
    cell = Held(
        dataset=first.data.name,
        train_revision=first.data.train_revision,
        test_revision=first.data.test_revision,
        ipc=first.ipc,
        method=_named(first.method),
        stochastic=first.stochastic,
        protocol=_named(first.protocol),
        student=_named(first.student),
        score=score,
        card=dict(first.cards.get(score, {})),
        sets={str(record.seed): record.distilled for record, _ in members},
        values=tuple(values),
    )
    if len(cell.by_seed) < len(values):
        raise BenchError(
            f"Two records give {cell.title} the same seeds, as of files that have changed: "
            "run it into a new folder."
        )
    return cell


def _seeds(record: Record) -> tuple[int, int | None]:
    return record.student_seed or (record.seed, None)


def _named(described: Described | None) -> Named:
    if described is None:
        return Named()
    return Named(described.label, described.identity, described.origin)


def _order(cell: Held) -> tuple[object, ...]:
    size = -1 if cell.ipc is None else cell.ipc
    card = sorted((name, str(value)) for name, value in cell.card.items())
    names = cell.protocol, cell.student, cell.method
    revisions = cell.train_revision, cell.test_revision
    return cell.dataset, size, *names, cell.score, *revisions, cell.stochastic, card


def _is_behind(
    record: Record,
    sets: set[tuple[str, int | None, Named, int]],
    seeds: set[tuple[str | int | None, ...]],
) -> bool:
    if record.kind == "distillation":
        return (record.data.name, record.ipc, _named(record.method), record.seed) in sets
    labels = (_named(d).label for d in (record.method, record.protocol, record.student))
    return (record.data.name, record.ipc, *labels, *_seeds(record)) in seeds

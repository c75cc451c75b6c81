"""Architecture by method: how much of a score is left when another network learns from the set.

A drop is paired: a student is compared with the reference student of the same distilled set and the
same seeds, so that what varies between sets does not blur it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.errors import unknown_name
from leaderboards.headings import Card, distinctions, natural
from leaderboards.ranks.statistics import Cell, Value, summarise
from leaderboards.table import Board, Column

REFERENCES = ("resnet18", "torchvision/resnet18", "convnet6", "resnetap10")
"""Students that are the reference where a request names none, the first that is there."""


@dataclass(frozen=True)
class Drop:
    """By how much a student is worse than the reference student; below 0 it is better."""

    mean: float
    """In the units of the score: percentage points for accuracies."""
    low: float | None
    """Lower end of the 95% interval of the mean, over sets if there are several, else over
    students; over methods in `mean_drop`. None for a single value."""
    high: float | None
    n: int
    """Pairs of students; in `mean_drop`, methods."""


@dataclass(frozen=True)
class Architectures:
    """One score of one protocol: students down, methods across."""

    dataset: str
    train_revision: str
    test_revision: str
    ipc: int | None
    protocol: str
    metric: str
    distinction: str
    """Facts of the card that tell this table from others of the same protocol; mostly ""."""
    reference: str
    students: tuple[str, ...]
    """The reference first, then in natural order."""
    methods: tuple[str, ...]
    """In the order of the board's rows, without references that have no IPC."""
    cells: tuple[tuple[Cell | None, ...], ...]
    """By student, then by method."""
    drops: tuple[tuple[Drop | None, ...], ...]
    """None in the reference's row, and where no student of a method has its pair."""
    mean_drop: tuple[Drop | None, ...]
    """By student: the mean of the drops of the methods that have one."""


def architectures(
    boards: Iterable[Board], reference: str | None = None, preferred: str | None = None
) -> list[Architectures]:
    """Return a table for every ranked score of a protocol with two students or more.

    `reference` is the student to compare with, `preferred` the one if it is there; without them it
    is the first of `REFERENCES` that is there, else the first by name. A table without `reference`
    takes one of its own, which it names. UsageError if no table has `reference`.
    """
    groups = [group for board in boards for group in _groups(board)]
    known = {student for group in groups for student in group.places}
    if reference is not None and reference not in known:
        raise unknown_name("student", reference, known)
    wanted = [name for name in (reference, preferred, *REFERENCES) if name is not None]
    return [_table(group, wanted) for group in groups]


@dataclass(frozen=True)
class _Group:
    """The columns of a board that hold one score of one protocol."""

    board: Board
    places: dict[str, int]
    """Student to position of its column."""
    distinction: str

    @property
    def column(self) -> Column:
        """Return one of the columns, which differ in their student only."""
        return self.board.columns[min(self.places.values())]


def _groups(board: Board) -> Iterator[_Group]:
    """Yield the groups of a board that can be compared: two students or more, and a method."""
    found: dict[tuple[str, str], dict[Card, dict[str, int]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for place, column in enumerate(board.columns):
        if column.student and column.score.ranked:
            found[column.protocol, column.metric][column.card][column.student] = place
    if all(row.reference for row in board.rows):
        return
    for by_card in found.values():
        told = distinctions(by_card.keys())
        for card, places in by_card.items():
            if len(places) > 1:
                yield _Group(board, places, told[card])


def _table(group: _Group, wanted: Sequence[str]) -> Architectures:
    board, column = group.board, group.column
    reference = _reference(group.places, wanted)
    students = (reference, *sorted(group.places.keys() - {reference}, key=natural))
    places = group.places.values()
    rows = [r for r in board.rows if not r.reference and any(r.cells[place] for place in places)]
    cells = tuple(tuple(row.cells[group.places[name]] for row in rows) for name in students)
    sign = 1.0 if column.score.better == "higher" else -1.0
    nothing: tuple[Drop | None, ...] = (None,) * len(rows)
    below = tuple(
        tuple(_drop(first, cell, sign) for first, cell in zip(cells[0], line, strict=True))
        for line in cells[1:]
    )
    drops = (nothing, *below)
    return Architectures(
        dataset=board.dataset,
        train_revision=board.train_revision,
        test_revision=board.test_revision,
        ipc=board.ipc,
        protocol=column.protocol,
        metric=column.metric,
        distinction=group.distinction,
        reference=reference,
        students=students,
        methods=tuple(row.method for row in rows),
        cells=cells,
        drops=drops,
        mean_drop=tuple(_mean(line) for line in drops),
    )


def _reference(students: Collection[str], wanted: Iterable[str]) -> str:
    return next((name for name in wanted if name in students), min(students, key=natural))


def _drop(reference: Cell | None, cell: Cell | None, sign: float) -> Drop | None:
    """Return the mean difference of the pairs of two cells; None without a pair."""
    if reference is None or cell is None:
        return None
    first = {(value.distilled, value.student): value.number for value in reference.values}
    pairs = [
        Value(value.distilled, value.seed, value.student, sign * (first[at] - value.number))
        for value in cell.values
        if (at := (value.distilled, value.student)) in first
    ]
    if not pairs:
        return None
    found = summarise(pairs)
    return Drop(found.mean, found.low, found.high, len(pairs))


def _mean(drops: Sequence[Drop | None]) -> Drop | None:
    """Return the mean over methods, every method counting once; None without any."""
    values = [
        Value(str(number), number, (), drop.mean) for number, drop in enumerate(drops) if drop
    ]
    if not values:
        return None
    found = summarise(values)
    return Drop(found.mean, found.low, found.high, len(values))

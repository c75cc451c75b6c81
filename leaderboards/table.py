"""From records to boards: one table per real set and IPC, methods down, scores across.

A board depends on the records alone, not on their order. Every revision of the data has boards of
its own; what else has to stay apart is the matter of `leaderboards.placement`.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.records import Record, encode
from bench.scores import Score
from leaderboards.headings import (
    NOBODY,
    Card,
    Name,
    distinctions,
    headings,
    joined,
    name_of,
    natural,
    short_revision,
)
from leaderboards.labels import with_one_label
from leaderboards.placement import Grid, Group, Line, Place, grid_of
from leaderboards.ranks.placing import Told, place_column
from leaderboards.ranks.statistics import Cell, summarise
from leaderboards.teachers import remarks_on_teachers


@dataclass(frozen=True)
class Column:
    """One score under one protocol with one student."""

    group: Group
    protocol: str
    """Heading of the protocol; "" for costs that are no matter of a protocol."""
    student: str
    """Heading of the student; "" for scores without one."""
    metric: str
    """Name of the score, as in `bench.scores.SCORES`."""
    distinction: str
    """Facts of the card that tell this column from others of the same heading; mostly ""."""
    card: Card
    """All that has to be said beside the score."""
    score: Score
    protocol_name: Name = NOBODY
    student_name: Name = NOBODY
    told: Told | None = None
    """What has to be said of the ranks; None for a score that is not ranked."""

    @property
    def block(self) -> str:
        """Return the heading of the columns it stands among; "" for accuracies and costs."""
        return self.score.block

    @property
    def facts(self) -> dict[str, str]:
        """Return the card by name."""
        return dict(self.card)


@dataclass(frozen=True)
class Row:
    """One method."""

    method: str
    """Its label, with what tells it from other rows of that label."""
    name: Name
    reference: bool
    """Has no IPC: shown for comparison, never ranked."""
    stochastic: bool
    remark: str
    """What has to be said beside its results; "" if nothing has."""
    cells: tuple[Cell | None, ...]
    """One per column of the board; None where the method has no value."""


@dataclass(frozen=True)
class Board:
    """The leaderboard of one real set at one IPC."""

    dataset: str
    train_split: str
    test_split: str
    train_revision: str
    test_revision: str
    ipc: int | None
    """None: only methods without an IPC were run."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    """Higher means first, by the ranked columns from left to right; reference rows last. The order
    says nothing of methods that share a letter."""
    remarks: tuple[str, ...] = ()
    """What has to be said of the teachers behind soft labels, and of the size of what is stored."""
    num_classes: int = 0
    """Of the real set; 0: unknown."""


def build(records: Iterable[Record]) -> list[Board]:
    """Return the boards of all records, sorted by dataset, revisions and IPC.

    Records with the same key answer the same request; the one that was started last counts.
    """
    sets: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in latest(records):
        data = record.data
        sets[data.name, data.train_revision, data.test_revision].append(record)
    boards = []
    for key in sorted(sets, key=lambda key: (natural(key[0]), key)):
        references = [record for record in sets[key] if record.ipc is None]
        by_ipc: dict[int, list[Record]] = defaultdict(list)
        for record in sets[key]:
            if record.ipc is not None:
                by_ipc[record.ipc].append(record)
        boards += [_board(ipc, by_ipc[ipc] + references) for ipc in sorted(by_ipc)]
        boards += [] if by_ipc else [_board(None, references)]
    return boards


def latest(records: Iterable[Record]) -> list[Record]:
    """Return of all records that answer one request the one that was started last."""
    found: dict[str, Record] = {}
    for record in records:
        old = found.get(record.key)
        if old is None or _age(old) < _age(record):
            found[record.key] = record
    return list(found.values())


def _age(record: Record) -> tuple[str, bytes]:
    return record.provenance.started, encode(record)


def _board(ipc: int | None, records: list[Record]) -> Board:
    data = records[0].data
    records = with_one_label(records)
    grid = grid_of(records)
    stochastic = {name_of(record.method) for record in records if record.stochastic}
    described = sorted((record.method for record in records), key=lambda method: method.remark)
    remarks = {name_of(method): method.remark for method in described}
    cells = _cells(grid)
    places = sorted({place for row in cells.values() for place in row}, key=Place.order)
    ranked, told = _ranked(cells, places, stochastic)
    heading = headings({line.method for line in grid}, _short(records))
    columns = _columns(places, told)
    rows = [
        Row(
            method=heading[line.method]
            + (f" (set {short_revision(line.distilled)})" if line.distilled else ""),
            name=line.method,
            reference=line.reference,
            stochastic=line.method in stochastic,
            remark=remarks[line.method],
            cells=tuple(ranked[line].get(place) for place in places),
        )
        for line in sorted(grid)
    ]
    return Board(
        dataset=data.name,
        train_split=joined(record.data.train_split for record in records),
        test_split=joined(record.data.test_split for record in records),
        train_revision=data.train_revision,
        test_revision=data.test_revision,
        ipc=ipc,
        columns=columns,
        rows=tuple(sorted(rows, key=lambda row: _row_order(row, columns))),
        remarks=remarks_on_teachers(records),
        num_classes=data.num_classes,
    )


def _short(records: list[Record]) -> dict[Name, str]:
    """Return the short labels of methods, of those that all records of a method agree on."""
    found: dict[Name, set[str]] = defaultdict(set)
    for record in records:
        found[name_of(record.method)].add(record.method.short)
    return {name: min(texts) for name, texts in found.items() if len(texts) == 1 and all(texts)}


def _cells(grid: Grid) -> dict[Line, dict[Place, Cell]]:
    """Summarise the values, and bring reference rows into the columns of the others.

    A protocol that takes its epochs from the IPC has another identity without one. Such a cell
    stands in the column of the same label if that is unambiguous, and names its own protocol.
    """
    own = {place for line, row in grid.items() if not line.reference for place in row}
    cells: dict[Line, dict[Place, Cell]] = {}
    for line, row in grid.items():
        cells[line] = {}
        for place, values in row.items():
            home = _home(place, own, set(row)) if line.reference else place
            foreign = "" if home == place else place.protocol.identity
            cells[line][home] = dataclasses.replace(summarise(values), protocol=foreign)
    return cells


def _home(place: Place, own: set[Place], row: set[Place]) -> Place:
    if place in own:
        return place
    alike = place.without_identity()
    candidates = [other for other in own if other.without_identity() == alike]
    rivals = [other for other in row if other.without_identity() == alike]
    return candidates[0] if len(candidates) == len(rivals) == 1 else place


def _ranked(
    cells: dict[Line, dict[Place, Cell]], places: list[Place], stochastic: set[Name]
) -> tuple[dict[Line, dict[Place, Cell]], dict[Place, Told]]:
    """Return the cells with ranks in the columns of ranked scores, and what is told of these."""
    ranked = {line: dict(row) for line, row in cells.items()}
    told = {}
    for place in places:
        if not place.score().ranked:
            continue
        lines = sorted(line for line, row in cells.items() if place in row and not line.reference)
        placed, told[place] = place_column(
            [cells[line][place] for line in lines],
            [line.method in stochastic for line in lines],
            place.score(),
        )
        for line, cell in zip(lines, placed, strict=True):
            ranked[line][place] = cell
    return ranked, told


def _columns(places: list[Place], told: dict[Place, Told]) -> tuple[Column, ...]:
    students = headings({place.student for place in places})
    protocols = {
        student: headings({place.protocol for place in places if place.student == student})
        for student in students
    }
    cards: dict[Place, set[Card]] = defaultdict(set)
    for place in places:
        cards[place._replace(card=())].add(place.card)
    return tuple(
        Column(
            group=place.group,
            protocol=protocols[place.student][place.protocol],
            student=students[place.student],
            metric=place.metric,
            distinction=distinctions(cards[place._replace(card=())])[place.card],
            card=place.card,
            score=place.score(),
            protocol_name=place.protocol,
            student_name=place.student,
            told=told.get(place),
        )
        for place in places
    )


def _row_order(row: Row, columns: Sequence[Column]) -> tuple[object, ...]:
    means = [
        float("inf")
        if cell is None
        else -cell.mean
        if column.score.better == "higher"
        else cell.mean
        for cell, column in zip(row.cells, columns, strict=True)
        if column.score.ranked
    ]
    return row.reference, means, natural(row.method), row.name

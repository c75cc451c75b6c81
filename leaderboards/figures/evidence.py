"""The records behind a cell of a board.

Found by identity and origin, as a label may be any text: two labels of one thing share a column.
Only where a board itself tells rows of one identity apart by their labels, as of two folders, do
the labels decide here too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from bench.records import Described, Record
from leaderboards.headings import Card, Name, name_of
from leaderboards.ranks.statistics import Cell
from leaderboards.table import Board, Column, Row, latest


@dataclass(frozen=True, eq=False)
class Evidence:
    """Records, found by the cell that they make."""

    records: tuple[Record, ...]
    """Sorted by key."""

    @classmethod
    def of(cls, records: Iterable[Record]) -> Evidence:
        """Return the evidence of records; of those with one key the latest counts."""
        return cls(tuple(sorted(latest(records), key=lambda record: record.key)))

    def students(self, board: Board, row: Row, column: Column) -> list[Record]:
        """Return the evaluations with a student behind one cell, by (s, r)."""
        cell = row.cells[board.columns.index(column)]
        if cell is None:
            return []
        protocols = {
            _protocol(other, at)
            for other, at in zip(board.columns, row.cells, strict=True)
            if other.student_name == column.student_name
        }
        students = {other.student_name for other in board.columns}
        is_protocol = _called(_protocol(column, cell), protocols)
        is_student = _called(column.student_name, students)
        sets = {value.distilled for value in cell.values}
        found = [
            record
            for record in self._of_row(board, row)
            if record.student is not None
            and record.distilled in sets
            and column.metric in record.scores
            and _card(record, column.metric) == column.card
            and is_protocol(record.protocol)
            and is_student(record.student)
        ]
        return sorted(found, key=lambda record: (record.student_seed or (), record.key))

    def passes(self, board: Board, row: Row) -> list[Record]:
        """Return the passes of image metrics of a row, by seed."""
        return self._of_sets(board, row, "evaluation")

    def distillations(self, board: Board, row: Row) -> list[Record]:
        """Return the distillations of a row, by seed."""
        return self._of_sets(board, row, "distillation")

    def _of_sets(self, board: Board, row: Row, kind: str) -> list[Record]:
        """Return the records of one kind that need no student."""
        sets = {value.distilled for cell in row.cells if cell for value in cell.values}
        found = [
            record
            for record in self._of_row(board, row)
            if record.kind == kind and record.student is None and record.distilled in sets
        ]
        return sorted(found, key=lambda record: (record.seed, record.key))

    def _of_row(self, board: Board, row: Row) -> list[Record]:
        revisions = (board.train_revision, board.test_revision)
        ipc = None if row.reference else board.ipc
        key = _Key(board.dataset, *revisions, ipc, row.name.identity, row.name.origin)
        is_method = _called(row.name, {other.name for other in board.rows})
        return [record for record in self._found.get(key, []) if is_method(record.method)]

    @cached_property
    def _found(self) -> dict[_Key, list[Record]]:
        found: dict[_Key, list[Record]] = defaultdict(list)
        for record in self.records:
            data, method = record.data, record.method
            revisions = (data.train_revision, data.test_revision)
            key = _Key(data.name, *revisions, record.ipc, method.identity, method.origin)
            found[key].append(record)
        return found


class _Key(NamedTuple):
    dataset: str
    train_revision: str
    test_revision: str
    ipc: int | None
    identity: str
    origin: str


def _protocol(column: Column, cell: Cell | None) -> Name:
    """Return the protocol that a cell was run under, mostly that of its column."""
    own = cell.protocol if cell else ""
    return column.protocol_name._replace(identity=own) if own else column.protocol_name


def _card(record: Record, metric: str) -> Card:
    card = record.cards.get(metric, {})
    return tuple(sorted((name, str(value)) for name, value in card.items()))


def _called(wanted: Name, names: set[Name]) -> Callable[[Described | None], bool]:
    """Return whether something is what a board calls `wanted`, among all `names` there."""
    alike = sum(other[1:] == wanted[1:] for other in names)
    first = 0 if alike > 1 else 1
    return lambda described: name_of(described)[first:] == wanted[first:]

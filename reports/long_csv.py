"""Leaderboards as one long CSV table: a line per method and score, at full precision."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from leaderboards import Board, Cell, Column, Row
from reports.layout import plain

COLUMNS = (
    "dataset",
    "train_revision",
    "test_revision",
    "ipc",
    "protocol",
    "student",
    "method",
    "metric",
    "mean",
    "std",
    "n_sets",
    "n_students",
    "low",
    "high",
    "rank",
)

_FORMULA = ("=", "+", "-", "@")
# Tabs and line ends open formulas too; `plain` has taken them away.


def render(boards: Iterable[Board]) -> str:
    """Return all cells of all boards, with a header; lines end in LF.

    Missing values are empty. `ipc` is empty for methods that have none; they stand on several
    boards and in this table once. `protocol` is empty for costs but the stored size.
    """
    lines = dict.fromkeys(line for board in boards for line in _lines(board))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(lines)
    return out.getvalue()


def _lines(board: Board) -> Iterator[tuple[str, ...]]:
    for row in board.rows:
        for column, cell in zip(board.columns, row.cells, strict=True):
            if cell is not None:
                yield _line(board, row, column, cell)


def _line(board: Board, row: Row, column: Column, cell: Cell) -> tuple[str, ...]:
    ipc = None if row.reference else board.ipc
    metric = column.metric + (f"[{column.distinction}]" if column.distinction else "")
    names = (board.dataset, board.train_revision, board.test_revision)
    labels = (cell.protocol or column.protocol, column.student, row.method, metric)
    numbers = (cell.mean, cell.std, cell.n_sets, cell.n_students, cell.low, cell.high, cell.rank)
    return (
        *map(name_cell, names),
        number_cell(ipc),
        *map(name_cell, labels),
        *map(number_cell, numbers),
    )


def name_cell(text: str) -> str:
    """Return a name as text that no spreadsheet takes for a formula."""
    text = plain(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def number_cell(value: float | None) -> str:
    """Return a number at full precision; "" for none."""
    return "" if value is None else repr(value)

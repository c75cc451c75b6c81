"""Leaderboards as long CSV tables, at full precision: a line per cell, or one per number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from leaderboards import Board, Cell, Column, Row
from reports.plain import plain

if TYPE_CHECKING:
    import pandas as pd

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
    "over",
    "std_sets",
    "std_students",
    "rank_low",
    "rank_high",
    "ties",
    "published",
    "published_std",
    "source",
    "verdict",
    "card",
    "method_identity",
    "protocol_identity",
    "student_identity",
)

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
# Also in full width, as spreadsheets in East Asia read them; tabs and line ends open formulas too,
# which `plain` has taken away.


def render(boards: Iterable[Board]) -> str:
    """Return all cells of all boards, with a header; lines end in LF.

    Missing values are empty. `ipc` is empty for methods that have none; they stand on several
    boards and in this table once. `protocol` is empty for costs but the stored size. Of several
    published numbers the first is given. `card` holds `name=value` pairs, with ";" between them.
    Identities say what was run; the protocol of the stored size has the head of its own alone.
    """
    lines = dict.fromkeys(line for board in boards for line in _lines(board))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(lines)
    return out.getvalue()


def every_number(table: pd.DataFrame) -> str:
    """Return what `leaderboards.frame` gives, with a header; lines end in LF."""
    texts = table.select_dtypes(exclude="number").columns
    safe = table.assign(**{name: table[name].map(name_cell) for name in texts})
    text: str = safe.to_csv(index=False, lineterminator="\n")
    return text


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
    protocol = cell.protocol or column.protocol_name.identity
    identities = (row.name.identity, protocol, column.student_name.identity)
    sources = (cell.std_sets, cell.std_students, cell.rank_low, cell.rank_high)
    return (
        *map(name_cell, names),
        number_cell(ipc),
        *map(name_cell, labels),
        *map(number_cell, numbers),
        "" if cell.over == "nothing" else cell.over,
        *map(number_cell, sources),
        cell.ties,
        *_published(cell),
        name_cell(";".join(f"{name}={value}" for name, value in column.card)),
        *map(name_cell, identities),
    )


def _published(cell: Cell) -> tuple[str, str, str, str]:
    """Return the first published number, its standard deviation, source and verdict."""
    if not cell.quotes:
        return "", "", "", ""
    quote = cell.quotes[0]
    numbers = number_cell(quote.row.value), number_cell(quote.row.std)
    return *numbers, name_cell(quote.row.source), quote.verdict


def name_cell(text: str) -> str:
    """Return a name as text that no spreadsheet takes for a formula."""
    text = plain(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def number_cell(value: float | None) -> str:
    """Return a number at full precision; "" for none."""
    return "" if value is None else repr(value)

"""Leaderboards on a terminal: as many blocks side by side as the width takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from leaderboards import Board
from reports.layout import Block, blocks, caption, legend, notes, plain

HEADING_WIDTH = 20
"""Longest line of a heading, in characters, where it can be broken."""


def render(boards: Iterable[Board], console: Console) -> None:
    """Print the boards; colours and width are the console's, which honours NO_COLOR."""
    for board in boards:
        console.print()
        console.print(Text(caption(board), style="bold"))
        for table in _tables(board, console):
            console.print(table)
        for note in (legend(board), *notes(board)):
            console.print(Text(note, style="dim"))


def _tables(board: Board, console: Console) -> Iterator[Table]:
    """Yield tables of as many blocks as fit, at least one each; methods are repeated."""
    chosen: list[Block] = []
    for block in blocks(board):
        if chosen and not _fits(_table(board, [*chosen, block]), console):
            yield _table(board, chosen)
            chosen = []
        chosen.append(block)
    yield _table(board, chosen)


def _fits(table: Table, console: Console) -> bool:
    unlimited = console.options.update(width=100_000)
    return Measurement.get(console, unlimited, table).maximum <= console.width


def _table(board: Board, chosen: list[Block]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), header_style="bold")
    table.add_column(Text("method"), overflow="fold", vertical="bottom")
    for block in chosen:
        titled = False
        for column in block.columns:
            lines = [] if titled or column.counts else _broken(block.protocol, block.student)
            titled = titled or not column.counts
            table.add_column(
                Text("\n".join([*lines, column.title])),
                justify="right",
                overflow="fold",
                vertical="bottom",
                style="dim" if column.quiet else "",
            )
    for index, row in enumerate(board.rows):
        cells = [column.entries[index] for block in chosen for column in block.columns]
        if not any(cell.text for cell in cells):
            continue  # run under other protocols or students alone
        texts = (Text(cell.text, style="bold green" if cell.best else "") for cell in cells)
        table.add_row(Text(plain(row.method), style="italic" if row.reference else ""), *texts)
    return table


def _broken(*labels: str) -> list[str]:
    """Break labels into lines after commas, pluses and opening brackets."""
    lines = []
    for label in filter(None, labels):
        lines.append("")
        for part in re.findall(r"[^,+\[(]*[,+\[(]?", label):
            if lines[-1] and len(lines[-1]) + len(part) > HEADING_WIDTH:
                lines.append("")
            lines[-1] += part
    return lines

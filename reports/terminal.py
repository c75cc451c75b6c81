"""Leaderboards on a terminal: as many blocks side by side as the width takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from rich import box
from rich.align import Align
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from leaderboards import Board
from reports.layout import Block, Printed, blocks, caption
from reports.plain import plain
from reports.remarks import legend, notes

HEADING_WIDTH = 20
"""Longest line of a heading, in characters, where it can be broken and no entry is wider."""

WORD = r" *[^ ]+(?: [^ ](?= |$))*"
"""A word of a title, with the units and arrows that stay beside it."""


def render(boards: Iterable[Board], console: Console, all_scores: bool = False) -> None:
    """Print the boards and how to read them, with all scores or the main ones.

    Colours and width are the console's, which honours NO_COLOR.
    """
    boards = list(boards)
    for board in boards:
        console.print()
        console.print(Text(caption(board), style="bold"))
        for table in _tables(board, console, all_scores):
            console.print(table)
        for note in notes(board, all_scores):
            console.print(Text(f"- {note}", style="dim"))
    lines = legend(boards, all_scores)
    for line in ["", *lines] if lines else []:
        console.print(Text(line, style="dim"))


def _tables(board: Board, console: Console, all_scores: bool) -> Iterator[Table]:
    """Yield tables of as many blocks as fit, at least one each; methods are repeated."""
    chosen: list[Block] = []
    for block in blocks(board, all_scores):
        for part in _fitting(board, block, console):
            if chosen and not _fits(_table(board, [*chosen, part], console), console):
                yield _table(board, chosen, console)
                chosen = []
            chosen.append(part)
    yield _table(board, chosen, console)


def _fitting(board: Board, block: Block, console: Console) -> Iterator[Block]:
    """Yield a block in as many parts as the width asks for, a score each at least."""
    chosen: tuple[Printed, ...] = ()
    for score in _scores(block):
        if chosen and not _fits(
            _table(board, [replace(block, columns=(*chosen, *score))], console), console
        ):
            yield replace(block, columns=chosen)
            chosen = ()
        chosen += score
    yield replace(block, columns=chosen)


def _scores(block: Block) -> list[tuple[Printed, ...]]:
    """Return the columns of every score: the rank stands before it, counts after the last."""
    found: list[tuple[Printed, ...]] = []
    for column in block.columns:
        if found and (column.closes or found[-1][-1].opens):
            found[-1] += (column,)
        else:
            found.append((column,))
    return found


def _fits(table: Table, console: Console) -> bool:
    unlimited = console.options.update(width=100_000)
    return Measurement.get(console, unlimited, table).maximum <= console.width


def _table(board: Board, chosen: list[Block], console: Console) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), header_style="bold")
    table.add_column(Align.left("method", vertical="bottom"), overflow="fold")
    for block in chosen:
        titled = False
        for column in block.columns:
            labels = () if titled or column.counts else (block.protocol, block.student, block.part)
            titled = titled or not column.counts
            table.add_column(
                Align.right(Text("\n".join(_heading(column, labels))), vertical="bottom"),
                justify="right",
                overflow="fold",
                style="dim" if column.quiet else "",
            )
    for index, row in enumerate(board.rows):
        cells = [column.entries[index] for block in chosen for column in block.columns]
        if not any(cell.text for cell in cells):
            continue  # run under other protocols or students alone
        method = "\n  ".join(_filled(_parts(plain(row.method)), console.width // 4))
        texts = (Text(cell.text, style="bold green" if cell.best else "") for cell in cells)
        table.add_row(Text(method, style="italic" if row.reference else ""), *texts)
    return table


def _heading(column: Printed, labels: Iterable[str]) -> list[str]:
    """Return labels and title as lines that widen the column no more than they must."""
    width = max(cell_len(entry.text) for entry in column.entries)
    lines = []
    for label in filter(None, labels):
        lines += _filled(_parts(label), max(width, HEADING_WIDTH))
    words = re.findall(WORD, column.title)
    return lines + _filled(words, max([width, *map(cell_len, (*words, *lines))]))


def _parts(label: str) -> list[str]:
    """Return a label in parts that end at commas, pluses and opening brackets."""
    return re.findall(r"[^,+\[(]*[,+\[(]?", label)


def _filled(parts: Iterable[str], width: int) -> list[str]:
    """Return the parts in order, on as few lines of at most that width as that takes."""
    lines = [""]
    for part in parts:
        if lines[-1] and cell_len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part if lines[-1] else part.lstrip()
    return lines

"""The leaderboards of the page: what its templates loop over."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from leaderboards import Board
from reports.layout import Block, Entry, Printed, blocks, caption
from reports.material import Material
from reports.page.budget import MOST_CELLS, PAPER_COLUMNS
from reports.page.choices import Choices, ipc_text, title
from reports.plain import plain
from reports.remarks import notes
from reports.words.counting import chained

SPREAD = re.compile(r"(?P<mean>\S+)(?P<std> ± \S+)?(?P<ends> \[[^\]]*\]\*?)?(?P<mark> ‡)?")
"""A number as tables print it: mean, deviation, interval, and the mark of another protocol."""


@dataclass(frozen=True)
class Head:
    """The heading of one column."""

    title: str
    kind: str
    """"rank", "score" or "count"."""
    protocol: int | None
    """Positions among the choices."""
    student: int | None
    extra: bool
    """Shown where all scores are asked for."""
    quiet: bool
    opens: bool
    """First of its block."""


@dataclass(frozen=True)
class Span:
    """The heading of a block of columns."""

    lines: tuple[str, ...]
    width: int


@dataclass(frozen=True)
class Shown:
    """One cell."""

    main: str
    aside: str = ""
    ends: str = ""
    best: bool = False
    value: str = ""
    ties: str = ""


@dataclass(frozen=True)
class Line:
    """One row."""

    method: str
    colour: int
    cells: tuple[Shown, ...]


@dataclass(frozen=True)
class Reading:
    """How all tables are read."""

    numbers: str
    """What a number is, and what stands beside and below it; "" where nothing does."""
    ranked: bool
    """Whether any column has ranks."""


@dataclass(frozen=True)
class Table:
    """One leaderboard."""

    number: int
    title: str
    caption: str
    dataset: int
    ipc: int
    spans: tuple[Span, ...]
    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    references: tuple[Line, ...]
    notes: tuple[str, ...]
    best: tuple[str, ...]
    """Of the first ranked column; of a table that is left out nothing else is shown."""
    left_out: bool

    @property
    def cells(self) -> int:
        """Return how many cells are shown."""
        return len(self.heads) * (len(self.lines) + len(self.references))

    @property
    def dense(self) -> bool:
        """Return whether numbers have to be broken for the columns to find room on paper."""
        return sum(not head.extra for head in self.heads) > PAPER_COLUMNS


def reading(made: Sequence[Table]) -> Reading:
    """Return how the numbers of these tables are read."""
    rows = [(table, line) for table in made for line in (*table.lines, *table.references)]
    cells = [pair for table, line in rows for pair in zip(table.heads, line.cells, strict=True)]
    spread = any(head.kind == "score" and shown.aside for head, shown in cells)
    ends = any(shown.ends for _, shown in cells)
    parts = ["its spread beside it"] * spread + ["its 95% interval below it"] * ends
    has = f", with {chained(parts)}, where it has {'them' if parts[1:] else 'one'}"
    numbers = f"A number is a mean{has}." if parts else ""
    return Reading(numbers, any(table.best for table in made))


def tables(material: Material, chosen: Choices) -> list[Table]:
    """Return the tables of all boards; those beyond `MOST_CELLS` without their rows."""
    made, room = [], MOST_CELLS
    for number, board in enumerate(material.boards):
        parts = blocks(board, all_scores=True)
        room -= len(board.rows) * sum(len(block.columns) for block in parts)
        made.append(_table(number, board, parts if room >= 0 else [], material, chosen))
    return made


def _table(
    number: int, board: Board, parts: list[Block], material: Material, chosen: Choices
) -> Table:
    columns = [column for block in parts for column in block.columns]
    lines = [
        Line(
            plain(row.method),
            material.colours.get(row.name, -1),
            tuple(_shown(column.entries[index], column) for column in columns),
        )
        for index, row in enumerate(board.rows)
    ]
    first = sum(not row.reference for row in board.rows)
    return Table(
        number=number,
        title=title(board, material.boards),
        caption=caption(board),
        dataset=chosen.datasets.index(plain(board.dataset)),
        ipc=chosen.ipcs.index(ipc_text(board)),
        spans=tuple(_span(block) for block in parts),
        heads=tuple(head for block in parts for head in _heads(block, chosen)),
        lines=tuple(lines[:first]) if parts else (),
        references=tuple(lines[first:]) if parts else (),
        notes=tuple(notes(board, all_scores=True)) if parts else (),
        best=_best(board),
        left_out=not parts,
    )


def _span(block: Block) -> Span:
    lines = tuple(filter(None, (block.protocol, block.student, block.part)))
    return Span(lines or ("cost",), len(block.columns))


def _heads(block: Block, chosen: Choices) -> list[Head]:
    """Return the headings of a block; networks whose features are compared are no students."""
    student = block.student if block.student and not block.part else None
    return [
        Head(
            title=column.title,
            kind="rank" if column.opens else "count" if column.closes else "score",
            protocol=chosen.protocols.index(block.protocol)
            if block.protocol in chosen.protocols
            else None,
            student=chosen.students.index(student) if student in chosen.students else None,
            extra=not column.main,
            quiet=column.quiet,
            opens=position == 0,
        )
        for position, column in enumerate(block.columns)
    ]


def _shown(entry: Entry, column: Printed) -> Shown:
    value = "" if entry.value is None else f"{entry.value:.6g}"
    if column.opens:
        ends, _, letters = entry.text.partition(" ")
        return Shown(ends, letters, best=entry.best, value=value, ties=letters)
    found = None if column.counts else SPREAD.fullmatch(entry.text)
    if found is None:
        return Shown(entry.text, best=entry.best, value=value)
    mean = f"{found['mean']}{found['mark'] or ''}"
    aside, ends = (found["std"] or "").strip(), (found["ends"] or "").strip()
    return Shown(mean, aside, ends, entry.best, value)


def _best(board: Board) -> tuple[str, ...]:
    for place, column in enumerate(board.columns):
        if column.told and column.told.tested:
            first = [row for row in board.rows if (c := row.cells[place]) and c.rank == 1]
            return tuple(plain(row.method) for row in first)
    return ()

"""What every printed leaderboard says, before a terminal or a page gives it a shape.

The columns of one protocol and student form a block: rank, scores, and how many students and sets
the scores are means of. Scores of the images form one block for each network and kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from leaderboards import Board, Cell, Column, Row
from leaderboards.headings import Card, distinctions, short_revision, size
from leaderboards.placement import BYTES
from reports.plain import plain as plain
from reports.ranking import number_text, quote_text, rank_text


@dataclass(frozen=True)
class Entry:
    """One printed cell."""

    text: str
    best: bool = False
    """Not separated from the first of its column."""
    value: float | None = field(default=None, compare=False)
    """What the cell is sorted by: a mean, or the best rank of an interval; None: by its text."""


@dataclass(frozen=True)
class Printed:
    """One printed column."""

    title: str
    entries: tuple[Entry, ...]
    """One per row of the board."""
    quiet: bool = False
    """Shown beside the scores and never ranked."""
    counts: bool = False
    """Rank or number of students, rather than a score."""
    main: bool = True
    """Shown where not all scores are asked for."""

    @property
    def opens(self) -> bool:
        """Return whether it is the rank of the score that follows."""
        return self.counts and not self.quiet

    @property
    def closes(self) -> bool:
        """Return whether it counts what the scores before it are means of."""
        return self.counts and self.quiet


@dataclass(frozen=True)
class Block:
    """The printed columns of one protocol and student, of one network, or of the costs."""

    protocol: str
    student: str
    """The student, or the network whose features are compared."""
    columns: tuple[Printed, ...]
    part: str = ""
    """What scores of the images compare; "" for all others."""


def blocks(board: Board, all_scores: bool = False) -> list[Block]:
    """Return the blocks of a board from left to right, with all scores or the main ones."""
    grouped = groupby(shown(board, all_scores), key=lambda place: _Heading.of(board.columns[place]))
    return [
        Block(
            plain(heading.protocol),
            plain(heading.student),
            tuple(_printed(board, list(members))),
            plain(heading.part),
        )
        for heading, members in grouped
    ]


def shown(board: Board, all_scores: bool) -> list[int]:
    """Return the places of the columns that are printed."""
    return [place for place, column in enumerate(board.columns) if all_scores or column.score.main]


def caption(board: Board) -> str:
    """Return real set, IPC, splits and short revisions in one line."""
    ipc = "no IPC" if board.ipc is None else f"IPC {board.ipc}"
    parts = [board.dataset, ipc]
    for part, split, revision in (
        ("train", board.train_split, board.train_revision),
        ("test", board.test_split, board.test_revision),
    ):
        parts.append(f"{part} {split} @ {short_revision(revision)}")
    return " · ".join(plain(part) for part in parts)


def title(board: Board, column: Column) -> str:
    """Return the heading of one score, with unit, direction and what tells it from others."""
    score = column.score
    counted = f" of {column.facts['distilled']}" if _says_images(column) else ""
    arrow = " ↓" if score.better == "lower" and column.group != "cost" else ""
    unit = f" {score.unit}" if score.unit and column.metric not in BYTES else ""
    told = _distinction(board, column)
    return plain(f"{score.title}{unit}{counted}{arrow}{f' ({told})' if told else ''}")


class _Heading(NamedTuple):
    cost: bool
    protocol: str
    student: str
    part: str

    @classmethod
    def of(cls, column: Column) -> _Heading:
        network = column.facts.get("extractor", "") if column.group == "images" else ""
        return cls(column.group == "cost", column.protocol, column.student or network, column.block)


def _printed(board: Board, places: list[int]) -> Iterator[Printed]:
    """Yield the columns of one block: rank before a ranked score, counts at the end."""
    for place in places:
        column = board.columns[place]
        cells = [row.cells[place] for row in board.rows]
        main = column.score.main
        if column.told and column.told.tested:
            ranks = (Entry(rank_text(c), _best(c), c.rank_low if c else None) for c in cells)
            yield Printed("#", tuple(ranks), counts=True, main=main)
        entries = (
            Entry(_number(row, place, column), _best(cell), cell.mean if cell else None)
            for row, cell in zip(board.rows, cells, strict=True)
        )
        quiet = not column.score.ranked
        yield Printed(title(board, column), tuple(entries), quiet, main=main)
        if any(cell.quotes for cell in cells if cell):
            quotes = (Entry(quote_text(cell, column.score.decimals)) for cell in cells)
            yield Printed("published", tuple(quotes), quiet=True, main=main)
    if board.columns[places[0]].group != "cost":
        cells_of = ([row.cells[place] for place in places] for row in board.rows)
        counts = tuple(Entry(_counts(cells)) for cells in cells_of)
        main = any(board.columns[place].score.main for place in places)
        yield Printed("n", counts, quiet=True, counts=True, main=main)


def _best(cell: Cell | None) -> bool:
    return cell is not None and cell.rank == 1


def _number(row: Row, place: int, column: Column) -> str:
    cell = row.cells[place]
    if cell is None:
        return ""
    if column.metric in BYTES and column.group == "cost":
        return size(cell.mean)
    mark = " ‡" if cell.protocol else ""
    return f"{number_text(cell, column.score, row.stochastic)}{mark}"


def _counts(cells: list[Cell | None]) -> str:
    """Return `students/sets`, or the sets alone where there is no student."""
    pairs = {(cell.n_students, cell.n_sets) for cell in cells if cell}
    texts = (f"{students}/{sets}" if students else str(sets) for students, sets in sorted(pairs))
    return ", ".join(texts)


def _says_images(column: Column) -> bool:
    """Return whether the title says of how many distilled images the score is."""
    return column.score.counted and "distilled" in column.facts


def _distinction(board: Board, column: Column) -> str:
    """Return the facts that tell a column from others of its block and title."""
    if column.group != "images":
        return column.distinction
    rivals = (
        other
        for other in board.columns
        if (_Heading.of(other), other.metric) == (_Heading.of(column), column.metric)
    )
    return distinctions({_unsaid(other) for other in rivals})[_unsaid(column)]


def _unsaid(column: Column) -> Card:
    """Return the card without what block and title say."""
    said = {"extractor", "distilled"} if _says_images(column) else {"extractor"}
    return tuple((name, value) for name, value in column.card if name not in said)

"""What every printed leaderboard says, before a terminal or a page gives it a shape.

The columns of one protocol and student form a block: rank, scores, and how many students and sets
the scores are means of.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from leaderboards import Board, Cell, Column
from leaderboards.headings import short_revision, size
from leaderboards.placement import BYTES

DRAWN = "drawn"
"""Split id of the procedural sets."""

FASTAI = "fastai-v2"
"""What the split ids of fastai's archives begin with."""


@dataclass(frozen=True)
class Entry:
    """One printed cell."""

    text: str
    best: bool = False
    """First in its column."""


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


@dataclass(frozen=True)
class Block:
    """The printed columns of one protocol and student, or of the costs."""

    protocol: str
    student: str
    columns: tuple[Printed, ...]


def blocks(board: Board) -> list[Block]:
    """Return the blocks of a board from left to right."""
    places = range(len(board.columns))
    grouped = groupby(places, key=lambda place: _block_of(board.columns[place]))
    return [
        Block(plain(protocol), plain(student), tuple(_printed(board, list(members))))
        for (_, protocol, student), members in grouped
    ]


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


def legend(board: Board) -> str:
    """Return one line on how to read the table, without what it has no column for."""
    metrics = {column.metric for column in board.columns}
    parts = []
    if "top1_last" in metrics:
        parts.append("top-1 is the accuracy after the last epoch and is ranked (#)")
    if "top1_best" in metrics:
        parts.append("best epoch is chosen on the test set and never ranked")
    if any(column.group != "cost" for column in board.columns):
        parts.append("mean ± sample std over n = students/sets")
    if "seconds" in metrics:
        parts.append("cost: seconds without shared artefacts")
    if "forwards" in metrics:
        parts.append("forwards: passes of the generator's network, a backward pass counts as two")
    if "stored_bytes" in metrics:
        parts.append("stored: images + labels + teacher, what others need to train on the set")
    return "; ".join(parts)


def notes(board: Board) -> list[str]:
    """Return what has to be said about the set, rows (protocols, fields, origin) and teachers."""
    found = []
    if board.train_split == DRAWN:
        found.append(
            f"{plain(board.dataset)} is drawn, not photographed: its figures are those of this set "
            "only and compare with none that are published"
        )
    if board.train_split.startswith(FASTAI):
        found.append(
            f"{plain(board.dataset)} is the split {plain(board.train_split)} of fastai; the "
            "published numbers of most papers and protocols are of ILSVRC2012's images of these "
            "classes, other ones to train on and to test on: this split is not theirs"
        )
    for row in board.rows:
        name = plain(row.method)
        others = {cell.protocol for cell in row.cells if cell and cell.protocol}
        if others:
            found.append(
                f"† method {name} has no IPC and was run under {plain(', '.join(sorted(others)))}"
            )
        named = row.name.identity == row.name.label or f"({row.name.identity}" in row.method
        if not named:
            found.append(f"method {name} is {plain(row.name.identity)}")
        if row.remark:
            found.append(f"method {name}: {plain(row.remark)}")
        if row.name.origin:
            found.append(f"method {name} comes from {plain(row.name.origin)}")
    return [*found, *map(plain, board.remarks)]


def plain(text: str) -> str:
    """Return text without control and direction characters, on one line.

    Names come from files and plugins; printed raw they could move the cursor, hide text or forge
    lines.
    """
    kept = (
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char) not in {"Cc", "Cf", "Cs"}
    )
    return " ".join("".join(kept).split())


def _block_of(column: Column) -> tuple[bool, str, str]:
    return column.group == "cost", column.protocol, column.student


def _printed(board: Board, places: list[int]) -> Iterator[Printed]:
    """Yield the columns of one block: rank before a ranked score, counts at the end."""
    for place in places:
        column = board.columns[place]
        cells = [row.cells[place] for row in board.rows]
        ranks = [cell.rank if cell else None for cell in cells]
        if any(ranks):
            marks = (Entry(str(rank or ""), rank == 1) for rank in ranks)
            yield Printed("#", tuple(marks), counts=True)
        entries = (
            Entry(_number(cell, column), rank == 1) for cell, rank in zip(cells, ranks, strict=True)
        )
        yield Printed(_title(column), tuple(entries), quiet=not column.score.ranked)
    if board.columns[places[0]].group != "cost":
        cells_of = ([row.cells[place] for place in places] for row in board.rows)
        counts = tuple(Entry(_counts(cells)) for cells in cells_of)
        yield Printed("n", counts, quiet=True, counts=True)


def _title(column: Column) -> str:
    score = column.score
    arrow = " ↓" if score.better == "lower" and column.group != "cost" else ""
    unit = f" {score.unit}" if score.unit and column.metric not in BYTES else ""
    facts = f" ({column.distinction})" if column.distinction else ""
    return plain(f"{score.title}{unit}{arrow}{facts}")


def _number(cell: Cell | None, column: Column) -> str:
    if cell is None:
        return ""
    if column.metric in BYTES and column.group == "cost":
        return size(cell.mean)
    decimals = column.score.decimals
    spread = f" ± {cell.std:.{decimals}f}" if cell.std is not None and decimals else ""
    return f"{cell.mean:,.{decimals}f}{spread}{' †' if cell.protocol else ''}"


def _counts(cells: list[Cell | None]) -> str:
    """Return `students/sets`, or the sets alone where there is no student."""
    pairs = {(cell.n_students, cell.n_sets) for cell in cells if cell}
    texts = (f"{students}/{sets}" if students else str(sets) for students, sets in sorted(pairs))
    return ", ".join(texts)

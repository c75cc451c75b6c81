"""Accuracy against the number of images per class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from leaderboards.figures.merged import Merged, merged, set_names
from leaderboards.headings import Name
from leaderboards.ranks.statistics import Cell
from leaderboards.table import Board

METRIC = "top1_last"


@dataclass(frozen=True)
class IpcLine:
    """One method over the IPCs it was run at."""

    name: Name
    """At the lowest IPC."""
    method: str
    ipcs: tuple[int, ...]
    """Ascending; () for a reference, whose one cell has no IPC."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class IpcCurve:
    """One set under one protocol with one student."""

    dataset: str
    """With short revisions where two sets go by one name."""
    splits: str
    protocol: str
    student: str
    lines: tuple[IpcLine, ...]
    """In the order of the board of the lowest IPC, references last."""


def ipc_curves(boards: Sequence[Board]) -> list[IpcCurve]:
    """Return the curves of all sets that were run at two IPCs or more."""
    sets: dict[tuple[str, str, str], dict[int, Board]] = defaultdict(dict)
    names = {}
    for board, name in zip(boards, set_names(boards), strict=True):
        if board.ipc is not None:
            key = (board.dataset, board.train_revision, board.test_revision)
            sets[key][board.ipc], names[key] = board, name
    return [curve for key, by_ipc in sets.items() for curve in _of_set(names[key], by_ipc)]


class _Key(NamedTuple):
    """What is called the same at every IPC; identities hold fields that follow from it."""

    protocol: str
    protocol_origin: str
    student: str
    student_origin: str
    distinction: str


def _of_set(name: str, by_ipc: Mapping[int, Board]) -> list[IpcCurve]:
    ipcs = sorted(by_ipc)
    own = [by_ipc[ipc] for ipc in ipcs]
    places: dict[_Key, dict[int, int]] = defaultdict(dict)
    for at, board in enumerate(own):
        for place, column in enumerate(board.columns):
            if column.metric == METRIC and column.student:
                origins = column.protocol_name.origin, column.student_name.origin
                told = column.distinction
                key = _Key(column.protocol, origins[0], column.student, origins[1], told)
                places[key].setdefault(at, place)
    methods = merged(own)
    curves = []
    for key, columns in places.items():
        lines = tuple(line for one in methods if (line := _line(one, ipcs, columns)) is not None)
        if len({ipc for line in lines for ipc in line.ipcs}) > 1:
            splits = f"train {own[0].train_split}, test {own[0].test_split}"
            protocol = f"{key.protocol} ({key.distinction})" if key.distinction else key.protocol
            curves.append(IpcCurve(name, splits, protocol, key.student, lines))
    return curves


def _line(method: Merged, ipcs: Sequence[int], columns: Mapping[int, int]) -> IpcLine | None:
    """Return the line of one method through these columns of its boards; None without any cell."""
    found = [
        (ipcs[at], cell)
        for at, row in method.rows.items()
        if at in columns and (cell := row.cells[columns[at]]) is not None
    ]
    if not found:
        return None
    if method.reference:
        return IpcLine(method.name, method.method, (), (found[0][1],))
    return IpcLine(
        method.name,
        method.method,
        tuple(ipc for ipc, _ in found),
        tuple(cell for _, cell in found),
    )

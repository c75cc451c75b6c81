"""Which rows and columns of a paper's table stand together on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from leaderboards.figures.pivots import Pivot
from reports.paper.cells import Shown

MOST_COLUMNS = 8
MOST_ROWS = 40
WIDTH = 468.0
"""Points of text on a page of letter size with margins of an inch."""
IPC, NAME = 34.0, 110.0
"""Points of the heading of a column, and of that of a set at most."""
LABELS = (50.0, 130.0)
"""Points that the names of methods take, at least and at most."""


@dataclass(frozen=True)
class Part:
    """What one table shows of a pivot."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    widths: tuple[float, ...]
    """Of all columns, in points, about."""
    width: float
    """Of this part."""


def parts(pivot: Pivot, columns: Sequence[Sequence[Shown]]) -> list[Part]:
    """Return the parts that hold every row and column once, sets kept together where they fit."""
    widths = tuple(
        max(heading, *(cell.width() for cell in column))
        for heading, column in zip(_headings(pivot), columns, strict=True)
    )
    longest = max((len(row.method) for row in pivot.rows), default=0)
    label = min(max(LABELS[0], 4.6 * longest), LABELS[1]) + 6.0
    return [
        Part(rows, across, widths, label + sum(widths[place] for place in across))
        for across in _across(pivot, widths, WIDTH - label)
        for rows in _down(pivot)
    ]


def _headings(pivot: Pivot) -> list[float]:
    """Return what a column needs for its IPC, and for its share of the name of its set."""
    found = []
    for dataset, group in groupby(head.dataset for head in pivot.heads):
        count = len(list(group))
        share = min(4.9 * len(dataset), NAME) / count + 8.0
        found += [max(IPC, share)] * count
    return found


def _across(pivot: Pivot, widths: Sequence[float], room: float) -> list[tuple[int, ...]]:
    found: list[list[int]] = [[]]
    for _, group in groupby(range(len(widths)), key=lambda place: pivot.heads[place].dataset):
        places = list(group)
        if not _fits([*found[-1], *places], widths, room) and found[-1]:
            found.append([])
        for place in places:
            if found[-1] and not _fits([*found[-1], place], widths, room):
                found.append([])
            found[-1].append(place)
    return [tuple(places) for places in found]


def _fits(places: Sequence[int], widths: Sequence[float], room: float) -> bool:
    return len(places) <= MOST_COLUMNS and sum(widths[place] for place in places) <= room


def _down(pivot: Pivot) -> list[tuple[int, ...]]:
    rows = range(len(pivot.rows))
    return [tuple(rows[start : start + MOST_ROWS]) for start in range(0, len(rows), MOST_ROWS)]

"""Where the names of single dots stand: beside them, or where a line leads to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reports.drawings.boxes import Box
from reports.drawings.chart import Chart, Line
from reports.drawings.svg_frame import Frame
from reports.drawings.svg_text import said, width

LONGEST = 40.0
"""Of a line to a name; one that is led from further away is read as another dot's."""
CLEAR = 6.0
"""Around a name that a line leads to, without dots of others."""


class Place(NamedTuple):
    """Where a name stands beside a dot."""

    box: Box
    led: bool
    """Far enough for a line that leads to it."""


def placed(lines: list[Line], chart: Chart, frame: Frame) -> list[Place | None]:
    """Return for every name the first of some places that nothing else takes, None without one."""
    dots, bars = _taken(chart, frame)
    whole = Box(2, 0, frame.width - 2, frame.bottom)
    names: list[Box] = []
    found: list[Place | None] = []
    for line in lines:
        mark = line.marks[-1]
        at = frame.across(mark.x), frame.down(mark.y)
        boxes = _places(at, width(said(line.name)))
        near, far = ([box for box in some if whole.holds(box)] for some in boxes)
        others = [dot for dot in dots if dot != _dot(at)]
        far = [box for box in far if _may_lead(at, box, names, others)]
        box = (
            _free(near, [*names, *dots, *bars])
            or _free(far, [*names, *dots, *bars])
            or _free(near, [*names, *dots])
        )
        found.append(Place(box, box in far) if box else None)
        if box is not None:
            names += [box, *(_steps(at, box) if box in far else [])]
    return found


def side(at: tuple[float, float], box: Box) -> tuple[float, float]:
    """Return where the line from a dot meets its name: the middle of the nearer side."""
    x = box.left - 2 if box.left > at[0] else box.right + 2
    return x, (box.low + box.high) / 2


def _may_lead(
    at: tuple[float, float], box: Box, names: Sequence[Box], others: Sequence[Box]
) -> bool:
    """Return whether a line from a dot to its name is short and passes neither name nor dot."""
    clear = Box(box.left - CLEAR, box.low - CLEAR, box.right + CLEAR, box.high + CLEAR)
    return (
        math.dist(at, side(at, box)) <= LONGEST
        and not any(step.meets(one) for step in _steps(at, box) for one in (*names, *others))
        and not any(clear.meets(dot) for dot in others)
    )


def _free(places: Iterable[Box], others: Sequence[Box]) -> Box | None:
    return next((box for box in places if not any(box.meets(other) for other in others)), None)


def _steps(at: tuple[float, float], box: Box) -> list[Box]:
    """Return small boxes along the line from a dot to its name."""
    x, y = side(at, box)
    points = [(at[0] + (x - at[0]) * n / 8, at[1] + (y - at[1]) * n / 8) for n in range(1, 8)]
    return [Box(px - 2, py - 2, px + 2, py + 2) for px, py in points]


def _places(at: tuple[float, float], wide: float) -> tuple[list[Box], list[Box]]:
    """Return the boxes right, left, above and below a dot, and those that a line leads to."""
    x, y = at
    near = [
        Box(x + 7, y - 8, x + 7 + wide, y + 6),
        Box(x - 7 - wide, y - 8, x - 7, y + 6),
        Box(x - wide / 2, y - 21, x + wide / 2, y - 7),
        Box(x - wide / 2, y + 7, x + wide / 2, y + 21),
    ]
    far = [
        Box(left, y + dy - 7, left + wide, y + dy + 7)
        for away in (12, 20, 30)
        for dy in (-18, 18, -27, 27, -36, 36, 0)
        for left in (x + away, x - away - wide)
    ]
    return near, far


def _dot(at: tuple[float, float]) -> Box:
    return Box(at[0] - 5, at[1] - 5, at[0] + 5, at[1] + 5)


def _taken(chart: Chart, frame: Frame) -> tuple[list[Box], list[Box]]:
    """Return the boxes of all dots, and those of their intervals."""
    marks = [mark for line in chart.lines for mark in line.marks if mark.shape != "none"]
    dots, bars = [], []
    for mark in marks:
        x, y = frame.across(mark.x), frame.down(mark.y)
        dots.append(_dot((x, y)))
        if mark.low is not None and mark.high is not None:
            bars.append(Box(x - 1.5, frame.down(mark.high), x + 1.5, frame.down(mark.low)))
    return dots, bars

"""Names of lines: at their right ends in a column, or beside single dots where there is room."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from reports.drawings.chart import Chart, Line
from reports.drawings.svg_frame import WIDTH, Frame
from reports.drawings.svg_marks import name
from reports.drawings.svg_text import SIZE, label, number, said, width

APART = 14.0
"""Between the lines of two labels."""


class Box(NamedTuple):
    """What takes room."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Return whether two boxes overlap."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: Box) -> bool:
        """Return whether all of another box lies within this one."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


def drawn(chart: Chart, frame: Frame) -> Markup:
    """Return the names of all labelled lines that have room."""
    wanted = [line for line in chart.lines if line.labelled and line.marks]
    parts = [*_at_the_ends([line for line in wanted if line.joined], frame)]
    parts += _beside([line for line in wanted if not line.joined], chart, frame)
    return Markup('<g class="labels" font-size="{}">{}</g>').format(SIZE, Markup("").join(parts))


def spread(wanted: Sequence[float], low: float, high: float, apart: float) -> list[float]:
    """Return places in the order of `wanted`, as near to them as being `apart` allows.

    All lie from `low` to `high`, as far as that is long enough for them. Nearest by least squares:
    isotonic regression of what is left of each place when those before it have their room.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    pools: list[tuple[float, int]] = []
    for number_before, index in enumerate(order):
        mean, size = wanted[index] - number_before * apart, 1
        while pools and pools[-1][0] >= mean:
            other, more = pools.pop()
            mean, size = (mean * size + other * more) / (size + more), size + more
        pools.append((mean, size))
    last = high - (len(order) - 1) * apart
    starts = [min(max(mean, low), max(last, low)) for mean, size in pools for _ in range(size)]
    found = [0.0] * len(order)
    for number_before, (index, start) in enumerate(zip(order, starts, strict=True)):
        found[index] = start + number_before * apart
    return found


def _at_the_ends(lines: list[Line], frame: Frame) -> Iterator[Markup]:
    """Yield names in a column right of the frame, coloured ones first if not all have room."""
    most = int((frame.bottom - frame.top) // APART) + 1
    kept = sorted(lines, key=lambda line: line.colour < 0)[:most]
    ends = [max(line.marks, key=lambda mark: mark.x) for line in kept]
    wanted = [frame.down(mark.y) for mark in ends]
    places = spread(wanted, frame.top, frame.bottom, APART)
    for line, mark, y, place in zip(kept, ends, wanted, places, strict=True):
        x = frame.across(mark.x)
        yield Markup('<g class="{}">{}{}</g>').format(
            name(line.colour),
            _leader(min(x + 6, frame.right + 6), y, frame.right + 6, place),
            _written(frame.right + 9, place + 4, line.name, WIDTH - frame.right - 10),
        )


def _leader(x: float, y: float, to_x: float, to_y: float) -> Markup:
    """Return a line to a name: grey and dotted, as it shows no data."""
    return Markup(
        '<g class="{}"><path d="M{} {}L{} {}" fill="none" stroke="currentColor" '
        'stroke-width="0.6" stroke-dasharray="1 2"/></g>'
    ).format(name(-1), *map(number, (x, y, to_x, to_y)))


def _beside(lines: list[Line], chart: Chart, frame: Frame) -> Iterator[Markup]:
    """Yield names beside dots, in the first of some places that nothing else takes."""
    dots, bars = _taken(chart, frame)
    whole = Box(2, 0, WIDTH - 2, frame.bottom)
    names: list[Box] = []
    for line in sorted(lines, key=lambda line: line.colour < 0):
        mark = line.marks[-1]
        at = frame.across(mark.x), frame.down(mark.y)
        wide = width(said(line.name))
        near, far = ([box for box in boxes if whole.holds(box)] for boxes in _places(at, wide))
        far = [
            box
            for box in far
            if not any(step.meets(one) for step in _steps(at, box) for one in names)
        ]
        box = (
            _free(near, [*names, *dots, *bars])
            or _free(far, [*names, *dots, *bars])
            or _free(near, [*names, *dots])
        )
        if box is not None:
            names += [box, *(_steps(at, box) if box in far else [])]
            lead = _leader(*at, *_side(at, box)) if box in far else Markup("")
            text = _written(box.left, box.bottom - 3, line.name, wide + 1)
            yield Markup('<g class="{}">{}{}</g>').format(name(line.colour), lead, text)


def _free(places: Iterable[Box], others: Sequence[Box]) -> Box | None:
    return next((box for box in places if not any(box.meets(other) for other in others)), None)


def _side(at: tuple[float, float], box: Box) -> tuple[float, float]:
    """Return where the line from a dot meets its name: the middle of the nearer side."""
    x = box.left - 2 if box.left > at[0] else box.right + 2
    return x, (box.top + box.bottom) / 2


def _steps(at: tuple[float, float], box: Box) -> list[Box]:
    """Return small boxes along the line from a dot to its name."""
    x, y = _side(at, box)
    points = [(at[0] + (x - at[0]) * n / 8, at[1] + (y - at[1]) * n / 8) for n in range(1, 8)]
    return [Box(px - 2, py - 2, px + 2, py + 2) for px, py in points]


def _written(x: float, y: float, text: str, room: float) -> Markup:
    # Written over lines and dots, so the ground shows around the letters.
    return Markup(
        '<g class="label" fill="currentColor" paint-order="stroke" stroke="var(--bg)" '
        'stroke-width="3" stroke-linejoin="round">{}</g>'
    ).format(label(x, y, text, room))


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
        for away in (16, 32, 56, 84)
        for dy in (-18, 18, -36, 36, -60, 60, 0)
        for left in (x + away, x - away - wide)
    ]
    return near, far


def _taken(chart: Chart, frame: Frame) -> tuple[list[Box], list[Box]]:
    """Return the boxes of all dots, and those of their intervals."""
    marks = [mark for line in chart.lines for mark in line.marks if mark.shape != "none"]
    dots, bars = [], []
    for mark in marks:
        x, y = frame.across(mark.x), frame.down(mark.y)
        dots.append(Box(x - 5, y - 5, x + 5, y + 5))
        if mark.low is not None and mark.high is not None:
            bars.append(Box(x - 1.5, frame.down(mark.high), x + 1.5, frame.down(mark.low)))
    return dots, bars

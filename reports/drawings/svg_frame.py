"""The frame of a chart: where values lie between two axes, their marks and titles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from reports.drawings.chart import Axis, Chart
from reports.drawings.svg_text import SIZE, label, number, said, width
from reports.drawings.ticks import ticks

WIDTH, HEIGHT = 640, 360
NARROW = 360
"""Width of a chart of categories on a phone."""
ROW = 20
"""Height of a category."""
TOP, BOTTOM, EDGE = 26.0, 44.0, 14.0
MOST_NAME = 0.42
"""Room for the names of categories, as a share of the width."""
MOST_LABEL = 190.0
"""Room for the names of lines, at their right ends."""


@dataclass(frozen=True)
class Frame:
    """A rectangle of the drawing, with a scale on either side; values beyond it lie on its edge."""

    x: Axis
    y: Axis
    left: float
    top: float
    right: float
    bottom: float
    width: float
    height: float
    """Of the whole drawing, as is the width."""

    @classmethod
    def of(cls, chart: Chart, whole: float = WIDTH) -> Frame:
        """Return the frame of a chart of a width, with room for all that stands around it."""
        names = chart.y.names
        top = TOP if chart.y.title else 8.0
        bottom = top + ROW * len(names) if names else HEIGHT - BOTTOM
        written = max((width(said(text)) for _, text in ticks(chart.y)), default=0.0)
        left = min(written, MOST_NAME * whole if names else MOST_LABEL) + 10
        ends = [width(said(line.name)) for line in chart.lines if line.labelled and line.joined]
        right = min(max(ends, default=0.0), MOST_LABEL) + 12 if ends else EDGE
        last = [width(text) / 2 + 2 for _, text in ticks(chart.x)][-1:]
        right = max([right, *last])
        return cls(chart.x, chart.y, left, top, whole - right, bottom, whole, bottom + BOTTOM)

    def across(self, value: float) -> float:
        """Return how far from the left a value of the horizontal axis lies."""
        return self.left + _share(value, self.x) * (self.right - self.left)

    def down(self, value: float) -> float:
        """Return how far from above a value of the vertical axis lies."""
        share = _share(value, self.y)
        return self.top + (share if self.y.names else 1 - share) * (self.bottom - self.top)


def drawn(frame: Frame) -> Markup:
    """Return grid, marks and titles of both axes."""
    grid = Markup("").join([*_vertical(frame), *_horizontal(frame)])
    base = _line(frame.left, frame.bottom, frame.right, frame.bottom)
    texts = Markup("").join([*_below(frame), *_beside(frame), *_titles(frame)])
    return Markup(
        '<g class="axis" stroke="currentColor" stroke-width="1">'
        '<g stroke-opacity="0.35">{}</g>{}</g>'
        '<g class="tick" fill="currentColor" font-size="{}">{}</g>'
    ).format(grid, base, SIZE, texts)


def inside(value: float, axis: Axis) -> bool:
    """Return whether an axis reaches as far as a value."""
    return axis.low <= value <= axis.high


def _share(value: float, axis: Axis) -> float:
    """Return where on an axis a value lies, from 0 to 1; categories from above."""
    low, high = axis.low, axis.high
    value = min(max(value, low), high)
    if axis.log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    # Halved, so that the length of the longest axis is still a number.
    span = high / 2 - low / 2
    return (value / 2 - low / 2) / span if span > 0 else 0.5


def _line(*ends: float) -> Markup:
    return Markup('<path d="M{} {}L{} {}"/>').format(*map(number, ends))


def _vertical(frame: Frame) -> Iterator[Markup]:
    for place, _ in ticks(frame.x):
        yield _line(frame.across(place), frame.top, frame.across(place), frame.bottom)


def _horizontal(frame: Frame) -> Iterator[Markup]:
    for place, text in ticks(frame.y):
        if text and not frame.y.names:
            yield _line(frame.left, frame.down(place), frame.right, frame.down(place))


def _below(frame: Frame) -> Iterator[Markup]:
    """Yield what is written below the horizontal axis, without what would overlap."""
    free = -math.inf
    for place, text in ticks(frame.x):
        at, half = frame.across(place), width(said(text)) / 2
        if at - half >= free:
            yield label(at, frame.bottom + 16, text, frame.right - frame.left, "middle")
            free = at + half + 4


def _beside(frame: Frame) -> Iterator[Markup]:
    for place, text in ticks(frame.y):
        if text:
            yield label(frame.left - 8, frame.down(place) + 4, text, frame.left - 9, "end")


def _titles(frame: Frame) -> Iterator[Markup]:
    middle = (frame.left + frame.right) / 2
    room = 2 * min(middle, frame.width - middle)
    yield label(middle, frame.bottom + 36, frame.x.title, room, "middle")
    if frame.y.title:
        yield label(4, 14, frame.y.title, frame.width - 8)

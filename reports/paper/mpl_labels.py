"""Names of lines and dots, where they stand: a legend of grey lines would tell nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from reports.drawings.chart import Chart, Line
from reports.drawings.palette import GREY, LIGHT
from reports.drawings.svg_labels import spread
from reports.paper.mpl_text import POINTS, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

GAP = 1.2 * POINTS
"""Points between two labels one below the other."""
FAR = 7.0
"""Points from a dot to its name, above which a line joins them."""


class Box(NamedTuple):
    """A rectangle in points."""

    left: float
    bottom: float
    right: float
    top: float

    def shared(self, other: Box) -> float:
        """Return the area of both."""
        across = min(self.right, other.right) - max(self.left, other.left)
        up = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(across, 0.0) * max(up, 0.0)

    def area(self) -> float:
        """Return the area."""
        return (self.right - self.left) * (self.top - self.bottom)


def colour_of(line: Line) -> str:
    """Return the colour of a line; grey without one of its own."""
    return LIGHT[line.colour] if line.colour >= 0 else GREY


def has_end(line: Line) -> bool:
    """Return whether the name of a line stands at its end."""
    return line.labelled and line.joined and bool(line.marks)


def label(figure: Figure, axes: Axes, chart: Chart) -> None:
    """Write the names of lines right of the axes, and those of single dots beside them."""
    ends = [(line, _at_end(figure, axes, line)) for line in chart.lines if has_end(line)]
    figure.draw_without_rendering()  # from here on it is known where everything stands
    _place_ends(axes, ends)
    _place_dots(figure, axes, chart)


def _at_end(figure: Figure, axes: Axes, line: Line) -> Annotation:
    """Return the name of a line right of the axes, at any height."""
    return axes.annotate(
        drawable(line.name, float(figure.get_figwidth()) / 3.5),
        (1.0, 0.5),
        xytext=(5, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        color=colour_of(line),
        verticalalignment="center",
        annotation_clip=False,
    )


def _place_ends(axes: Axes, ends: Sequence[tuple[Line, Annotation]]) -> None:
    """Move names to the heights at which their lines end, or near to them."""
    inside = axes.get_window_extent()
    marks = [max(line.marks, key=lambda mark: mark.x) for line, _ in ends]
    heights = [axes.transData.transform((mark.x, mark.y))[1] - inside.y0 for mark in marks]
    places = spread(heights, 0.0, inside.height - POINTS / 2, GAP)
    for (_, text), mark, place in zip(ends, marks, places, strict=True):
        text.xy = (1.0, place / inside.height)
        x, y = axes.transData.transform((mark.x, mark.y))
        right = inside.x1
        _leader(axes, [(x, y), (right, inside.y0 + place), (right + 2, inside.y0 + place)])


def _place_dots(figure: Figure, axes: Axes, chart: Chart) -> None:
    """Write names beside single dots, where they cover least."""
    extent = axes.get_window_extent()
    inside = Box(extent.x0, extent.y0, extent.x1, extent.y1)
    taken = [box for line in chart.lines for box in _inked(axes, chart, line)]
    for line in chart.lines:
        if not line.labelled or line.joined or not line.marks:
            continue
        end = line.marks[-1]
        text = axes.annotate(
            drawable(line.name, float(figure.get_figwidth()) / 3.5),
            (end.x, end.y),
            xytext=(0, 0),
            textcoords="offset points",
            color=colour_of(line),
            verticalalignment="center",
        )
        text.set_in_layout(False)
        x, y = axes.transData.transform((end.x, end.y))
        wide = float(text.get_window_extent().width)
        box = min(_around(x, y, wide), key=lambda box: _cost(box, taken, inside))
        taken.append(box)
        text.set_position((box.left - x, (box.bottom + box.top) / 2 - y))
        near = min(max(x, box.left), box.right), min(max(y, box.bottom), box.top)
        if math.dist(near, (x, y)) > FAR:
            _leader(axes, [(x, y), near])


def _leader(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    """Draw a thin line to a name, through places on the figure: dotted, as it shows no data."""
    places = axes.transAxes.inverted().transform(points)
    (drawn,) = axes.plot(
        *places.T,
        color=GREY,
        linestyle=(0, (1.0, 2.0)),
        linewidth=0.4,
        transform=axes.transAxes,
        clip_on=False,
    )
    drawn.set_in_layout(False)


def _inked(axes: Axes, chart: Chart, line: Line) -> Iterator[Box]:
    """Yield what the dots, intervals and upright or level strokes of a line cover."""
    places = [axes.transData.transform((mark.x, mark.y)) for mark in line.marks]
    for mark, (x, y) in zip(line.marks, places, strict=True):
        if mark.shape != "none":
            yield Box(x - 2.5, y - 2.5, x + 2.5, y + 2.5)
        if mark.low is not None and mark.high is not None and not chart.across:
            low, high = (
                axes.transData.transform((mark.x, end))[1] for end in (mark.low, mark.high)
            )
            yield Box(x - 1, low, x + 1, high)
    for (x, y), (to_x, to_y) in pairwise(places if line.joined else ()):
        if x == to_x or y == to_y:
            yield Box(min(x, to_x) - 1, min(y, to_y) - 1, max(x, to_x) + 1, max(y, to_y) + 1)


def _around(x: float, y: float, wide: float) -> Iterator[Box]:
    """Yield places for a name so wide around a dot, the best ones first."""
    tall = POINTS
    for far in (4.0, 9.0, 16.0, 24.0):
        for dx in (far, -far - wide, -wide / 2):
            for dy in (0.0, far, -far):
                if dx != -wide / 2 or dy:
                    yield Box(x + dx, y + dy - tall / 2, x + dx + wide, y + dy + tall / 2)


def _cost(box: Box, taken: Sequence[Box], inside: Box) -> float:
    """Return the area of what a name would cover, and of what would stand outside."""
    covered = sum(box.shared(other) for other in taken)
    return covered + 3 * (box.area() - box.shared(inside))

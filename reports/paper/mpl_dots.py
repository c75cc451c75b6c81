"""Names beside single dots: coloured ones first, and none where nothing is free."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from reports.drawings.boxes import Box
from reports.drawings.chart import Chart, Line
from reports.drawings.palette import GREY, LIGHT
from reports.paper.mpl_text import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

FAR = 7.0
"""Points from a dot to its name, above which a line joins them."""
DISTANCES = (4.0, 9.0, 16.0, 24.0)
"""Points from a dot to its name, the best ones first."""
LONGEST = 28.0
"""Points of a line from a dot to its name, beyond which nobody finds the dot of a name."""
DOT = 2.5
"""Points from the middle of a dot to its edge."""
APART = 4.0
"""Points from the middle of a dot to lines that lead to the names of others."""


def colour_of(line: Line) -> str:
    """Return the colour of a line; grey without one of its own."""
    return LIGHT[line.colour] if line.colour >= 0 else GREY


def has_dot(line: Line) -> bool:
    """Return whether the name of a line stands beside its dot."""
    return line.labelled and not line.joined and bool(line.marks)


def lead(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
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


def place_dots(figure: Figure, axes: Axes, chart: Chart) -> None:
    """Write names beside single dots, coloured ones first; none where there is no room."""
    names: list[Box] = []
    dots = [box for line in chart.lines for box in _dotted(axes, line, DOT)]
    wide = [box for line in chart.lines for box in _dotted(axes, line, APART)]
    bars = [box for line in chart.lines for box in _barred(axes, chart, line)]
    strokes = [*bars, *(box for line in chart.lines for box in _stroked(axes, line))]
    for line in sorted(filter(has_dot, chart.lines), key=lambda line: line.colour < 0):
        text = _beside(figure, axes, line)
        extent = text.get_window_extent()
        size = float(extent.width), float(extent.height)
        x, y = map(float, axes.transData.transform((line.marks[-1].x, line.marks[-1].y)))
        places = list(_around((x, y), size))
        free = _free(axes, places, [*names, *dots, *strokes])
        box = _clear((x, y), free, [*names, *wide, *bars]) or _clear((x, y), free, [*names, *wide])
        if box is None and line.colour >= 0:
            box = _clear((x, y), _free(axes, places, [*names, *dots]), [*names, *wide, *bars])
        if box is None:
            text.remove()
            continue
        text.set_position((box.left - x, (box.low + box.high) / 2 - y))
        leader = _steps((x, y), box)
        if leader:
            lead(axes, [(x, y), _side((x, y), box)])
        names.append(box)
        strokes += leader


def _beside(figure: Figure, axes: Axes, line: Line) -> Annotation:
    """Return the name of a dot, at the dot."""
    text = axes.annotate(
        drawable(line.name, float(figure.get_figwidth()) / 3.5),
        (line.marks[-1].x, line.marks[-1].y),
        xytext=(0, 0),
        textcoords="offset points",
        color=colour_of(line),
        verticalalignment="center",
    )
    text.set_in_layout(False)
    return text


def _free(axes: Axes, places: Iterable[Box], taken: Sequence[Box]) -> list[Box]:
    """Return the places within the axes that nothing takes."""
    extent = axes.get_window_extent()
    inside = Box(extent.x0, extent.y0, extent.x1, extent.y1)
    return [box for box in places if inside.holds(box) and not any(map(box.meets, taken))]


def _clear(at: tuple[float, float], places: Iterable[Box], others: Sequence[Box]) -> Box | None:
    """Return the first place whose line to the dot is short and crosses none of the others."""
    own = _around_dot(*at, APART)
    others = [box for box in others if box != own]
    return next(
        (
            box
            for box in places
            if math.dist(at, _side(at, box)) <= LONGEST
            and not any(step.meets(other) for step in _steps(at, box) for other in others)
        ),
        None,
    )


def _dotted(axes: Axes, line: Line, far: float) -> Iterator[Box]:
    """Yield what the dots of a line cover, and what is near to them, so far from their middles."""
    for mark in line.marks:
        if mark.shape != "none":
            x, y = map(float, axes.transData.transform((mark.x, mark.y)))
            yield _around_dot(x, y, far)


def _around_dot(x: float, y: float, far: float) -> Box:
    return Box(x - far, y - far, x + far, y + far)


def _barred(axes: Axes, chart: Chart, line: Line) -> Iterator[Box]:
    """Yield what the intervals of a line cover."""
    for mark in () if chart.across else line.marks:
        if mark.low is not None and mark.high is not None:
            x, low = axes.transData.transform((mark.x, mark.low))
            _, high = axes.transData.transform((mark.x, mark.high))
            yield Box(x - 1, low, x + 1, high)


def _stroked(axes: Axes, line: Line) -> Iterator[Box]:
    """Yield what the upright or level strokes of a line cover."""
    places = [axes.transData.transform((mark.x, mark.y)) for mark in line.marks]
    for (x, y), (to_x, to_y) in pairwise(places if line.joined else ()):
        if x == to_x or y == to_y:
            yield Box(min(x, to_x) - 1, min(y, to_y) - 1, max(x, to_x) + 1, max(y, to_y) + 1)


def _around(at: tuple[float, float], size: tuple[float, float]) -> Iterator[Box]:
    """Yield places for a name of this size around a dot, the best ones first."""
    (x, y), (wide, tall) = at, size
    for far in DISTANCES:
        for dx in (far, -far - wide, -wide / 2):
            for dy in (0.0, far, -far, far / 2, -far / 2, 2 * far, -2 * far):
                if dx != -wide / 2 or abs(dy) == far:
                    yield Box(x + dx, y + dy - tall / 2, x + dx + wide, y + dy + tall / 2)


def _side(at: tuple[float, float], box: Box) -> tuple[float, float]:
    """Return the point of a box that is nearest to a dot."""
    return min(max(at[0], box.left), box.right), min(max(at[1], box.low), box.high)


def _steps(at: tuple[float, float], box: Box) -> list[Box]:
    """Return small boxes along the line from a dot to its name; none where it is near enough."""
    end = _side(at, box)
    far = math.dist(at, end)
    if far <= FAR:
        return []
    shares = [step / far for step in range(4, int(far), 2)]
    points = [(at[0] + (end[0] - at[0]) * s, at[1] + (end[1] - at[1]) * s) for s in shares]
    return [Box(x - 0.5, y - 0.5, x + 0.5, y + 0.5) for x, y in points]

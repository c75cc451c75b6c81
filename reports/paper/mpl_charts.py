"""Charts by matplotlib: axes, lines, marks and intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reports.drawings.chart import Axis, Chart, Line, Mark
from reports.drawings.palette import DASHES, MARKERS
from reports.drawings.ticks import ticks
from reports.paper.mpl_dots import colour_of
from reports.paper.mpl_labels import has_end, label
from reports.paper.mpl_text import LETTER, POINTS, drawable, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as Drawn
    from matplotlib.figure import Figure

ASPECT = 0.6
ROW = 0.14
"""Inches of a category."""
LABEL = 0.12
"""Inches of the name of a line."""
FRAME = 0.45
"""Inches that ticks and title take below the axes."""
BAND = "#E3EBFA"


def height_of_chart(chart: Chart, inches: float) -> float:
    """Return the height of a figure of this width: rows count where there are categories."""
    if chart.y.names:
        return FRAME + ROW * (len(chart.y.names) + 0.5)
    labels = sum(has_end(line) for line in chart.lines)
    return max(ASPECT * min(inches, 4.5), FRAME + LABEL * labels)


def draw_chart(figure: Figure, chart: Chart) -> None:
    """Draw a chart into an empty figure."""
    axes = figure.subplots()
    inches = float(figure.get_figwidth())
    axes.set_xscale("log" if chart.x.log else "linear")
    axes.set_yscale("log" if chart.y.log else "linear")
    _direction(axes, axes.xaxis, chart.x, inches, 0.9 * inches)
    _direction(axes, axes.yaxis, chart.y, inches, float(figure.get_figheight()) - FRAME)
    axes.set_xlim(chart.x.low, chart.x.high)
    ends = (chart.y.low, chart.y.high)
    axes.set_ylim(*(reversed(ends) if chart.y.names else ends))
    if chart.band is not None:
        axes.axhspan(*chart.band, color=BAND, linewidth=0, zorder=0)
    for line in chart.lines:
        _line(axes, chart, line)
    label(figure, axes, chart)


def _direction(axes: Axes, drawn: Drawn, axis: Axis, inches: float, length: float) -> None:
    """Set title and ticks of one axis; its figure is so wide, and it so long."""
    across = drawn is axes.xaxis
    room = inches / 3 if axis.names else 1.0
    places = ticks(axis, 6 if inches > 4 or not across else 5)
    texts = [drawable(text, room) for _, text in places]
    if across and axis.log:
        texts = list(_thinned(texts, [at for at, _ in places], axis, length))
    drawn.set_ticks([at for at, _ in places], texts)
    drawn.set_ticks([], minor=True)
    drawn.set_label_text(wrapped(axis.title, length))
    if axis.names:
        drawn.grid(False)


def _thinned(
    texts: Sequence[str], places: Sequence[float], axis: Axis, inches: float
) -> Iterator[str]:
    """Yield what is written at the marks of a logarithmic axis: nothing where it would overlap."""
    end = -math.inf
    for text, place in zip(texts, places, strict=True):
        middle = 72 * inches * math.log(place / axis.low) / math.log(axis.high / axis.low)
        half = (LETTER * POINTS * len(text) + POINTS) / 2
        yield text if middle - half >= end else ""
        end = max(end, middle + half) if middle - half >= end else end


def _line(axes: Axes, chart: Chart, line: Line) -> None:
    colour = colour_of(line)
    level = 2.0 + (line.colour >= 0)
    if line.joined and len(line.marks) > 1:
        dash = (4.0, 2.0) if line.dashed else DASHES[line.colour]
        style = (0, tuple(length / 2 for length in dash)) if dash else "-"
        xs, ys = [mark.x for mark in line.marks], [mark.y for mark in line.marks]
        axes.plot(xs, ys, color=colour, linestyle=style, zorder=level)
    for mark in line.marks:
        _interval(axes, chart, mark, colour, level)
        _mark(axes, mark, line, colour, level)


def _interval(axes: Axes, chart: Chart, mark: Mark, colour: str, level: float) -> None:
    if mark.low is None or mark.high is None:
        return
    axis = chart.x if chart.across else chart.y
    low, high = max(mark.low, axis.low), min(mark.high, axis.high)
    if chart.across:
        axes.hlines(mark.y, low, high, color=colour, linewidth=0.9, zorder=level)
    else:
        axes.vlines(mark.x, low, high, color=colour, linewidth=0.7, zorder=level)


def _mark(axes: Axes, mark: Mark, line: Line, colour: str, level: float) -> None:
    if mark.shape == "none":
        return
    face = "white" if mark.shape == "ring" else colour
    shape = MARKERS[line.colour]
    axes.plot(mark.x, mark.y, shape, color=colour, markerfacecolor=face, zorder=level + 0.5)

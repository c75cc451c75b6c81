"""Names of lines and dots, where they stand: a legend of grey lines would tell nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.drawings.chart import Chart, Line
from reports.drawings.svg_labels import spread
from reports.paper.mpl_dots import colour_of, has_dot, lead, place_dots
from reports.paper.mpl_text import POINTS, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

GAP = 1.2 * POINTS
"""Points between two labels one below the other."""


def has_end(line: Line) -> bool:
    """Return whether the name of a line stands at its end."""
    return line.labelled and line.joined and bool(line.marks)


def label(figure: Figure, axes: Axes, chart: Chart) -> None:
    """Write the names of lines right of the axes, and those of single dots beside them."""
    ends = [(line, _at_end(figure, axes, line)) for line in chart.lines if has_end(line)]
    figure.draw_without_rendering()  # from here on it is known where everything stands
    _place_ends(axes, ends)
    place_dots(figure, axes, chart)


def _at_end(figure: Figure, axes: Axes, line: Line) -> Annotation:
    """Return the name of a line right of the axes, at any height."""
    return axes.annotate(
        drawable(line.name, float(figure.get_figwidth()) / 3),
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
        lead(axes, [(x, y), (right, inside.y0 + place), (right + 2, inside.y0 + place)])


def unnamed(figure: Figure, chart: Chart) -> int:
    """Return how many dots of a drawn chart have no name, since there is no room for it."""
    (axes,) = figure.axes
    return sum(has_end(line) or has_dot(line) for line in chart.lines) - len(axes.texts)

"""Clouds by matplotlib: small pictures of features in two dimensions, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.drawings.chart import Cloud, Panel
from reports.drawings.palette import GREY, LIGHT
from reports.paper.mpl_text import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, TOP, GAP = 0.16, 0.18, 0.04
"""Inches of the names of rows and of columns, and between pictures."""
REAL = "#C4C8CE"
MOST = 0.85
"""Inches of a side of a picture."""
EDGE = (-20, 1019)
"""Points have coordinates 0 to 999."""


def height_of_cloud(cloud: Cloud, inches: float) -> float:
    """Return the height at which the pictures are squares."""
    return TOP + len(cloud.rows) * _side(cloud, inches)


def draw_cloud(figure: Figure, cloud: Cloud) -> None:
    """Draw a cloud into an empty figure."""
    wide, tall = (float(size) for size in figure.get_size_inches())
    side = _side(cloud, wide)
    start = (wide - LEFT - side * len(cloud.columns)) / 2
    for down, (row, panels) in enumerate(zip(cloud.rows, cloud.panels, strict=True)):
        bottom = tall - TOP - (down + 1) * side
        middle = (bottom + side / 2) / tall
        figure.text(
            (start + 0.5 * LEFT) / wide,
            middle,
            drawable(row, side),
            rotation=90,
            ha="center",
            va="center",
        )
        for along, panel in enumerate(panels):
            left = start + LEFT + along * side
            if down == 0:
                name = drawable(cloud.columns[along], side)
                centre = (left + side / 2) / wide
                figure.text(centre, 1 - 0.5 * TOP / tall, name, ha="center", va="center")
            if panel is not None:
                size = side - GAP
                axes = figure.add_axes((left / wide, bottom / tall, size / wide, size / tall))
                _panel(axes, cloud, panel, side)


def _side(cloud: Cloud, inches: float) -> float:
    return min((inches - LEFT) / max(1, len(cloud.columns)), MOST)


def _panel(axes: Axes, cloud: Cloud, panel: Panel, side: float) -> None:
    """Draw real features below and distilled ones above."""
    axes.set(xticks=[], yticks=[], xlim=EDGE, ylim=EDGE[::-1])
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color("#D5D8DD")
    dot = max(0.8, 2.0 * side)
    _dots(axes, cloud, panel.real, REAL, dot)
    for colour, key in panel.distilled:
        _dots(axes, cloud, key, LIGHT[colour] if colour >= 0 else GREY, 1.8 * dot)


def _dots(axes: Axes, cloud: Cloud, key: str, colour: str, size: float) -> None:
    points = cloud.points.get(key, ())
    axes.plot(
        [x for x, _ in points],
        [y for _, y in points],
        linestyle="none",
        marker="o",
        markersize=size,
        markeredgewidth=0,
        color=colour,
    )

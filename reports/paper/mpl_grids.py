"""Grids by matplotlib: a table whose cells are shaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.drawings.chart import Grid
from reports.drawings.palette import LIGHT
from reports.paper.mpl_text import LETTER, POINTS, drawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

ROW = 0.3
"""Inches of a row."""
DARK = 6
"""From this shade on, white has more contrast with it than black has."""
MOST = 8
"""The darkest shade."""
SMALLEST = 4.0
"""Points of text."""
LEAN = 1.0
"""Inches of a heading that leans, since its column is too narrow."""


def height_of_grid(grid: Grid, inches: float) -> float:
    """Return the height of a figure of this width with all rows."""
    return ROW * (len(grid.rows) + 1) + (0.6 * LEAN if _leans(grid, inches) else 0.0)


def draw_grid(figure: Figure, grid: Grid) -> None:
    """Draw a grid into an empty figure."""
    axes = figure.subplots()
    inches = float(figure.get_figwidth())
    columns, rows = len(grid.columns), len(grid.rows)
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    width = _width(grid, inches)
    axes.xaxis.tick_top()  # before the headings are turned: above stand other ones than below
    axes.set_xticks(range(columns), [drawable(name, LEAN) for name in grid.columns])
    if _leans(grid, inches):
        for label in axes.get_xticklabels():
            label.set(rotation=40, ha="left", va="bottom", rotation_mode="anchor")
    axes.set_yticks(range(rows), [drawable(name, 0.26 * inches) for name in grid.rows])
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    texts = [[_text(text) for text in row] for row in grid.texts]
    size = _size(texts, width)
    for y, (row, shades) in enumerate(zip(texts, grid.shades, strict=True)):
        for x, (text, shade) in enumerate(zip(row, shades, strict=True)):
            if shade is not None:
                axes.add_patch(_cell(x, y, shade))
            ink = "white" if shade is not None and shade >= DARK else "black"
            axes.text(x, y, text, ha="center", va="center", color=ink, fontsize=size)
    figure.draw_without_rendering()


def _width(grid: Grid, inches: float) -> float:
    """Return the inches of a column beside the headings of rows, about."""
    return 0.72 * inches / max(1, len(grid.columns))


def _leans(grid: Grid, inches: float) -> bool:
    longest = max(map(len, grid.columns), default=0)
    return LETTER * POINTS * longest > 72 * _width(grid, inches)


def _text(text: str) -> str:
    """Return the text of a cell, what stands in brackets on a line of its own."""
    return "\n(".join(drawable(part, 2.0) for part in text.split(" (", 1))


def _size(texts: list[list[str]], width: float) -> float:
    """Return the size at which the longest line fits into a cell."""
    lines = [line for row in texts for text in row for line in text.split("\n")]
    longest = max(map(len, lines), default=1)
    return max(SMALLEST, min(POINTS, 72 * width / (LETTER * max(1, longest))))


def _cell(x: int, y: int, shade: int) -> Rectangle:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), 1, 1, color=_colour(shade), linewidth=0)


def _colour(shade: int) -> tuple[float, ...]:
    """Return a colour between white and the first of the palette."""
    from matplotlib.colors import to_rgb

    share = 0.06 + 0.84 * shade / MOST
    return tuple(1 - share * (1 - part) for part in to_rgb(LIGHT[0]))

"""Figures of a paper, drawn by matplotlib from the same descriptions as those of the page."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reports.drawings.chart import Chart, Cloud, Drawing
from reports.paper.mpl_charts import draw_chart, height_of_chart
from reports.paper.mpl_clouds import draw_cloud, height_of_cloud
from reports.paper.mpl_grids import draw_grid, height_of_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = Path(__file__).parent / "paper.mplstyle"
INCHES = {"one": 3.25, "two": 6.75}
"""Widths of figures for one column of a paper and for both."""
CROWDED: Literal["constrained"] = "constrained"
"""Layout that makes room for names."""
UNDATED = {
    ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    ".png": {"Software": None},
}
"""What is left out, so that equal figures are equal files."""


def draw(drawing: Drawing, width: Literal["one", "two"]) -> Figure:
    """Return a figure as wide as one column or two, without title and note: these are captions."""
    from matplotlib.figure import Figure

    inches = INCHES[width]
    with styled():
        if isinstance(drawing, Chart):
            figure = Figure(figsize=(inches, height_of_chart(drawing, inches)), layout=CROWDED)
            draw_chart(figure, drawing)
        elif isinstance(drawing, Cloud):
            figure = Figure(figsize=(inches, height_of_cloud(drawing, inches)))
            draw_cloud(figure, drawing)
        else:
            figure = Figure(figsize=(inches, height_of_grid(drawing, inches)), layout=CROWDED)
            draw_grid(figure, drawing)
        figure.set_layout_engine("none")  # of what was laid out; that takes long
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PDF with its fonts, or as PNG with 300 dots an inch, by the suffix."""
    out = io.BytesIO()
    with styled():
        figure.savefig(out, format=path.suffix[1:], metadata=UNDATED[path.suffix])
    path.write_bytes(out.getvalue())


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style of papers within the block, whatever is set outside of it."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rc_file(STYLE, use_default_template=False)
        yield

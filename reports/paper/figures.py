"""Which figures of a report stand in a paper, and how LaTeX sets them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from reports import drawings
from reports.drawings.chart import Chart, Drawing, Grid
from reports.drawings.slugs import slug
from reports.material import Material
from reports.paper import mpl
from reports.paper.escaping import code, escape

MOST = 4
"""Of one section: further ones are like them, and stand on the page of the report."""
ROOM = 4
"""Columns of a grid that one column of a paper holds."""
Width = Literal["one", "two"]
Figures = dict[str, Drawing]


def chosen(material: Material) -> dict[str, Drawing]:
    """Return the first figures of every section by names that are safe for files."""
    forests = [chart for b in material.boards for chart in drawings.forests(b, material)[:1]]
    sections: dict[str, Sequence[Drawing]] = {"leaderboards": forests}
    sections |= {section: make(material) for section, make in drawings.SECTIONS.items()}
    taken: set[str] = set()
    return {
        slug(drawing.slug, taken=taken): drawing
        for made in sections.values()
        for drawing in made[:MOST]
    }


def written(figures: Mapping[str, Drawing], folder: Path) -> Iterator[Path]:
    """Write every figure in both widths, as PDF and as PNG; yield the paths."""
    for name, drawing in figures.items():
        for width in get_args(Width):
            figure = mpl.draw(drawing, width)
            for suffix in (".pdf", ".png"):
                path = folder / f"{name}.{width}{suffix}"
                mpl.save(figure, path)
                yield path


def latex(figures: Mapping[str, Drawing]) -> Iterator[str]:
    """Yield floats: two narrow figures side by side, wide ones alone."""
    waiting: list[str] = []
    for name, drawing in figures.items():
        if not _is_narrow(drawing):
            yield _float([_included(name, "two", drawing)])
            continue
        waiting.append(_included(name, "one", drawing))
        if len(waiting) == 2:
            yield _float(waiting)
            waiting = []
    if waiting:
        yield _float(waiting)


def _is_narrow(drawing: Drawing) -> bool:
    return isinstance(drawing, Chart) or (
        isinstance(drawing, Grid) and len(drawing.columns) <= ROOM
    )


def _included(name: str, width: Width, drawing: Drawing) -> str:
    share = {"one": "0.485", "two": "1"}[width]
    note = f"{drawing.note[:1].upper()}{drawing.note[1:]}"
    said = f"{escape(drawing.title).rstrip('.')}. {_marked(note)}".rstrip()
    return "\n".join(
        [
            rf"\begin{{minipage}}[t]{{{share}\linewidth}}\centering",
            rf"\includegraphics[width=\linewidth]{{figures/{name}.{width}.pdf}}",
            rf"\caption{{{said}}}\label{{fig:{name}}}",
            r"\end{minipage}",
        ]
    )


def _marked(text: str) -> str:
    """Return a text in which what stands between backticks is code."""
    parts = re.split(r"`([^`]+)`", text)
    shown = (code(part) if number % 2 else _spaced(part) for number, part in enumerate(parts))
    return "".join(shown)


def _spaced(text: str) -> str:
    """Return escaped text with the spaces at its ends, which `escape` leaves out."""
    ends = (" " * (text[:1] == " "), " " * (text[-1:] == " " and len(text) > 1))
    return f"{ends[0]}{escape(text)}{ends[1]}"


def _float(parts: Sequence[str]) -> str:
    return "\n".join([r"\begin{figure}[htbp]", "\\hfill\n".join(parts), r"\end{figure}"])

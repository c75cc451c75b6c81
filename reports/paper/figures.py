"""Which figures of a report stand in a paper, drawn in the widths of one column and of two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from reports import drawings
from reports.drawings.chart import Chart, Drawing
from reports.drawings.slugs import slug
from reports.drawings.wording import counted
from reports.material import Material
from reports.paper import mpl
from reports.paper.mpl_labels import unnamed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 4
"""Of one section: further ones are like them, and stand on the page of the report."""
ROOM = 4
"""Columns of a grid or of clouds that one column of a paper holds."""
Width = Literal["one", "two"]


@dataclass(frozen=True, eq=False)
class Drawn:
    """One figure."""

    name: str
    """Of its files; safe."""
    section: str
    drawing: Drawing
    figures: Mapping[Width, Figure]

    @property
    def width(self) -> Width:
        """Return the width in which the paper shows it."""
        drawing = self.drawing
        return "one" if isinstance(drawing, Chart) or len(drawing.columns) <= ROOM else "two"

    @property
    def note(self) -> str:
        """Return how to read it, and how many dots have no name."""
        note = f"{self.drawing.note[:1].upper()}{self.drawing.note[1:]}"
        if not isinstance(self.drawing, Chart):
            return note
        missing = unnamed(self.figures[self.width], self.drawing)
        if not missing:
            return note
        methods = counted(missing, "method")
        return f"{note} No room for the names of {methods}, which the tables have.".strip()


def chosen(material: Material) -> dict[str, dict[str, Drawing]]:
    """Return the first figures of every section by names that are safe for files."""
    forests = [chart for b in material.boards for chart in drawings.forests(b, material)[:1]]
    sections: dict[str, Sequence[Drawing]] = {"leaderboards": forests}
    sections |= {section: make(material) for section, make in drawings.SECTIONS.items()}
    taken: set[str] = set()
    return {
        section: {slug(drawing.slug, taken=taken): drawing for drawing in made[:MOST]}
        for section, made in sections.items()
    }


def drawn(sections: Mapping[str, Mapping[str, Drawing]]) -> list[Drawn]:
    """Return the figures of sections, drawn in both widths."""
    return [
        Drawn(
            name, section, drawing, {width: mpl.draw(drawing, width) for width in get_args(Width)}
        )
        for section, made in sections.items()
        for name, drawing in made.items()
    ]


def written(found: Iterable[Drawn], folder: Path) -> Iterator[Path]:
    """Write every figure in both widths, as PDF and as PNG; yield the paths."""
    for one in found:
        for width, figure in one.figures.items():
            for suffix in (".pdf", ".png"):
                path = folder / f"{one.name}.{width}{suffix}"
                mpl.save(figure, path)
                yield path

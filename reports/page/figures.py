"""The figures of the page: drawings with their words, numbered through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reports.drawings.chart import Chart, Cloud, Drawing, Grid
from reports.drawings.wording import cut
from reports.page.budget import DRAWN_BOARDS, FIGURES, NAMES, OPEN_FIGURES
from reports.plain import plain

if TYPE_CHECKING:
    from markupsafe import Markup

    from reports.material import Material


OF_ALL_BOARDS = ("by-ipc", "architectures", "metrics")
"""Sections whose figures are of several boards or of few, or corrected for all of them."""


@dataclass(frozen=True)
class Cell:
    """One cell of a table whose cells are shaded."""

    text: str
    shade: int | None


@dataclass(frozen=True)
class Figure:
    """One drawing: an SVG, or a table with shaded cells."""

    slug: str
    title: str
    note: str
    wide: bool
    svg: Markup | None = None
    narrow: Markup | None = None
    """The same drawing for phones, where its names leave it too little room."""
    legend: tuple[tuple[str, int], ...] = ()
    """Names and colours of lines, for phones, where the ends of these are out of sight."""
    columns: tuple[str, ...] = ()
    lines: tuple[tuple[str, tuple[Cell, ...]], ...] = ()


@dataclass(frozen=True)
class Figures:
    """The figures of one section."""

    shown: tuple[Figure, ...]
    folded: tuple[Figure, ...]
    left_out: int
    boards_left_out: int


@dataclass
class Numbering:
    """Numbers and names of figures, each of which stands once on the page."""

    count: int = 0
    taken: set[str] = field(default_factory=set)

    def figure(self, drawing: Drawing) -> Figure:
        """Return the next figure."""
        slug, number = drawing.slug, 1
        while slug in self.taken:
            number += 1
            slug = f"{drawing.slug}-{number}"
        self.taken.add(slug)
        self.count += 1
        return _figure(drawing, slug, self.count)

    def figures(self, drawings: Iterable[Drawing], boards_left_out: int) -> Figures:
        """Return all figures of a section, as far as there is room."""
        drawings = list(drawings)
        made = tuple(self.figure(drawing) for drawing in drawings[:FIGURES])
        left_out = max(0, len(drawings) - FIGURES)
        return Figures(made[:OPEN_FIGURES], made[OPEN_FIGURES:], left_out, boards_left_out)


def drawn_boards(material: Material) -> frozenset[int]:
    """Return the positions of the boards that have figures: those with most methods."""
    boards = material.boards
    ordered = sorted(range(len(boards)), key=lambda number: (-len(boards[number].rows), number))
    return frozenset(ordered[:DRAWN_BOARDS])


def forests(material: Material, numbering: Numbering) -> dict[int, tuple[Figure, ...]]:
    """Return the figures of means and intervals by the position of their board."""
    from reports import drawings

    return {
        number: tuple(map(numbering.figure, drawings.forests(material.boards[number], material)))
        for number in sorted(drawn_boards(material))
    }


def sections(material: Material, numbering: Numbering) -> dict[str, Figures]:
    """Return the figures of every section that has any."""
    from reports import drawings

    kept = drawn_boards(material)
    left_out = len(material.boards) - len(kept)
    boards = tuple(board for number, board in enumerate(material.boards) if number in kept)
    few = replace(material, boards=boards) if left_out else material
    made = {}
    for name, draw in drawings.SECTIONS.items():
        whole = name in OF_ALL_BOARDS
        made[name] = numbering.figures(
            draw(material if whole else few), boards_left_out=0 if whole else left_out
        )
    return {name: figures for name, figures in made.items() if figures.shown}


def _figure(drawing: Drawing, slug: str, number: int) -> Figure:
    title, note = plain(drawing.title), plain(drawing.note)
    if isinstance(drawing, Grid):
        columns = tuple(map(plain, drawing.columns))
        return Figure(slug, title, note, True, columns=columns, lines=tuple(_lines(drawing)))
    if isinstance(drawing, Chart):
        note = " ".join(filter(None, (note, _unnamed(drawing))))
    drawn, narrow = _svg(drawing, number), _narrow(drawing, number)
    wide, legend = isinstance(drawing, Cloud), _legend(drawing)
    return Figure(slug, title, note, wide, svg=drawn, narrow=narrow, legend=legend)


def _legend(drawing: Chart | Cloud) -> tuple[tuple[str, int], ...]:
    """Return the lines whose names stand at their right ends, coloured ones first."""
    if isinstance(drawing, Cloud):
        return ()
    named = [line for line in drawing.lines if line.labelled and line.joined and line.marks]
    named.sort(key=lambda line: line.colour < 0)
    return tuple(dict.fromkeys((plain(line.name), line.colour) for line in named))


def _unnamed(chart: Chart) -> str:
    """Return a sentence on the names that have no room in a chart, "" where all have."""
    from reports.drawings import svg_labels

    names = list(dict.fromkeys(map(cut, svg_labels.unnamed(chart))))
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return f"No room for the names of {', '.join(names[:NAMES])}{more}." if names else ""


def _svg(drawing: Chart | Cloud, number: int) -> Markup:
    from reports.drawings import svg, svg_cloud

    if isinstance(drawing, Chart):
        return svg.render(drawing, number)
    return svg_cloud.render(drawing, number)


def _narrow(drawing: Chart | Cloud, number: int) -> Markup | None:
    from reports.drawings import svg

    if not isinstance(drawing, Chart) or not drawing.y.names:
        return None
    return svg.render(drawing, number, narrow=True)


def _lines(grid: Grid) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    for row, texts, shades in zip(grid.rows, grid.texts, grid.shades, strict=True):
        yield (
            plain(row),
            tuple(Cell(plain(text), shade) for text, shade in zip(texts, shades, strict=True)),
        )

"""Means and intervals of one ranked column, a row a method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from leaderboards import Board, Cell, Column, Row
from reports.drawings import wording
from reports.drawings.chart import Axis, Chart, Line, Mark
from reports.drawings.slugs import slug

if TYPE_CHECKING:
    from reports.material import Material

_Shown = tuple[Row, Cell]


def forests(board: Board, material: Material) -> list[Chart]:
    """Return a chart of means and intervals for every ranked column of a board."""
    taken: set[str] = set()
    return [
        _chart(board, column, shown, material, taken)
        for place, column in enumerate(board.columns)
        if column.score.ranked and (shown := _shown(board, place, column))
    ]


def _shown(board: Board, place: int, column: Column) -> list[_Shown]:
    """Return the rows of a column: those of the first rank, the others by mean, references."""
    sign = -1.0 if column.score.better == "higher" else 1.0
    found = [(row, cell) for row in board.rows if (cell := row.cells[place]) is not None]
    return sorted(
        found,
        key=lambda shown: (shown[0].reference, shown[1].rank != 1, sign * shown[1].mean),
    )


def _chart(
    board: Board, column: Column, found: list[_Shown], material: Material, taken: set[str]
) -> Chart:
    own = [pair for pair in found if not pair[0].reference]
    others = [pair for pair in found if pair[0].reference]
    near = _ends(own or others, column)
    references = [pair for pair in others if wording.within_reach(pair[1].mean, near, column.score)]
    beyond = [(row.method, cell.mean) for row, cell in others if (row, cell) not in references]
    best = sum(cell.rank == 1 for _, cell in own)
    gap = [""] if own and references else []
    places = [*range(len(own)), *(len(own) + len(gap) + n for n in range(len(references)))]
    names = [*map(_name, own), *gap, *map(_name, references)]
    network = column.facts.get("extractor", "") if column.group == "images" else ""
    return Chart(
        slug=slug("forest", *_parts(board, column, material), taken=taken),
        title=f"{wording.sentence(column.score)} on {wording.place(board.dataset, board.ipc)}"
        + (f", features of {wording.cut(network)}" if network else _recipe(material, column)),
        note=" ".join([*_note(column, own, references, board), *wording.left_out(beyond)]),
        x=Axis(
            wording.axis_title(column.score, column),
            *wording.reach(_ends([*own, *references], column), column.score),
        ),
        y=Axis("", -0.5, len(names) - 0.5, names=tuple(names)),
        lines=tuple(
            _line(pair, place, column, material)
            for place, pair in zip(places, [*own, *references], strict=True)
        ),
        across=True,
        band=(-0.5, best - 0.5) if best else None,
    )


def _line(shown: _Shown, place: int, column: Column, material: Material) -> Line:
    row, cell = shown
    return Line(
        name=wording.cut(row.method),
        marks=(_mark(cell, place, column, row),),
        colour=-1 if row.reference else material.colours.get(row.name, -1),
        joined=False,
        labelled=False,
    )


def _recipe(material: Material, column: Column) -> str:
    return wording.recipe(material.boards, column.protocol, column.student)


def _parts(board: Board, column: Column, material: Material) -> tuple[str, ...]:
    recipe = wording.recipe_parts(material.boards, column.protocol, column.student)
    return (*wording.set_parts(board, material.boards), column.metric, *recipe)


def _name(shown: _Shown) -> str:
    """Return what stands before a row: the method, a star for its interval, and its letters."""
    row, cell = shown
    star = " *" if cell.over == "students" and row.stochastic else ""
    letters = f" · {' '.join(cell.ties)}" if cell.ties else ""
    return wording.cut(row.method, wording.LONGEST - len(letters) - len(star)) + star + letters


def _mark(cell: Cell, place: int, column: Column, row: Row) -> Mark:
    text = f"{wording.cut(row.method)}: {wording.told(cell, column.score)}"
    return Mark(cell.mean, place, cell.low, cell.high, "ring" if row.reference else "dot", text)


def _ends(shown: Iterable[_Shown], column: Column) -> list[float]:
    """Return what an axis has to hold: all means and, as far as the score reaches, intervals."""
    cells = [cell for _, cell in shown]
    ends = [end for cell in cells for end in (cell.low, cell.high) if end is not None]
    return wording.possible(ends, column.score) + [cell.mean for cell in cells]


def _note(
    column: Column, own: list[_Shown], references: list[_Shown], board: Board
) -> Iterator[str]:
    """Yield how to read the chart; only what it has."""
    if any(cell.low is not None for _, cell in [*own, *references]):
        yield "Lines are 95% intervals of the mean."
        if any(cell.low is None for _, cell in own):
            yield "A dot without a line is a single number."
    if column.told is None or not column.told.tested:
        yield "Not ranked: that takes two distilled sets or more a method."
    elif any(cell.rank == 1 for _, cell in own):
        yield "Shaded: not separated from the best."
        yield "Methods that share a letter are not separated; their order means nothing."
    if any(cell.over == "students" and row.stochastic for row, cell in own):
        yield "* over the students of one distilled set, which says nothing of others."
    if references:
        yield "Rings are no distilled sets, and never ranked."
    missing = sum(not row.reference for row in board.rows) - len(own)
    if missing:
        yield f"{wording.counted(missing, 'method')} without such a score left out."

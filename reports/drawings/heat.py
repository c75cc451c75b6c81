"""Accuracy by network and method, shaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.scores import SCORES, Score
from leaderboards import Architectures, Cell, Drop
from reports.drawings import wording
from reports.drawings.chart import Drawing, Grid
from reports.drawings.slugs import slug

if TYPE_CHECKING:
    from reports.material import Material

DARKEST = 8


def heat(material: Material) -> list[Drawing]:
    """Return a table for every score of a protocol with two students or more."""
    taken: set[str] = set()
    return [
        _grid(table, material, taken) for table in material.architectures if table.metric in SCORES
    ]


def _grid(table: Architectures, material: Material, taken: set[str]) -> Grid:
    score = SCORES[table.metric]
    students = [column.student for board in material.boards for column in board.columns]
    told = f" ({wording.cut(table.distinction)})" if table.distinction else ""
    recipe = wording.recipe_parts(material.boards, table.protocol, "")
    ipc = f"ipc-{table.ipc}" if table.ipc is not None else ""
    return Grid(
        slug=slug("architectures", table.dataset, ipc, *recipe, table.metric, taken=taken),
        title=f"{wording.sentence(score)}{told} on {wording.place(table.dataset, table.ipc)} by "
        f"network{wording.recipe(material.boards, table.protocol, '')}",
        note=f"{wording.axis_title(score)}; in brackets, by how much it differs from "
        f"{wording.brief(table.reference, students)} on the same distilled sets. The stronger "
        "the colour, the worse. Their intervals: bench leaderboard --by architecture.",
        columns=tuple(map(wording.cut, table.methods)),
        rows=tuple(wording.brief(student, students) for student in table.students),
        texts=tuple(
            tuple(_text(cell, drop, score) for cell, drop in zip(cells, drops, strict=True))
            for cells, drops in zip(table.cells, table.drops, strict=True)
        ),
        shades=_shades(table.cells, score),
    )


def _text(cell: Cell | None, drop: Drop | None, score: Score) -> str:
    """Return a mean and its difference from the reference, such as "34.1 (-3.2)"."""
    if cell is None:
        return ""
    text = f"{cell.mean:,.{score.decimals}f}"
    if drop is None:
        return text
    change = -drop.mean if score.better == "higher" else drop.mean
    return f"{text} ({change:+.{score.decimals}f})"


def _shades(
    cells: tuple[tuple[Cell | None, ...], ...], score: Score
) -> tuple[tuple[int | None, ...], ...]:
    """Return a shade for each cell: 0 for the best of the table, 8 for the worst."""
    sign = 1.0 if score.better == "higher" else -1.0
    values = [sign * cell.mean for line in cells for cell in line if cell]
    low, high = min(values, default=0.0), max(values, default=0.0)
    span = high - low or 1.0
    return tuple(
        tuple(
            None if cell is None else round(DARKEST * (high - sign * cell.mean) / span)
            for cell in line
        )
        for line in cells
    )

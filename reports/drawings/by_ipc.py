"""Accuracy against the number of images per class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboards.figures.ipc_curves import IpcCurve, IpcLine
from leaderboards.ranks.statistics import Cell
from reports.drawings import wording
from reports.drawings.chart import Axis, Chart, Drawing, Line, Mark
from reports.drawings.slugs import slug

if TYPE_CHECKING:
    from reports.material import Material

SIDEWAYS = 0.05
"""Of the horizontal axis, over which the lines are shifted so that intervals can be seen."""


def by_ipc(material: Material) -> list[Drawing]:
    """Return a chart for every set, protocol and student that has two IPCs or more."""
    taken: set[str] = set()
    return [_chart(curve, material, taken) for curve in material.ipc_curves]


def _chart(curve: IpcCurve, material: Material, taken: set[str]) -> Chart:
    ipcs = sorted({ipc for line in curve.lines for ipc in line.ipcs})
    low, high = ipcs[0] / 1.25, ipcs[-1] * 1.25
    own = [line for line in curve.lines if line.ipcs]
    heights = _heights(own)
    others = [line for line in curve.lines if not line.ipcs]
    references = [x for x in others if wording.within_reach(x.cells[0].mean, heights)]
    beyond = [(x.method, x.cells[0].mean) for x in others if x not in references]
    lines = [
        _line(line, material, (high / low) ** _shift(number, len(own)))
        for number, line in enumerate(own)
    ]
    return Chart(
        slug=slug(
            "by-ipc",
            curve.dataset,
            *wording.recipe_parts(material.boards, curve.protocol, curve.student),
            taken=taken,
        ),
        title=f"Accuracy on {wording.cut(curve.dataset)} by images per class"
        + wording.recipe(material.boards, curve.protocol, curve.student),
        note=" ".join([*_note(own, references), *wording.left_out(beyond)]),
        x=Axis("images per class, logarithmic", low, high, log=True, ticks=tuple(map(float, ipcs))),
        y=Axis(
            "top-1 accuracy, %",
            *wording.reach(heights + [line.cells[0].mean for line in references], wording.ACCURACY),
        ),
        lines=(*lines, *(_reference(line, low, high) for line in references)),
    )


def _shift(number: int, count: int) -> float:
    """Return by how much of the axis a line is shifted, 0 in the middle."""
    return SIDEWAYS * (number / (count - 1) - 0.5) if count > 1 else 0.0


def _line(line: IpcLine, material: Material, factor: float) -> Line:
    return Line(
        name=wording.cut(line.method),
        marks=tuple(
            Mark(ipc * factor, cell.mean, cell.low, cell.high, text=_told(line, cell, ipc))
            for ipc, cell in zip(line.ipcs, line.cells, strict=True)
        ),
        colour=material.colours.get(line.name, -1),
    )


def _told(line: IpcLine, cell: Cell, ipc: int) -> str:
    return f"{wording.cut(line.method)}, IPC {ipc}: {wording.told(cell, wording.ACCURACY)}"


def _reference(line: IpcLine, low: float, high: float) -> Line:
    mean = line.cells[0].mean
    ends = (Mark(low, mean, shape="none"), Mark(high, mean, shape="none"))
    return Line(wording.cut(line.method), ends, dashed=True)


def _heights(own: list[IpcLine]) -> list[float]:
    cells = [cell for line in own for cell in line.cells]
    ends = [end for cell in cells for end in (cell.low, cell.high) if end is not None]
    return wording.possible(ends, wording.ACCURACY) + [cell.mean for cell in cells]


def _note(own: list[IpcLine], references: list[IpcLine]) -> list[str]:
    parts = []
    if any(cell.low is not None for line in own for cell in line.cells):
        parts.append("Vertical lines are 95% intervals of the mean.")
    if len(own) > 1:
        parts.append("Lines are shifted sideways a little, so that the intervals can be seen.")
    if any(cell.n_sets == 1 and cell.n_students for line in own for cell in line.cells):
        parts.append("Where there is one distilled set, an interval is over its students only.")
    if references:
        names = ", ".join(wording.cut(line.method) for line in references)
        other = any(cell.protocol for line in references for cell in line.cells)
        parts.append(f"Dashed: {names}" + (", under other epochs." if other else "."))
    return parts

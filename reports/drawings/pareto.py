"""Accuracy against what a method costs, and who is beaten by nobody."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from leaderboards import Column
from leaderboards.figures.relations import Point
from leaderboards.figures.trades import Trade
from leaderboards.headings import Name
from leaderboards.placement import BYTES
from reports.drawings import wording
from reports.drawings.against import heights
from reports.drawings.chart import Axis, Chart, Drawing, Line, Mark
from reports.drawings.slugs import slug
from reports.drawings.ticks import padded

if TYPE_CHECKING:
    from reports.material import Material

UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes"))
FRONT = "front"


def pareto(material: Material) -> list[Drawing]:
    """Return a chart for every cost and accuracy of a board that two methods have."""
    taken: set[str] = set()
    return [_chart(trade, material, taken) for trade in material.trades if len(trade.points) > 1]


def _chart(trade: Trade, material: Material, taken: set[str]) -> Chart:
    board = material.boards[trade.board]
    cost, accuracy = board.columns[trade.cost], board.columns[trade.accuracy]
    unit, what = _unit(trade, cost)
    references = wording.references(board)
    points = _drawn(trade, references, cost, accuracy)
    left = [point for point in trade.points if point not in points]
    beyond = [(p.method, p.y) for p in left if cost.metric in BYTES]
    undistilled = [(p.method, p.y) for p in left if cost.metric not in BYTES]
    low, high = padded((point.x / unit for point in points), log=True)
    recipe = accuracy.protocol, accuracy.student
    parts = (
        *wording.set_parts(board, material.boards),
        cost.metric,
        *wording.recipe_parts(material.boards, *recipe),
    )
    return Chart(
        slug=slug("cost", *parts, taken=taken),
        title=f"Accuracy against {what[0]} on {wording.place(board.dataset, board.ipc)}"
        + wording.recipe(material.boards, *recipe),
        note=" ".join(
            [*_note(cost, trade.points), *wording.left_out(beyond), *_undistilled(undistilled)]
        ),
        x=Axis(what[1], low, high, log=True),
        y=Axis("top-1 accuracy, %", *wording.reach(heights(points, accuracy), accuracy.score)),
        lines=(
            _front(trade, unit),
            *(
                _line(point, unit, (point.method, point.name) in references, material, cost)
                for point in points
            ),
        ),
    )


def _drawn(
    trade: Trade, references: set[tuple[str, Name]], cost: Column, accuracy: Column
) -> tuple[Point, ...]:
    """Return the points without references so far away that the others could not be told apart.

    What is not distilled took no time that could be held against a distillation.
    """
    own = tuple(p for p in trade.points if (p.method, p.name) not in references)
    if cost.metric not in BYTES:
        return own
    near = heights(own, accuracy)
    return tuple(p for p in trade.points if p in own or wording.within_reach(p.y, near))


def _undistilled(names: Sequence[tuple[str, float]]) -> list[str]:
    """Return what stands in a note of references, whose time is no distillation's."""
    told = [f"{wording.cut(name)} {value:.1f} %" for name, value in names]
    return [f"Not distilled, and not drawn: {', '.join(told)}."] if told else []


def _unit(trade: Trade, cost: Column) -> tuple[float, tuple[str, str]]:
    """Return by what costs are divided, what they are, and the title of their axis."""
    if cost.metric not in BYTES:
        return 1.0, ("time", "seconds of one distillation, logarithmic")
    largest = max(point.x for point in trade.points)
    unit, name = next((pair for pair in UNITS if largest >= pair[0]), UNITS[-1])
    what = "size" if cost.metric == "bytes" else "all that is stored"
    stored = "the images" if cost.metric == "bytes" else "images, labels and teacher"
    return unit, (what, f"{name} of {stored}, logarithmic")


def _front(trade: Trade, unit: float) -> Line:
    """Return the front as steps: up to the next score only where its cost is paid."""
    points = [trade.points[place] for place in trade.front]
    marks = [Mark(point.x / unit, point.y, shape="none") for point in points[:1]]
    for before, after in pairwise(points):
        marks.append(Mark(after.x / unit, before.y, shape="none"))
        marks.append(Mark(after.x / unit, after.y, shape="none"))
    return Line(FRONT, tuple(marks), labelled=False)


def _line(point: Point, unit: float, reference: bool, material: Material, cost: Column) -> Line:
    amount = f"{point.x / unit:,.3g}"
    accuracy = wording.measured(point.y, point.low, point.high, wording.ACCURACY)
    name = wording.cut(point.method)
    units = "s" if cost.metric not in BYTES else next(n for size, n in UNITS if size == unit)
    mark = Mark(
        point.x / unit,
        point.y,
        point.low,
        point.high,
        "ring" if reference else "dot",
        f"{name}: {amount} {units}, top-1 {accuracy}",
    )
    colour = -1 if reference else material.colours.get(point.name, -1)
    return Line(name, (mark,), colour, joined=False)


def _note(cost: Column, points: Sequence[Point]) -> list[str]:
    parts = [
        "Steps join the methods that no other beats in cost and accuracy at once, by means alone."
    ]
    if cost.metric == "seconds":
        threads = " thread" if cost.facts.get("threads") == "1" else " threads"
        facts = [("device", ""), ("threads", threads)]
        told = [wording.cut(cost.facts[fact]) + unit for fact, unit in facts if fact in cost.facts]
        parts.append(f"Without shared artefacts{', on ' if told else ''}{', '.join(told)}.")
    if any(point.low is not None for point in points):
        parts.append("Vertical lines are 95% intervals of the accuracy.")
    return parts

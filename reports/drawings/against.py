"""Scores of the images against accuracy, a dot a method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboards import Column
from leaderboards.figures.correlation import ENOUGH
from leaderboards.figures.relations import Point, Relation
from leaderboards.ranks.separation import ALPHA
from reports.drawings import wording
from reports.drawings.chart import Axis, Chart, Drawing, Line, Mark
from reports.drawings.slugs import slug
from reports.drawings.ticks import padded
from reports.words.counting import interval
from reports.words.kinds_of_methods import ends, of_kinds

if TYPE_CHECKING:
    from reports.material import Material

MAIN, MORE = "metrics", "metrics-more"
"""What the slugs of main scores begin with, and those of the others."""


def against(material: Material) -> list[Drawing]:
    """Return a chart for every image score and accuracy of a board, in the order of `ordered`."""
    taken: set[str] = set()
    return [_chart(one, material, taken) for one in ordered(material)]


def ordered(material: Material) -> list[Relation]:
    """Return the relations in the order of their charts.

    Those that are shown after correction come first, as findings speak of them, then those of as
    many methods as an interval takes; among each the main scores.
    """

    def order(relation: Relation) -> tuple[bool, bool, bool]:
        main = columns_of(relation, material)[0].score.main
        return not is_shown(relation), relation.n < ENOUGH, not main

    return sorted(material.relations, key=order)


def is_shown(relation: Relation) -> bool:
    """Return whether a relation is beyond chance, corrected for all that were tested together."""
    return relation.p is not None and relation.p < ALPHA


def shown_text(relation: Relation) -> str:
    """Return "yes", "no" or "contrast" after correction; "" where nothing is tested."""
    if relation.p is None:
        return ""
    return "no" if not is_shown(relation) else "contrast" if relation.contrasts else "yes"


def rho_text(relation: Relation) -> str:
    """Return the rank correlation, "" where there is none."""
    return "" if relation.rho is None else f"{relation.rho:.2f}"


def ends_text(relation: Relation) -> str:
    """Return the interval of the rank correlation, "" where there is none."""
    return interval(relation.low, relation.high, 2).strip()


def columns_of(relation: Relation, material: Material) -> tuple[Column, Column]:
    """Return the columns of the image score and of the accuracy."""
    columns = material.boards[relation.board].columns
    return columns[relation.metric], columns[relation.accuracy]


def _chart(relation: Relation, material: Material, taken: set[str]) -> Chart:
    board = material.boards[relation.board]
    metric, accuracy = columns_of(relation, material)
    recipe = accuracy.protocol, accuracy.student
    parts = (
        *wording.set_parts(board, material.boards),
        metric.metric,
        *wording.recipe_parts(material.boards, *recipe),
    )
    return Chart(
        slug=slug(MAIN if metric.score.main else MORE, *parts, taken=taken),
        title=f"{wording.sentence(metric.score)} against accuracy on "
        + wording.place(board.dataset, board.ipc)
        + wording.recipe(material.boards, *recipe),
        note=_note(relation, metric),
        x=Axis(wording.axis_title(metric.score, metric), *padded(p.x for p in relation.points)),
        y=Axis(
            "top-1 accuracy, %",
            *wording.reach(heights(relation.points, accuracy), accuracy.score),
        ),
        lines=tuple(
            Line(
                wording.cut(point.method),
                (_mark(point, metric, accuracy),),
                material.colours.get(point.name, -1),
                joined=False,
            )
            for point in relation.points
        ),
    )


def _mark(point: Point, metric: Column, accuracy: Column) -> Mark:
    return Mark(point.x, point.y, point.low, point.high, text=told(point, metric, accuracy))


def told(point: Point, column: Column, accuracy: Column) -> str:
    """Return both numbers of a method, such as "mgd3: FID 41.9, top-1 34.1 % [30.2, 38.0]"."""
    x = wording.measured(point.x, None, None, column.score)
    y = wording.measured(point.y, point.low, point.high, accuracy.score)
    return f"{wording.cut(point.method)}: {column.score.title} {x}, {accuracy.score.title} {y}"


def heights(points: tuple[Point, ...], accuracy: Column) -> list[float]:
    """Return what the vertical axis has to hold: means, and intervals as far as there are such."""
    ends = [end for point in points for end in (point.low, point.high) if end is not None]
    return wording.possible(ends, accuracy.score) + [point.y for point in points]


def _note(relation: Relation, metric: Column) -> str:
    methods = wording.counted(relation.n, "method")
    if relation.rho is None:
        said = f"No rank correlation: one side is the same for all of {methods}."
    elif not ends_text(relation):
        said = f"Rank correlation {rho_text(relation)}, n = {methods}: too few for an interval."
    else:
        said = (
            f"Rank correlation {ends(relation)}, n = {methods}{of_kinds(relation)}; "
            f"the interval is of this pair alone. {_corrected(relation)}"
            "Correlation is no cause."
        )
    network = metric.facts.get("extractor", "")
    features = f" Network: {wording.cut(network)}." if network else ""
    lines = any(point.low is not None for point in relation.points)
    drawn = " Vertical lines are 95% intervals of the accuracy." if lines else ""
    return f"{said}{drawn}{features}"


def _corrected(relation: Relation) -> str:
    """Return what is left of a relation beside all others."""
    if relation.p is None:
        return ""
    said = {
        "yes": "is shown",
        "no": "is not shown",
        "contrast": "is shown, as a contrast of the two kinds alone",
    }
    shown = said[shown_text(relation)]
    return f"Corrected for all rank correlations that were tested together it {shown}. "

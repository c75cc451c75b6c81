"""The table of all rank correlations between scores of images and accuracies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING

from reports.drawings.against import columns_of, ends_text, ordered, rho_text, shown_text
from reports.drawings.wording import cut, recipe_parts
from reports.page.budget import RELATIONS
from reports.page.choices import ipc_text
from reports.page.figures import Figures

if TYPE_CHECKING:
    from leaderboards import Column
    from leaderboards.figures.relations import Relation
    from reports.material import Material


@dataclass(frozen=True)
class Text:
    """One cell, with the number that it is sorted by."""

    text: str
    value: str = ""


@dataclass(frozen=True)
class Correlation:
    """One row."""

    score: str
    better: str
    anchor: str
    """Of the chart, "" where the page has none."""
    dataset: str
    ipc: str
    recipe: tuple[str, ...]
    """Protocol and student, as short as in the titles of charts."""
    rho: Text
    ends: Text
    n: int
    p: Text
    shown: str
    """After correction: "yes", "no" or "contrast", "" where nothing is tested."""


@dataclass(frozen=True)
class Correlations:
    """The table, in the order of the charts."""

    lines: tuple[Correlation, ...]
    left_out: int


def correlations(material: Material, figures: Figures) -> Correlations:
    """Return every relation, with the chart of those that have one among the figures."""
    anchors = (figure.slug for figure in (*figures.shown, *figures.folded))
    found = ordered(material)
    lines = [
        _line(relation, anchor, material)
        for relation, anchor in zip(found[:RELATIONS], chain(anchors, repeat("")), strict=False)
    ]
    return Correlations(tuple(lines), len(found) - len(lines))


def _line(relation: Relation, anchor: str, material: Material) -> Correlation:
    board = material.boards[relation.board]
    metric, accuracy = columns_of(relation, material)
    return Correlation(
        score=_titled(metric),
        better=f"{metric.score.better} is better",
        anchor=anchor,
        dataset=cut(board.dataset),
        ipc=ipc_text(board),
        recipe=recipe_parts(material.boards, accuracy.protocol, accuracy.student),
        rho=Text(rho_text(relation), _value(relation.rho)),
        ends=Text(ends_text(relation), _value(relation.low)),
        n=relation.n,
        p=Text(_p_text(relation.p), _value(relation.p)),
        shown=shown_text(relation),
    )


def _titled(metric: Column) -> str:
    told = f" ({metric.distinction})" if metric.distinction else ""
    return cut(f"{metric.score.title}{told}")


def _value(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"


def _p_text(p: float | None) -> str:
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"

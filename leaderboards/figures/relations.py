"""How scores of images go with accuracy, over methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from leaderboards.figures.chance import chance
from leaderboards.figures.correlation import ENOUGH, spearman, spearman_interval
from leaderboards.figures.families import Within, copies, within
from leaderboards.headings import Name
from leaderboards.ranks.separation import holm
from leaderboards.table import Board, Row

ACCURACY = "top1_last"

LEAST = 3
"""Methods of a relation."""


@dataclass(frozen=True)
class Point:
    """One method in a plane of two scores."""

    name: Name
    method: str
    x: float
    y: float
    low: float | None
    """Lower end of the interval of y."""
    high: float | None


@dataclass(frozen=True)
class Relation:
    """An image score beside an accuracy, in one board."""

    board: int
    """Position among the boards."""
    accuracy: int
    """Position among the board's columns, as `metric`."""
    metric: int
    points: tuple[Point, ...]
    n: int
    rho: float | None
    """Spearman's rank correlation; None where one side is constant."""
    low: float | None
    """Ends of its 95% interval (Bonett and Wright, 2000); None below eight methods."""
    high: float | None
    p: float | None
    """Of no relation, corrected by Holm over all relations of eight methods or more; None for the
    others."""
    within: tuple[Within, ...] = ()
    """Of methods that choose real images and of those that make new ones, where there are both."""

    @property
    def contrasts(self) -> bool:
        """Return whether one of the two kinds does not go in the direction of all together."""
        rho = self.rho or 0.0
        return any(rho * (kind.rho or 0.0) <= 0 for kind in self.within)


def relations(boards: Sequence[Board]) -> list[Relation]:
    """Return every pair of a last accuracy and an image score that three methods have.

    References are left out: they differ from the others in more than their images.
    """
    found = [
        relation
        for at, board in enumerate(boards)
        for accuracy in accuracies(board)
        for metric, column in enumerate(board.columns)
        if column.group == "images"
        and (relation := _relation(at, board, accuracy, metric)) is not None
    ]
    return _corrected(found)


def accuracies(board: Board) -> list[int]:
    """Return the places of the columns with the accuracy that is ranked."""
    return [
        place
        for place, column in enumerate(board.columns)
        if column.metric == ACCURACY and column.group not in ("images", "cost")
    ]


def points(board: Board, x: int, y: int) -> Iterator[tuple[Row, Point]]:
    """Yield the rows that have a value in two columns, with the point that they make."""
    for row in board.rows:
        across, up = row.cells[x], row.cells[y]
        if across is not None and up is not None:
            yield row, Point(row.name, row.method, across.mean, up.mean, up.low, up.high)


def _relation(at: int, board: Board, accuracy: int, metric: int) -> Relation | None:
    own = [(row, point) for row, point in points(board, metric, accuracy) if not row.reference]
    shown = [point for _, point in own]
    n = len(shown)
    if n < LEAST:
        return None
    x, y = [point.x for point in shown], [point.y for point in shown]
    rho = spearman(x, y)
    ends = None if rho is None else spearman_interval(rho, n)
    return Relation(
        board=at,
        accuracy=accuracy,
        metric=metric,
        points=tuple(shown),
        n=n,
        rho=rho,
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        p=None if rho is None or n < ENOUGH else chance(rho, n),
        within=within(x, y, [copies(board, row) for row, _ in own]),
    )


def _corrected(found: Sequence[Relation]) -> list[Relation]:
    """Return the relations with p corrected for how many there are."""
    import numpy as np

    p = [relation.p for relation in found if relation.p is not None]
    if not p:
        return list(found)
    adjusted = iter(holm(np.array(p)).tolist())
    return [
        relation if relation.p is None else replace(relation, p=next(adjusted))
        for relation in found
    ]

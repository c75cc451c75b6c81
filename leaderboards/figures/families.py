"""Rank correlations within methods that choose real images, and within those that make new ones.

The two kinds differ in more than any score says. A correlation over both may be the difference of
the two alone, and have another direction within each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboards.figures.correlation import spearman
from leaderboards.table import Board, Row

COPYING = ("nearest_real", "authenticity")
"""Scores that are 0 where every image is a copy of a real one: its distance is that of equal
features, and no copy is farther from its original than that one is from its neighbour."""

FEWEST = 4
"""Methods of a kind from which on its correlation is told: three have six orders, and one swap of
neighbours changes theirs by a half."""


@dataclass(frozen=True)
class Within:
    """The rank correlation of the methods of one kind."""

    copies: bool
    """Methods whose images are copies of real ones."""
    n: int
    rho: float | None
    """None where one side is constant."""


def copies(board: Board, row: Row) -> bool | None:
    """Return whether the images of a row are copies of real ones; None where no score says it."""
    found = [
        cell.mean
        for column, cell in zip(board.columns, row.cells, strict=True)
        if cell is not None and column.metric in COPYING
    ]
    return 0 in found if found else None


def within(
    x: Sequence[float], y: Sequence[float], copies: Sequence[bool | None]
) -> tuple[Within, ...]:
    """Return the correlations of the kinds that have four methods or more.

    There are none where all methods are of one kind; a method that is not known to be of either
    (None) is in neither.
    """
    found = []
    for kind in (True, False):
        own = [at for at, one in enumerate(copies) if one is kind]
        if len(own) >= FEWEST and (not kind) in copies:
            rho = spearman([x[at] for at in own], [y[at] for at in own])
            found.append(Within(kind, len(own), rho))
    return tuple(found)

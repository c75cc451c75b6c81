"""The ranks of one column: what its cells say about each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.scores import Score
from leaderboards.ranks.blocks import blocks_of
from leaderboards.ranks.intervals import rank_intervals
from leaderboards.ranks.separation import separate
from leaderboards.ranks.statistics import Cell
from leaderboards.ranks.ties import letters


@dataclass(frozen=True)
class Told:
    """What has to be said of a ranked column."""

    tested: int
    """Methods that were held against each other; 0: nothing is ranked."""
    blocks: int
    """Blocks that all of them have; 1 where none of them has randomness and all have one number."""
    kind: str
    """What a block is, "sets" or "students"; "" where nothing is ranked."""
    resolvable: float | None
    """The smallest difference that is found with a power of 80%, in the unit of the score; None
    where fewer than two methods vary."""


def place_column(
    cells: Sequence[Cell], stochastic: Sequence[bool], score: Score
) -> tuple[list[Cell], Told]:
    """Return the cells of one column with ranks, intervals of the ranks and letters, and a summary.

    `stochastic` says of each cell whether its method has randomness. The rank of a method is one
    more than the methods that are separated from it and better; cells that were not tested keep no
    rank and no letter. Which of two is better is a matter of the blocks that all methods have.
    """
    blocks = blocks_of(cells, stochastic)
    if blocks is None:
        return list(cells), Told(0, 0, "", None)
    found = separate(blocks)
    sign = 1.0 if score.better == "higher" else -1.0
    goodness = sign * blocks.numbers.mean(axis=1)
    behind = goodness[None, :] > goodness[:, None]
    ranks = 1 + (found.separated & behind).sum(axis=1)
    lows, highs = rank_intervals(blocks, found, score.better)
    ties = letters(found.separated, (-goodness).argsort(kind="stable").tolist())
    placed = list(cells)
    for row, position in enumerate(blocks.tested):
        placed[position] = replace(
            cells[position],
            rank=int(ranks[row]),
            rank_low=int(lows[row]),
            rank_high=int(highs[row]),
            ties=ties[row],
        )
    return placed, Told(len(blocks.tested), blocks.numbers.shape[1], blocks.kind, found.resolvable)

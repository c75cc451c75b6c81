"""Four verdicts on a change: the tests behind `bench check`, on numbers alone.

A block is what varies by itself: a distillation seed, or a student where no method has randomness.
Of every block comes one difference, now less baseline, in the direction that is better; a drop is
below 0. The test is one-sided against a margin, that is, of non-inferiority: a regression is a
drop that is certainly larger than the margin, unchanged is one that is certainly smaller.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Outcome = Literal["regression", "improvement", "unchanged", "undecidable"]


@dataclass(frozen=True)
class Judged:
    """What the differences of some blocks say."""

    outcome: Outcome
    mean: float
    low: float
    """Ends of the two-sided interval with the level in each tail."""
    high: float
    t: float
    """Of the mean plus the margin."""
    degrees: int
    """0 where nothing was tested."""
    p: float
    """One-sided, of a mean of at least minus the margin."""


@dataclass(frozen=True)
class Drawn:
    """The blocks of the cells of one score."""

    blocks: NDArray[np.float64]
    """`[C, S]`, in the unit of the score."""
    margins: NDArray[np.float64]
    """`[C]`."""


def judge(blocks: Sequence[float], margin: float, level: float) -> Judged | None:
    """Return the verdict on the mean of at least two blocks by Student's t; None for fewer.

    At a true drop of exactly the margin a regression is found with a probability of `level`, and so
    is "unchanged" or better. Blocks without any spread are taken at their word.
    """
    from scipy.special import stdtr, stdtrit

    if len(blocks) < 2:
        return None
    mean, degrees = statistics.fmean(blocks), len(blocks) - 1
    error = statistics.stdev(blocks) / math.sqrt(len(blocks))
    half = -float(stdtrit(degrees, level)) * error
    t = _ratio(mean + margin, error)
    p = float(stdtr(degrees, t))
    low, high = mean - half, mean + half
    return Judged(_outcome(low, high, margin), mean, low, high, t, degrees, p)


def judge_cells(scores: Sequence[Drawn], level: float) -> list[list[Judged]]:
    """Return the verdicts on single cells, by score; Holm's correction is over all cells together.

    A cell is a regression where two tests agree: its own t, which is exact whatever the cells have
    in common, and the t of a variance that the cells of a score share, or of its own if that is
    larger. Improvements are found alike, against no change. `t` and `p` are those of the drop,
    p corrected; an interval is that of the cell's own t, without correction.
    """
    drops = iter(_combined(scores, of_drop=True))
    rises = iter(_combined(scores, of_drop=False))
    return [
        [
            _of_cell(row, margin, level, next(drops), next(rises))
            for row, margin in zip(drawn.blocks.tolist(), drawn.margins.tolist(), strict=True)
        ]
        for drawn in scores
    ]


def _outcome(low: float, high: float, margin: float) -> Outcome:
    if high < -margin:
        return "regression"
    if low > 0:
        return "improvement"
    return "unchanged" if low > -margin or low == high == 0 else "undecidable"


def _of_cell(row: list[float], margin: float, level: float, drop: float, rise: float) -> Judged:
    own = judge(row, margin, level)
    assert own is not None  # _combined has divided by the blocks less one
    outcome: Outcome = "undecidable"
    if drop < level:
        outcome = "regression"
    elif rise < level:
        outcome = "improvement"
    elif own.low > -margin or not any(row):
        outcome = "unchanged"
    return Judged(outcome, own.mean, own.low, own.high, own.t, own.degrees, drop)


def _combined(scores: Sequence[Drawn], *, of_drop: bool) -> list[float]:
    """Return one p for every cell of all scores, in their order: the larger one of both tests."""
    import numpy as np
    from scipy.special import stdtr

    from leaderboards.ranks.separation import holm

    own: list[float] = []
    shared: list[float] = []
    for drawn in scores:
        count, size = drawn.blocks.shape
        means, variances = drawn.blocks.mean(1), drawn.blocks.var(1, ddof=1)
        pooled = np.maximum(variances.mean(), variances)
        distances = means + drawn.margins if of_drop else -means
        for found, spreads, degrees in (
            (own, variances, size - 1),
            (shared, pooled, count * (size - 1)),
        ):
            errors = np.sqrt(spreads / size)
            pairs = zip(distances.tolist(), errors.tolist(), strict=True)
            found += [float(stdtr(degrees, _ratio(*pair))) for pair in pairs]
    corrected = holm(np.array(shared)).tolist()
    return [max(pair) for pair in zip(corrected, own, strict=True)]


def _ratio(distance: float, error: float) -> float:
    """Return a t statistic; without any spread it is infinite, or 0 for no distance."""
    if error:
        return distance / error
    return math.copysign(math.inf, distance) if distance else 0.0

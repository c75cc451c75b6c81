"""Between which ranks a method lies, for all methods of a column at once.

The ranks of near ties jump, so percentiles of resampled ranks promise too much. What is resampled
is therefore the largest studentised difference: a method is surely behind those that are better by
more than 95% of chance would give to any pair (Mogstad, Romano, Shaikh & Wilhelm, Inference for
Ranks, Review of Economic Studies 91, 2024).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from leaderboards.ranks.statistics import LEVEL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from leaderboards.ranks.blocks import Blocks
    from leaderboards.ranks.separation import Separation

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.intp]


def rank_intervals(
    blocks: Blocks, found: Separation, better: Literal["higher", "lower"], draws: int = 1000
) -> tuple[IntArray, IntArray]:
    """Return the lowest and highest rank of every row, `[K]` each, simultaneous at 95%.

    A row is ahead of another only if the two are separated as well, so that an interval never
    claims an order that the letters deny. Equal blocks give equal intervals: the draws are seeded.
    """
    import numpy as np

    means = blocks.numbers.mean(axis=1)
    size = blocks.numbers.shape[1]
    lead = (
        means[:, None] - means[None, :] if better == "higher" else means[None, :] - means[:, None]
    )
    both = blocks.moving[:, None] & blocks.moving[None, :] & ~np.eye(len(means), dtype=bool)
    needed = np.zeros_like(lead)
    if found.shared[both].any():
        quantile = _largest_difference(blocks.numbers[blocks.moving], draws)
        needed[both] = quantile * np.sqrt(found.shared[both] / size)
    ahead = found.separated & (lead > needed)
    return 1 + ahead.sum(axis=0), len(means) - ahead.sum(axis=1)


def _largest_difference(numbers: FloatArray, draws: int) -> float:
    """Return the quantile of the largest studentised difference between rows without differences.

    Pooled residuals of the two-way layout `[K, S]` are drawn anew; blocks are the top level of the
    nested design, so their values carry the noise of sets and of students (Davison & Hinkley,
    Bootstrap Methods and their Application, 1997, section 3.8). Their scale does not matter.
    """
    import numpy as np

    rows, size = numbers.shape
    degrees = (rows - 1) * (size - 1)
    drawn = np.random.default_rng(0).choice(_residuals(numbers).ravel(), size=(draws, rows, size))
    error = (_residuals(drawn) ** 2).sum(axis=(1, 2)) / degrees
    spread = np.ptp(drawn.mean(axis=2), axis=1)
    unit = np.sqrt(2 * error / size)
    largest = np.divide(spread, unit, out=np.full(draws, np.inf), where=unit > 0)
    return float(np.quantile(largest, LEVEL, method="higher"))


def _residuals(numbers: FloatArray) -> FloatArray:
    """Return what rows and blocks leave over, `[..., K, S]`."""
    residuals: FloatArray = (
        numbers
        - numbers.mean(axis=-1, keepdims=True)
        - numbers.mean(axis=-2, keepdims=True)
        + numbers.mean(axis=(-2, -1), keepdims=True)
    )
    return residuals

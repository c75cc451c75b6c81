"""Which methods of one column differ, and how large a difference would have to be.

Two methods are separated only if two tests agree: one with a variance that all pairs share,
corrected by Holm for the number of pairs, and the pair's own paired t test. The first alone fails
where some methods vary far more than others; the second alone finds nothing with three seeds, once
it is corrected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leaderboards.ranks.blocks import Blocks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]
    IntArray = NDArray[np.intp]

ALPHA = 0.05
"""Chance of any false separation in a column."""

POWER = 0.8
"""Chance with which the difference called resolvable is found."""

SAME = 1e-6
"""Share of a number below which a difference is rounding: means of the same numbers, or floats."""


@dataclass(frozen=True)
class Separation:
    """The relation between all pairs of methods."""

    p: FloatArray
    """`[K, K]`, symmetric: the larger p of both tests; diagonal 1."""
    separated: BoolArray
    """`[K, K]`, `p < ALPHA`."""
    shared: FloatArray
    """`[K, K]`, variance of a block's difference as the shared test uses it."""
    degrees: int
    """Degrees of freedom of the shared variance of two moving methods."""
    resolvable: float | None
    """Difference that is found with `POWER`, in the unit of the numbers; None without a pair of
    two moving methods."""


def separate(blocks: Blocks) -> Separation:
    """Return which methods are separated.

    The shared variance of a pair is the largest of three: its mean over all pairs, over the pairs
    of the one and over the pairs of the other. With balanced blocks and equal noise it is twice the
    mean square of the error of the two-way layout. Simulated, the chance of any false separation is
    at most 5% for equal noise, normal or not, and up to 8% where two of twenty methods have four
    times the noise. A method with one number has no block effects to share: its differences are
    those of the other alone, whose own variance they have in both tests, and two such methods
    differ if their numbers do.
    """
    import numpy as np

    first, second = np.triu_indices(len(blocks.numbers), 1)
    size = blocks.numbers.shape[1]
    mean, own = _differences(blocks.numbers, first, second)
    both = blocks.moving[first] & blocks.moving[second]
    either = blocks.moving[first] | blocks.moving[second]
    shared = _shared(own, both, first, second, blocks)
    degrees = (int(blocks.moving.sum()) - 1) * (size - 1)
    freedom = np.where(both, degrees, size - 1)
    p = np.where(mean > 0, 0.0, 1.0)  # of two fixed numbers, which no test is about
    if either.any():
        adjusted = holm(_two_sided(mean, shared, size, freedom)[either])
        p[either] = np.maximum(adjusted, _two_sided(mean, own, size, size - 1)[either])
    resolvable = None
    if both.any():
        error = math.sqrt(float(own[both].mean()) / size)
        resolvable = _resolvable(error, degrees, size - 1, int(either.sum()))
    matrix = _matrix(p, first, second, 1.0)
    return Separation(
        p=matrix,
        separated=matrix < ALPHA,
        shared=_matrix(shared, first, second, 0.0),
        degrees=max(0, degrees),
        resolvable=resolvable,
    )


def holm(p: FloatArray) -> FloatArray:
    """Return the p values of one family, corrected for its size: reject where below the level.

    Holm, Scandinavian Journal of Statistics 6, 1979. The function of statsmodels gives the same
    numbers, but collects the garbage of the whole process on every call, which takes 0.2 s.
    """
    import numpy as np

    order = p.argsort()
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted


def _differences(
    numbers: FloatArray, first: IntArray, second: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return |mean| and variance of the differences of every pair; 0 for what is rounding alone."""
    import numpy as np

    differences = numbers[first] - numbers[second]
    rounding = SAME * np.maximum(np.abs(numbers[first]), np.abs(numbers[second])).max(axis=1)
    mean = np.abs(differences.mean(axis=1))
    single = numbers.shape[1] < 2
    variance = np.zeros_like(mean) if single else differences.var(axis=1, ddof=1)
    return np.where(mean > rounding, mean, 0.0), np.where(variance > rounding**2, variance, 0.0)


def _shared(
    own: FloatArray, both: BoolArray, first: IntArray, second: IntArray, blocks: Blocks
) -> FloatArray:
    """Return the shared variance of every pair from the pairs' own ones."""
    import numpy as np

    shared = np.zeros_like(own)
    single = blocks.moving[first] ^ blocks.moving[second]
    shared[single] = own[single]  # others' noise would cost power and give no degrees of freedom
    if both.any():
        pairs = _matrix(np.where(both, own, 0.0), first, second, 0.0)
        by_row = pairs.sum(axis=1) / (blocks.moving.sum() - 1)
        largest = np.maximum(np.maximum(by_row[first], by_row[second]), own[both].mean())
        shared[both] = largest[both]
    return shared


def _two_sided(
    mean: FloatArray, variance: FloatArray, size: int, degrees: IntArray | int
) -> FloatArray:
    """Return p of |mean| under t; without variance it is 0 for any difference, and 1 for none."""
    import numpy as np
    from scipy.special import stdtr

    error = np.sqrt(variance / size)
    exact = np.where(mean > 0, np.inf, 0.0)
    t = np.divide(mean, error, out=exact, where=error > 0)
    p: FloatArray = 2 * stdtr(degrees, -t)
    return p


def _resolvable(error: float, degrees: int, own: int, pairs: int) -> float | None:
    """Return the difference that both tests find with `POWER`, each at its first step.

    `error` is the standard error of the difference of two methods; `own` the degrees of freedom of
    the pair's own test, whose level no correction lowers.
    """
    from scipy.special import nctdtrinc, stdtrit

    tests = ((degrees, ALPHA / pairs), (own, ALPHA))
    needed = [float(nctdtrinc(n, 1 - POWER, stdtrit(n, 1 - alpha / 2))) for n, alpha in tests]
    return max(needed) * error if all(map(math.isfinite, needed)) else None


def _matrix(values: FloatArray, first: IntArray, second: IntArray, diagonal: float) -> FloatArray:
    """Return the symmetric matrix of the values of all pairs."""
    import numpy as np

    rows = int(second.max()) + 1
    matrix = np.full((rows, rows), diagonal)
    matrix[first, second] = matrix[second, first] = values
    return matrix

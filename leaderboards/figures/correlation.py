"""Rank correlation, and how certain it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from leaderboards.ranks.separation import SAME

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENOUGH = 8
"""Pairs below which the interval is too short (six: 85% where 95% is said) and none is given."""

NORMAL = 1.959964
"""97.5% quantile of the normal distribution."""


def spearman(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation, ties by average ranks; None where a side is constant."""
    import numpy as np

    ranks = [_ranks(np.asarray(side, dtype=np.float64)) for side in (x, y)]
    centred = [side - side.mean() for side in ranks]
    scale = math.sqrt(math.prod(float(side @ side) for side in centred))
    if scale == 0:
        return None
    return min(1.0, max(-1.0, float(centred[0] @ centred[1]) / scale))


def spearman_interval(rho: float, n: int) -> tuple[float, float] | None:
    """Return the 95% interval of a rank correlation; None below eight pairs.

    Fisher's z with the variance of Bonett & Wright, Psychometrika 65, 2000: (1 + rho^2 / 2) /
    (n - 3). Perfect order is taken as one swap of neighbours from it, as the variance of z has no
    end there; the end beyond it is 1 itself.
    """
    if n < ENOUGH:
        return None
    largest = 1 - 12 / (n**3 - n)
    inner = min(largest, max(-largest, rho))
    margin = NORMAL * math.sqrt((1 + inner**2 / 2) / (n - 3))
    z = math.atanh(inner)
    low = -1.0 if rho <= -1 else math.tanh(z - margin)
    high = 1.0 if rho >= 1 else math.tanh(z + margin)
    return low, high


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks from 1 `[n]`; values that differ by rounding alone share the mean of theirs."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    steps = np.diff(values[order]) > SAME * np.abs(values).max(initial=0.0)
    place = np.empty(len(values), dtype=np.intp)
    place[order] = np.concatenate([[0], np.cumsum(steps)])
    counts = np.bincount(place)
    ends = counts.cumsum()
    shared: NDArray[np.float64] = (ends - (counts - 1) / 2)[place]
    return shared

"""How often a rank correlation comes about where there is none.

Counted over all orders of up to 14 pairs. The usual t of n - 2 degrees is too sure of itself
where it matters, as many correlations are tested together: at n = 8 and rho = 0.98 it says 3e-5,
counting says 4e-4.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COUNTED = 14
"""Pairs up to which all orders are counted, in a third of a second."""


def chance(rho: float, n: int) -> float:
    """Return the two-sided p of Spearman's rank correlation of three pairs or more.

    Above 14 pairs it is the series of Best & Roberts, Applied Statistics 24, 1975 (AS 89), or
    Student's t where that is larger: the series fails far out, where it falls below 0.
    """
    swaps = (1 - abs(rho)) * (n**3 - n) / 6
    # Sums of squares without ties are even; one between them, of ties, counts as the next.
    most = 2 * math.ceil(swaps / 2 - 1e-9)
    half = _counted(n, most) if n <= COUNTED else max(_series(n, most), _student(rho, n))
    return min(1.0, 2 * half)


def _counted(n: int, most: int) -> float:
    """Return the share of all orders whose squared differences of ranks sum up to `most`."""
    return float(_sums(n)[: most + 1].sum())


@cache
def _sums(n: int) -> NDArray[np.float64]:
    """Return the share of orders with each sum of squared differences of ranks.

    Built from the sets of ranks that the first 0, 1, 2, ... places may take, of which there are far
    fewer than orders.
    """
    import numpy as np

    largest = (n**3 - n) // 3
    layer = {0: np.eye(1, largest + 1)[0]}
    for place in range(n):
        following: dict[int, NDArray[np.float64]] = {}
        for taken, share in layer.items():
            for rank in range(n):
                if not taken >> rank & 1:
                    far = (place - rank) ** 2
                    to = following.setdefault(taken | 1 << rank, np.zeros(largest + 1))
                    to[far:] += share[: largest + 1 - far]
        layer = following
    (orders,) = layer.values()
    shares: NDArray[np.float64] = orders / orders.sum()
    return shares


def _student(rho: float, n: int) -> float:
    from scipy.special import stdtr

    if abs(rho) >= 1:
        return 0.0
    return float(stdtr(n - 2, -abs(rho) * math.sqrt((n - 2) / (1 - rho**2))))


def _series(n: int, most: int) -> float:
    """Return P(sum <= most) by the series; the upper tail, from which it is, mirrors the lower."""
    at_least = (n**3 - n) // 3 - most
    b = 1 / n
    x = (6 * (at_least - 1) * b / (n**2 - 1) - 1) * math.sqrt(n - 1)
    y = x**2
    inner = 0.0072 - 0.0831 * b + y * b * (0.0131 - 4.6e-4 * y)
    middle = -0.0758 + b * (0.1033 + 0.3932 * b) - y * b * (0.0879 + 0.0151 * b - y * inner)
    term = x * b * (0.2274 + b * (0.2531 + 0.1745 * b) + y * middle)
    return term * math.exp(-y / 2) + math.erfc(x / math.sqrt(2)) / 2

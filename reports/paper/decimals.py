"""How many decimals a column of a paper's table has: as many as its uncertainty carries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median


def decimals_of(uncertainties: Sequence[float], fallback: int) -> int:
    """Return decimals that leave the median uncertainty one digit, or two that begin with 1 or 2.

    Of 0.12 that is two decimals, of 0.34 one. The answer lies between 0 and one more than
    `fallback`, which is returned where no uncertainty is known.
    """
    known = [value for value in uncertainties if value > 0 and math.isfinite(value)]
    if not known:
        return fallback
    # Rounded to two digits first: 0.298 is 0.30, which needs one decimal.
    digits, exponent = f"{median(known):.1e}".split("e")
    wanted = -int(exponent) + (digits[0] in "12")
    return min(max(wanted, 0), fallback + 1)

"""Two lists of accuracies: how far their means lie apart, and whether that is next to nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance


@dataclass(frozen=True)
class Difference:
    """A difference of means whose parts vary each on their own (Welch, Biometrika 1947)."""

    mean: float
    """First mean minus second."""
    error: float
    """Its standard error."""
    freedom: float
    """Degrees of freedom by Welch and Satterthwaite."""

    @classmethod
    def of(cls, first: Sequence[float], second: Sequence[float]) -> Difference:
        """Return the difference of two lists.

        ValueError if one of them has fewer than two values, or if none varies.
        """
        if min(len(first), len(second)) < 2:
            raise ValueError(
                f"Each list needs two values or more, got {len(first)} and {len(second)}."
            )
        parts = [variance(values) / len(values) for values in (first, second)]
        if not sum(parts):
            raise ValueError("Neither list varies, so nothing can be said about chance.")
        lengths = (len(first) - 1, len(second) - 1)
        squares = sum(part**2 / length for part, length in zip(parts, lengths, strict=True))
        mean = fmean(first) - fmean(second)
        return cls(mean, math.sqrt(sum(parts)), sum(parts) ** 2 / squares)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the bounds that hold the true difference with the given probability."""
        from scipy.stats import t

        reach = float(t.ppf((1.0 + confidence) / 2.0, self.freedom)) * self.error
        return self.mean - reach, self.mean + reach

    def equivalence(self, margin: float) -> float:
        """Return the p-value of two one-sided tests (TOST; Schuirmann, 1987).

        Small values speak for a true difference between -margin and +margin: below 0.05 exactly
        if the interval of confidence 0.9 lies within them.
        """
        from scipy.stats import t

        if margin <= 0.0:
            raise ValueError(f"`margin` must be above 0, got {margin}.")
        return float(t.sf((margin - abs(self.mean)) / self.error, self.freedom))

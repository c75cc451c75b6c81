"""Numbers in sentences: counts with their nouns, and ranges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return "1 method" or "1,200 methods"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def share(count: int, total: int, noun: str = "comparison") -> str:
    """Return "the one comparison", "both comparisons", "all 3 ..." or "2 of 3 comparisons"."""
    if count < total:
        return f"{count} of {counted(total, noun)}"
    whole = {1: f"the one {noun}", 2: f"both {noun}s"}
    return whole.get(total, f"all {total} {noun}s")


def verb(count: int, one: str, several: str) -> str:
    """Return the form that a count asks for."""
    return one if count == 1 else several


def between(numbers: Iterable[float], decimals: int = 0) -> str:
    """Return "4.5 to 8.4", or one number where both ends are printed alike."""
    found = list(numbers)
    low, high = (f"{number:,.{decimals}f}" for number in (min(found), max(found)))
    return low if low == high else f"{low} to {high}"


def seconds(number: float) -> str:
    """Return a duration above 0 with about two digits."""
    decimals = max(0, 1 - math.floor(math.log10(number)))
    return f"{number:,.{decimals}f} s"


def interval(low: float | None, high: float | None, decimals: int) -> str:
    """Return " [1.0, 2.0]", or nothing without one."""
    return "" if low is None or high is None else f" [{low:,.{decimals}f}, {high:,.{decimals}f}]"


def chained(parts: Sequence[str], last: str = " and ") -> str:
    """Return words of ours as "a", "a and b" or "a, b and c"."""
    return ", ".join(parts[:-1]) + last + parts[-1] if len(parts) > 1 else "".join(parts)

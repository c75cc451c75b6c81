"""From the numbers of single students to the cell of a table.

Two things vary: the distilled set (its seed) and the student (its initialisation and order). Each
value therefore says which set and which student it belongs to.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from leaderboards.ledger import Quote

LEVEL = 0.95
"""Coverage of the intervals."""

Over = Literal["sets", "students", "nothing"]
"""Of what an interval is one."""


@dataclass(frozen=True, order=True)
class Value:
    """One number, with the distilled set and the student that gave it."""

    distilled: str
    """Revision of the distilled set."""
    seed: int
    """s: the distillation seed, and the first seed of the student."""
    student: tuple[int, ...]
    """(s, r), the seeds of the student; () for a number of the set itself, without a student."""
    number: float


@dataclass(frozen=True)
class Cell:
    """What the values of one method in one column say together."""

    mean: float
    """Mean of all values, every student counting once."""
    std: float | None
    """Sample standard deviation (ddof 1) of the values; None for a single one."""
    n_sets: int
    """Distinct distilled sets. 1 where the method has no randomness: variance between its sets is
    not applicable, rather than zero."""
    n_students: int
    """0 in columns of numbers that need no student."""
    low: float | None
    """Lower end of the 95% interval of the mean; see `interval`."""
    high: float | None
    over: Over
    std_sets: float | None
    """Component of the standard deviation between sets; None: not estimable or not applicable."""
    std_students: float | None
    """Component between students of one set; None: not estimable or not applicable."""
    values: tuple[Value, ...]
    """All values, sorted by set and student."""
    rank: int | None = None
    """1 + the methods that are separated and better; None where nothing is ranked."""
    rank_low: int | None = None
    rank_high: int | None = None
    """Ends of the 95% interval of the rank."""
    ties: str = ""
    """Letters: cells of a column that share one are not separated; "" where nothing is ranked."""
    protocol: str = ""
    """Identity of the protocol this cell was run under, where it is not its column's."""
    quotes: tuple[Quote, ...] = ()
    """Published numbers of the same thing, where they were asked for."""


def summarise(values: Iterable[Value]) -> Cell:
    """Return mean, sample standard deviation and interval of at least one value.

    The standard deviation is that of the values (students; sets, where there is no student), so it
    holds both sources of variation. The interval is taken over the means of the sets if there are
    two or more of them, since students of one set are not independent; otherwise over the students
    of the one set, and then says nothing about other sets.
    """
    ordered = tuple(sorted(values))
    numbers = [value.number for value in ordered]
    by_set: dict[str, list[float]] = defaultdict(list)
    for value in ordered:
        by_set[value.distilled].append(value.number)
    means = [statistics.fmean(group) for group in by_set.values()]
    ends = interval(means if len(means) > 1 else numbers)
    return Cell(
        mean=statistics.fmean(numbers),
        std=statistics.stdev(numbers) if len(numbers) > 1 else None,
        n_sets=len(by_set),
        n_students=sum(bool(value.student) for value in ordered),
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        over="nothing" if ends is None else "sets" if len(means) > 1 else "students",
        std_sets=None,
        std_students=None,
        values=ordered,
    )


def interval(numbers: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95% Student t interval of the mean; None for fewer than two numbers."""
    if len(numbers) < 2:
        return None
    mean, n = statistics.fmean(numbers), len(numbers)
    margin = _t_quantile(n - 1) * statistics.stdev(numbers) / math.sqrt(n)
    return mean - margin, mean + margin


def ranks(means: Sequence[float], better: Literal["higher", "lower"]) -> list[int]:
    """Return 1 + the number of strictly better means for each; equal means share a rank."""
    ordered = sorted(means, reverse=better == "higher")
    return [ordered.index(mean) + 1 for mean in means]


@cache
def _t_quantile(degrees: int) -> float:
    # Imported here, and from `special` alone, because `scipy.stats` takes a second to load.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + LEVEL) / 2))

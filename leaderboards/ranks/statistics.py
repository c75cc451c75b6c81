"""From the numbers of single students to the cell of a table.

Two things vary: the distilled set (its seed) and the student (its initialisation and order). Each
value therefore says which set and which student it belongs to. The students of one set share that
set, so the evidence on a method is as many numbers as there are sets.
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
    from leaderboards.published.ledger import Quote

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
    """Mean of the means of the sets: of all values, where sets have equally many students."""
    std: float | None
    """Sample standard deviation (ddof 1) of all values; None for a single one."""
    n_sets: int
    """Distilled sets. 1 where the method has no randomness: variance between its sets is not
    applicable, rather than zero."""
    n_students: int
    """0 in columns of numbers that need no student."""
    low: float | None
    """Lower end of the 95% interval of the mean; see `summarise`."""
    high: float | None
    over: Over
    """Of what the interval is one; over students it says nothing of other sets."""
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
    """Return mean, standard deviations and interval of at least one value.

    The interval is Student's t over the means of the sets if there are two or more: in a balanced
    nested design the variance of the mean is one mean square, so the interval is exact for normal
    values. With unequally many students the means of the sets count alike (Burdick & Graybill,
    Confidence Intervals on Variance Components, 1992, chapter 3), and it is approximate. Over one
    set it is one over the students. Mean and interval have the same centre.
    """
    ordered = tuple(sorted(values))
    numbers = [value.number for value in ordered]
    groups = by_set(ordered)
    n_students = sum(bool(value.student) for value in ordered)
    means = [statistics.fmean(group) for group in groups]
    over: Over = "sets" if len(means) > 1 else "students" if n_students > 1 else "nothing"
    ends = None if over == "nothing" else t_interval(means if over == "sets" else numbers)
    between, within = components(ordered)
    return Cell(
        mean=statistics.fmean(means),
        std=statistics.stdev(numbers) if len(numbers) > 1 else None,
        n_sets=len(groups),
        n_students=n_students,
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        over=over,
        std_sets=between,
        std_students=within,
        values=ordered,
    )


def components(values: Iterable[Value]) -> tuple[float | None, float | None]:
    """Return the standard deviations between sets and between the students of one set.

    Method of moments on the one-way layout (Searle, Casella & McCulloch, Variance Components, 1992,
    section 3.6); a negative component between sets counts as 0. With one student a set the two
    cannot be told apart, so both are None; numbers without students vary between sets alone.
    """
    ordered = sorted(values)
    groups = by_set(ordered)
    sets, total = len(groups), len(ordered)
    students = any(value.student for value in ordered)
    everything = statistics.stdev(value.number for value in ordered) if total > 1 else None
    if sets == 1:
        return None, everything if students else None
    if not students:
        return everything, None
    if total == sets:
        return None, None
    means = [statistics.fmean(group) for group in groups]
    sizes = [len(group) for group in groups]
    grand = statistics.fmean(value.number for value in ordered)
    within = sum(
        (number - mean) ** 2 for group, mean in zip(groups, means, strict=True) for number in group
    ) / (total - sets)
    between = sum(size * (mean - grand) ** 2 for size, mean in zip(sizes, means, strict=True)) / (
        sets - 1
    )
    size = (total - sum(size**2 for size in sizes) / total) / (sets - 1)
    return math.sqrt(max(0.0, (between - within) / size)), math.sqrt(within)


def t_interval(numbers: Sequence[float], level: float = LEVEL) -> tuple[float, float] | None:
    """Return the Student t interval of the mean at this level; None for fewer than two numbers."""
    if len(numbers) < 2:
        return None
    mean, n = statistics.fmean(numbers), len(numbers)
    margin = _t_quantile(n - 1, level) * statistics.stdev(numbers) / math.sqrt(n)
    return mean - margin, mean + margin


def by_set(ordered: Sequence[Value]) -> list[list[float]]:
    """Return the numbers of each set.

    Seeds that happened to give equal sets are draws of their own, like any two draws that agree;
    where all sets are equal there is one, since a method without randomness has no other.
    """
    one = len({value.distilled for value in ordered}) == 1
    groups: dict[tuple[str, int], list[float]] = defaultdict(list)
    for value in ordered:
        groups[value.distilled, 0 if one else value.seed].append(value.number)
    return list(groups.values())


@cache
def _t_quantile(degrees: int, level: float) -> float:
    # Imported here, and from `special` alone, because `scipy.stats` takes a second to load.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + level) / 2))

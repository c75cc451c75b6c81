"""How much accuracy another student loses, on average over methods, where that is beyond chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from leaderboards import Architectures
from leaderboards.architectures import Drop
from leaderboards.ranks.separation import ALPHA, holm
from leaderboards.ranks.statistics import LEVEL
from reports.words.counting import between, interval, share
from reports.words.naming import ACCURACY, Naming
from reports.words.selected import corrected
from reports.words.sentences import Code, Sentence

if TYPE_CHECKING:
    from reports.material import Selection

FEWEST = 3
"""Methods over which a mean drop is one."""


class _Key(NamedTuple):
    """What is the same for drops that are told together."""

    protocol: str
    distinction: str
    reference: str
    student: str


def drop_sentences(
    tables: Sequence[Architectures], naming: Naming, selection: Selection | None = None
) -> Iterator[Sentence]:
    """Yield by how much accuracy falls or rises from one student to another."""
    found = [
        (_Key(table.protocol, table.distinction, table.reference, student), drop)
        for table in tables
        if table.metric == ACCURACY
        for student, drop in zip(table.students[1:], table.mean_drop[1:], strict=True)
        if drop is not None and drop.n >= FEWEST and drop.low is not None
    ]
    within = corrected(selection, len(found), "mean drop")
    groups: dict[_Key, list[tuple[Drop, float]]] = defaultdict(list)
    for (key, drop), p in zip(found, _adjusted([drop for _, drop in found]), strict=True):
        groups[key].append((drop, p))
    for key, drops in groups.items():
        for sign in (1.0, -1.0):
            if sure := [drop for drop, p in drops if p < ALPHA and sign * drop.mean > 0]:
                yield (*_start(key, naming), _moved(sure, len(drops), sign), f"{within}.")


def _adjusted(drops: Sequence[Drop]) -> list[float]:
    """Return p of every drop, corrected for their number: a report may have dozens.

    The interval of a mean drop is Student's t over methods, which gives its standard error.
    """
    import numpy as np
    from scipy.special import stdtr, stdtrit

    degrees = np.array([drop.n - 1.0 for drop in drops])
    half = np.array([drop.mean - drop.low for drop in drops if drop.low is not None])
    means = np.abs([drop.mean for drop in drops])
    error = half / stdtrit(degrees, (1 + LEVEL) / 2)
    t = np.divide(means, error, out=np.where(means > 0, np.inf, 0.0), where=error > 0)
    return [float(p) for p in holm(2 * stdtr(degrees, -t))] if drops else []


def _start(key: _Key, naming: Naming) -> Sentence:
    start = ("From ", naming.student(key.reference), " to ", naming.student(key.student))
    under: Sentence = ()
    if len(naming.protocols) > 1:
        under = (" under ", naming.protocol(key.protocol))
    return (*start, *under, *((" (", Code(key.distinction), ")") if key.distinction else ()))


def _moved(sure: Sequence[Drop], total: int, sign: float) -> str:
    verb = "falls" if sign > 0 else "rises"
    points = between((abs(drop.mean) for drop in sure), 1)
    methods = f"on average over {between(drop.n for drop in sure)} methods"
    if total == 1:
        low, high = sorted(sign * end for end in (sure[0].low, sure[0].high) if end is not None)
        return f" accuracy {verb} by {points} points{interval(low, high, 1)}, {methods}"
    return f" accuracy {verb} by {points} points, {methods}, in {share(len(sure), total)}"

"""The gate: whether a run is worse than a baseline by more than a margin.

The primary test is on one number, the mean difference over all cells of accuracies, paired by seed.
Single cells, image metrics among them, are secondary.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bench.errors import UsageError
from bench.records import Record
from bench.scores import SCORES
from leaderboards.gate.baseline_file import Baseline
from leaderboards.gate.blocks import accuracies, blocked, moving, over_cells, ranked, sign
from leaderboards.gate.cells import Held
from leaderboards.gate.matching import Change, Incomparable, Pair, match, refuse
from leaderboards.gate.power import Promise, promise
from leaderboards.gate.statistics import Drawn, Judged, judge, judge_cells

__all__ = [
    "Change",
    "Checked",
    "CheckedCell",
    "Incomparable",
    "Promise",
    "block_values",
    "changes",
    "check",
    "promise",
]


@dataclass(frozen=True)
class CheckedCell:
    """One cell of a ranked score."""

    held: Held
    """As the baseline has it."""
    was: float
    now: float
    margin: float
    """In the unit of the score."""
    judged: Judged
    """Of gains: above 0 is better, whatever the direction of the score."""


@dataclass(frozen=True)
class Checked:
    """What a run says against a baseline."""

    primary: Judged | None
    """None where there are no accuracies: the cells decide."""
    cells: tuple[CheckedCell, ...]
    level: float
    margin: float
    margins_note: str
    against: float
    promise: Promise
    extra: tuple[str, ...]
    same_sets: int
    """Distilled sets that are the same, bit by bit, of `sets`."""
    sets: int


def changes(baseline: Baseline, records: Iterable[Record]) -> tuple[Change, ...]:
    """Return all that keeps a run from being compared with a baseline."""
    return match(baseline, records).changes


def block_values(baseline: Baseline, records: Iterable[Record]) -> tuple[float, ...]:
    """Return per block the mean gain over all cells of accuracies; Incomparable as `check`."""
    return over_cells(blocked(accuracies(_comparable(baseline, records)[0])).gains)


def check(baseline: Baseline, records: Iterable[Record], margin: float | None = None) -> Checked:
    """Return the verdicts; `margin` is in points and stands for that of the baseline.

    Raises Incomparable if anything but noise and code differs, and UsageError if the baseline has
    too few blocks for a test.
    """
    pairs, extra = _comparable(baseline, records)
    note = "of the baseline"
    if margin is not None and margin != baseline.margin:
        note = f"given here, that of the baseline is {baseline.margin}"
    margin = baseline.margin if margin is None else margin
    if not 0 <= margin < math.inf:
        raise UsageError(f"`--margin` must be finite and not below 0, got {margin}.")
    told = promise(baseline, margin)
    if told.cells and told.blocks < 2:
        least = f" ({told.scarce[0]} has the fewest)" if told.scarce else ""
        raise UsageError(
            f"A test takes two distilled sets or students that all cells share, the baseline has "
            f"{told.blocks}{least}: check it with `--exact`, or make it of three seeds or more."
        )
    gains = over_cells(blocked(accuracies(pairs)).gains)
    sets = _sets(pairs)
    return Checked(
        primary=judge(gains, margin, baseline.level) if told.cells else None,
        cells=_cells(pairs, baseline, margin),
        level=baseline.level,
        margin=margin,
        margins_note=note,
        against=baseline.against,
        promise=told,
        extra=extra,
        same_sets=sum(sets.values()),
        sets=len(sets),
    )


def _comparable(
    baseline: Baseline, records: Iterable[Record]
) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    matched = match(baseline, records)
    if matched.changes:
        refuse(matched.changes)
    return matched.pairs, matched.extra


def _sets(pairs: Iterable[Pair]) -> dict[tuple[object, ...], bool]:
    """Return for every distilled set of the baseline whether the run has the very same."""
    return {
        (was.dataset, was.ipc, was.method, seed): revision == now.sets.get(seed)
        for was, now in pairs
        for seed, revision in was.sets.items()
    }


def _cells(pairs: Iterable[Pair], baseline: Baseline, margin: float) -> tuple[CheckedCell, ...]:
    """Return the verdicts on the cells of ranked scores, in the order of the baseline."""
    import numpy as np

    by_score: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if ranked(pair[0]):
            by_score[pair[0].score].append(pair)
    judged: dict[int, Judged] = {}
    groups, drawn = [], []
    for members in by_score.values():
        tested = [pair for pair in members if moving(pair[0])]
        gains = blocked(tested).gains
        if gains.shape[1] > 1:
            groups.append(tested)
            margins = [_margin(was, baseline, margin) for was, _ in tested]
            drawn.append(Drawn(gains, np.array(margins)))
    for tested, found in zip(groups, judge_cells(drawn, baseline.level), strict=True):
        judged |= {id(was): one for (was, _), one in zip(tested, found, strict=True)}
    return tuple(
        _checked(pair, _margin(pair[0], baseline, margin), judged.get(id(pair[0])))
        for members in by_score.values()
        for pair in members
    )


def _checked(pair: Pair, margin: float, judged: Judged | None) -> CheckedCell:
    was, now = pair
    values, others = was.by_seed, now.by_seed
    before = statistics.fmean(values.values())
    after = statistics.fmean(others[key] for key in values)
    if judged is None:
        judged = _untested(sign(was) * (after - before), margin, decided=not moving(was))
    return CheckedCell(was, before, after, margin, judged)


def _untested(gain: float, margin: float, *, decided: bool) -> Judged:
    """Return the verdict without a test: on a fixed number, or none on a single block."""
    if not decided:
        return Judged("undecidable", gain, -math.inf, math.inf, math.nan, 0, 1.0)
    regressed = gain < -margin
    outcome: Literal["regression", "improvement", "unchanged"] = (
        "regression" if regressed else "improvement" if gain > margin else "unchanged"
    )
    return Judged(outcome, gain, gain, gain, math.nan, 0, float(not regressed))


def _margin(cell: Held, baseline: Baseline, margin: float) -> float:
    """Return the margin of a cell in the unit of its score."""
    if SCORES[cell.score].unit == "%":
        return margin
    return baseline.relative_margin * abs(statistics.fmean(cell.by_seed.values()))

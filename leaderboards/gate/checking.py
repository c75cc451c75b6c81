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
from bench.records import SCORES, Record
from leaderboards.gate.baseline_file import Baseline
from leaderboards.gate.blocks import Kind, accuracies, blocked, moving, over_cells, ranked, sign
from leaderboards.gate.cells import Held
from leaderboards.gate.matching import Change, Incomparable, Pair, match, refuse
from leaderboards.gate.statistics import (
    Drawn,
    Judged,
    found_with,
    half_width,
    judge,
    judge_cells,
    stated_power,
)

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
class Promise:
    """What a baseline can find."""

    cells: int
    """Of accuracies."""
    blocks: int
    kind: Kind
    power: float | None
    """Against the drop it is stated for; None below two blocks, or if that is within the margin."""
    found: float | None
    """The smallest drop that is found with a power of 80%."""
    undecidable: float | None
    """With a smaller margin a run of the same code is undecidable more often than not."""


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
    if margin < 0:
        raise UsageError(f"`--margin` must not be below 0, got {margin}.")
    told = promise(baseline, margin)
    if told.cells and told.blocks < 2:
        raise UsageError(
            f"A test takes two distilled sets or students that all cells share, the baseline has "
            f"{told.blocks}: check it with `--exact`, or make it of three seeds or more."
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


def promise(baseline: Baseline, margin: float | None = None) -> Promise:
    """Return what a baseline can find with its own margin or another one."""
    margin = baseline.margin if margin is None else margin
    pairs = accuracies((cell, cell) for cell in baseline.cells)
    of_blocks = blocked(pairs)
    noise, level = over_cells(of_blocks.noise), baseline.level
    tested = len(noise) > 1
    stated = tested and baseline.against > margin
    return Promise(
        cells=len(pairs),
        blocks=len(noise),
        kind=of_blocks.kind,
        power=stated_power(noise, margin, baseline.against, level) if stated else None,
        found=found_with(noise, margin, level) if tested else None,
        undecidable=half_width(noise, level) if tested else None,
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

"""What a baseline can find and what it leaves open, by the noise of its own blocks."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from leaderboards.gate.baseline_file import Baseline
from leaderboards.gate.blocks import Kind, accuracies, blocked, over_cells, scarcest

CONFIDENCE = 0.8
"""Of the upper bound of the noise that a stated power rests on."""


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
    undecided: float | None
    """Chance that a run of the same code, with noise of its own, is undecidable."""
    scarce: tuple[str, ...] = ()
    """Cells of accuracies with the fewest blocks; () where all have equally many."""


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
        undecided=undecided(noise, margin, level) if tested else None,
        scarce=tuple(cell.title for cell in scarcest(pairs)),
    )


def stated_power(noise: Sequence[float], margin: float, against: float, level: float) -> float:
    """Return the power of `judge` against a drop, from the blocks of a baseline alone.

    `noise`: per block the mean over cells of value less cell mean. A later run is taken to have
    noise of its own, so a difference varies sqrt(2) times as much, at the upper 80% bound of that
    spread: in four of five baselines the true power is higher. ValueError
    if the drop is not larger than the margin, or with fewer than two blocks.
    """
    from scipy.special import nctdtr, stdtrit

    if against <= margin:
        raise ValueError(f"A drop of {against} is not larger than the margin, {margin}.")
    degrees, error = _future_error(noise)
    if not error:
        return 1.0
    shift = -(against - margin) / error
    return float(nctdtr(degrees, shift, stdtrit(degrees, level)))


def found_with(noise: Sequence[float], margin: float, level: float, power: float = 0.8) -> float:
    """Return the smallest drop that `judge` finds with the power, by the noise of a baseline."""
    from scipy.special import nctdtrinc, stdtrit

    degrees, error = _future_error(noise)
    return margin + float(nctdtrinc(degrees, 1 - power, -stdtrit(degrees, level))) * error


def half_width(noise: Sequence[float], level: float) -> float:
    """Return half the interval that two runs of the same code would give, by the baseline's noise.

    With a smaller margin such runs are undecidable more often than not.
    """
    from scipy.special import stdtrit

    error = math.sqrt(2 / len(noise)) * statistics.stdev(noise)
    return -float(stdtrit(len(noise) - 1, level)) * error


def undecided(noise: Sequence[float], margin: float, level: float) -> float:
    """Return the chance that a run of the same code is undecidable, by the baseline's noise.

    The run is taken to have noise of its own, as on another machine, of the spread found.
    """
    from scipy.special import nctdtr, stdtrit

    error = math.sqrt(2 / len(noise)) * statistics.stdev(noise)
    if not error:
        return 0.0
    quantile = float(stdtrit(len(noise) - 1, level))
    below = [float(nctdtr(len(noise) - 1, margin / error, end)) for end in (quantile, -quantile)]
    return below[1] - below[0]


def _future_error(noise: Sequence[float]) -> tuple[int, float]:
    """Return degrees and standard error of a difference to another run, at its upper bound."""
    from scipy.special import chdtri

    if len(noise) < 2:
        raise ValueError(f"Expected two blocks or more, got {len(noise)}.")
    degrees = len(noise) - 1
    bound = math.sqrt(degrees / float(chdtri(degrees, CONFIDENCE)))
    return degrees, math.sqrt(2 / len(noise)) * statistics.stdev(noise) * bound

"""From pairs of cells to blocks: what varies by itself, with one difference each."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.scores import SCORES
from leaderboards.gate.cells import Held
from leaderboards.gate.matching import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["sets", "students"]
"""What a block is: a distillation seed, or a student where no method has randomness."""


@dataclass(frozen=True)
class Blocked:
    """The differences of some cells by block."""

    kind: Kind
    gains: NDArray[np.float64]
    """`[C, S]`: now less baseline, in the direction that is better."""
    noise: NDArray[np.float64]
    """`[C, S]`: baseline less the cell's mean."""


def blocked(pairs: Sequence[Pair]) -> Blocked:
    """Return the differences of cells with randomness, of the blocks that all of them have."""
    import numpy as np

    by_set = _by_set(pairs)
    rows = [_blocks_of(pair, by_set) for pair in pairs]
    common = sorted(set.intersection(*(set(row) for row in rows))) if rows else []
    shape = (len(rows), len(common), 2)
    numbers = np.array([[row[key] for key in common] for row in rows]).reshape(shape)
    was, now = numbers[:, :, 0], numbers[:, :, 1]
    signs = np.array([sign(cell) for cell, _ in pairs]).reshape(-1, 1)
    mean = was.mean(1, keepdims=True) if common else 0.0
    return Blocked("sets" if by_set or not pairs else "students", signs * (now - was), was - mean)


def scarcest(pairs: Sequence[Pair]) -> list[Held]:
    """Return the cells with the fewest blocks; none where all have equally many.

    The others are judged by no more blocks than these have.
    """
    by_set = _by_set(pairs)
    counts = [len(_blocks_of(pair, by_set)) for pair in pairs]
    if not counts or min(counts) == max(counts):
        return []
    return [was for (was, _), n in zip(pairs, counts, strict=True) if n == min(counts)]


def accuracies(pairs: Iterable[Pair]) -> list[Pair]:
    """Return the pairs that the primary test is on: ranked scores in percent."""
    return [pair for pair in pairs if ranked(pair[0]) and SCORES[pair[0].score].unit == "%"]


def ranked(cell: Held) -> bool:
    """Say whether the score of a cell is one to judge by."""
    return cell.score in SCORES and SCORES[cell.score].ranked


def moving(cell: Held) -> bool:
    """Say whether a cell has any randomness, of its method or of a student."""
    return cell.stochastic or cell.student.label != ""


def sign(cell: Held) -> float:
    """Return 1.0 where a higher score is better, else -1.0."""
    return 1.0 if SCORES[cell.score].better == "higher" else -1.0


def over_cells(numbers: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the mean over the cells `[C, S]` by block; () without cells."""
    return tuple(numbers.mean(0).tolist()) if len(numbers) else ()


def _by_set(pairs: Iterable[Pair]) -> bool:
    """Say whether the blocks are distilled sets, not students."""
    return any(was.stochastic or was.values[0][1] is None for was, _ in pairs)


def _blocks_of(pair: Pair, by_set: bool) -> dict[tuple[int, ...], tuple[float, float]]:
    """Return by block the means of baseline and run over the students of the baseline."""
    was, now = pair[0].by_seed, pair[1].by_seed
    members: dict[tuple[int, ...], list[tuple[int, int | None]]] = defaultdict(list)
    for s, r in was:
        members[(s,) if by_set or r is None else (s, r)].append((s, r))
    return {
        block: (
            statistics.fmean(was[key] for key in keys),
            statistics.fmean(now[key] for key in keys),
        )
        for block, keys in members.items()
    }

"""What the methods of one column did with the same seeds.

A seed does something to all methods: the same initial weights, the same order of images. Compared
seed by seed, that cancels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from leaderboards.ranks.statistics import Cell

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["sets", "students"]
"""What a block is: all students of one distillation seed, or one student's seeds."""


@dataclass(frozen=True)
class Blocks:
    """The numbers of the methods that can be compared."""

    numbers: NDArray[np.float64]
    """`[K, S]`, mean of every method in every block."""
    moving: NDArray[np.bool_]
    """`[K]`; False: one number, equal in every block, because neither set nor score is random."""
    tested: tuple[int, ...]
    """Positions of the rows among the cells that were given."""
    kind: Kind


def blocks_of(cells: Sequence[Cell], stochastic: Sequence[bool]) -> Blocks | None:
    """Return the blocks that all methods share; None where fewer than two methods share two.

    A block is a seed of distillation, whose students are averaged; where no method has randomness
    and all have students, it is one student's seeds. Methods with fewer than two blocks are left
    out. A method with one number whatever the seed is in every block; where all are such methods
    nothing can be repeated, and one block holds their numbers.
    """
    import numpy as np

    kind, fixed = _kind(cells, stochastic), _fixed(cells, stochastic)
    found = {at: _block_means(cell, kind) for at, cell in enumerate(cells) if not fixed[at]}
    means = {at: blocks for at, blocks in found.items() if len(blocks) > 1}
    tested = tuple(at for at in range(len(cells)) if fixed[at] or at in means)
    common = sorted(set.intersection(*map(set, means.values()))) if means else []
    size = 1 if all(fixed) else len(common)
    if len(tested) < 2 or not (size > 1 or all(fixed)):
        return None
    rows = [
        [cells[at].mean] * size if fixed[at] else [means[at][key] for key in common]
        for at in tested
    ]
    moving = np.array([not fixed[at] for at in tested])
    return Blocks(np.array(rows, dtype=np.float64), moving, tested, kind)


def _kind(cells: Sequence[Cell], stochastic: Sequence[bool]) -> Kind:
    bare = any(not value.student for cell in cells for value in cell.values)
    return "sets" if bare or any(stochastic) else "students"


def _fixed(cells: Sequence[Cell], stochastic: Sequence[bool]) -> list[bool]:
    """Return which cells hold one number whatever the seed: no randomness and no student."""
    return [
        not random and not any(value.student for value in cell.values)
        for cell, random in zip(cells, stochastic, strict=True)
    ]


def _block_means(cell: Cell, kind: Kind) -> dict[tuple[int, ...], float]:
    """Return the mean of each block; a block of sets is (s,), one of students (s, r)."""
    found: dict[tuple[int, ...], list[float]] = defaultdict(list)
    for value in cell.values:
        found[value.student if kind == "students" else (value.seed,)].append(value.number)
    return {key: fmean(numbers) for key, numbers in found.items()}

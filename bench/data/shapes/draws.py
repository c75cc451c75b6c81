"""The random parameters of a batch of images: one row of uniform numbers for every image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bench.streams import Streams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    """One value per image, float64 `[N]`."""

NUMBERS = 192
"""Uniform numbers that every image owns, used or not: what fixes where its row begins."""


@dataclass
class Draws:
    """Hands out the columns of a table `[N, NUMBERS]`, each for one parameter of all its images.

    Image k reads nothing but row k, so that its parameters follow from the order of the calls and
    from its row, and not from which images are drawn together.
    """

    table: Numbers
    """Uniform in [0, 1), float64 `[N, NUMBERS]`."""
    used: int = field(default=0)
    """Columns handed out so far."""

    @classmethod
    def of(cls, name: str, split: str, class_id: str, start: int, count: int) -> Draws:
        """Return the rows of images `start` to `start + count` of one class."""
        rng = Streams((0,)).numpy(name, split, class_id)
        # A uniform double takes one step of the generator, so a row can be reached in one jump.
        rng.bit_generator.advance(start * NUMBERS)  # type: ignore[attr-defined]
        return cls(rng.random((count, NUMBERS)))

    def __len__(self) -> int:
        return len(self.table)

    def rows(self, chosen: NDArray[np.int64]) -> Draws:
        """Return the same parameters, as far as they are handed out, of some of the images."""
        return Draws(self.table[chosen], self.used)

    def uniform(self, low: float, high: float) -> Numbers:
        """Return one number per image, uniform in [low, high)."""
        self.used += 1
        column: Numbers = low + (high - low) * self.table[:, self.used - 1]
        return column

    def bell(self, spread: float) -> Numbers:
        """Return the sum of two uniform numbers: 0 on average, never beyond `spread`."""
        return self.uniform(-spread / 2, spread / 2) + self.uniform(-spread / 2, spread / 2)

    def arrow(self, shortest: float, longest: float) -> tuple[Numbers, Numbers]:
        """Return (x, y) of an arrow in any direction, its length uniform."""
        angle, length = self.uniform(0.0, 2.0 * np.pi), self.uniform(shortest, longest)
        x: Numbers = length * np.cos(angle)
        y: Numbers = length * np.sin(angle)
        return x, y

    def chance(self, probability: float) -> NDArray[np.bool_]:
        """Return True for about `probability` of the images."""
        return self.uniform(0.0, 1.0) < probability

    def often(self, probability: float) -> Numbers:
        """Return 1 for about `probability` of the images and 0 for the others."""
        return np.where(self.chance(probability), 1.0, 0.0)

    def pick(self, weights: Sequence[float]) -> NDArray[np.int64]:
        """Return one of 0 to len(weights) - 1 per image, with these relative frequencies."""
        edges = np.cumsum(np.asarray(weights, np.float64))
        column = self.uniform(0.0, float(edges[-1]))
        return np.searchsorted(edges[:-1], column, side="right")

"""k-center: real images that cover their class, each the farthest from those before it.

Paper:     Sener & Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set
           Approach", ICLR 2018; the greedy algorithm is Gonzalez, "Clustering to Minimize the
           Maximum Intercluster Distance", Theoretical Computer Science 38, 1985.
Reference: PatrickZH/DeepCore, deepcore/methods/kcentergreedy.py.
Differs:   every class is covered by itself (DeepCore's `balance=True`); the embedding is a field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from bench.coreset import ByFeatures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Start = Literal["random", "mean"]


@dataclass(frozen=True)
class KCenter(ByFeatures):
    """Choose the image farthest from all chosen ones, `ipc` times in every class.

    The largest distance of any image to the nearest chosen one is at most twice the least possible.
    IPC 1 is a prefix of IPC 10 of the same seed.
    """

    revision: ClassVar[int] = 1
    stream: ClassVar[str] = "kcenter"

    start: Start = "random"
    """The first image: a random one (DeepCore), or the one nearest to the mean of the class."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        super().__post_init__()
        if self.start not in get_args(Start):
            raise ValueError(f"`start` must be 'random' or 'mean', got {self.start!r}.")

    @property
    def stochastic(self) -> bool:
        """Say whether the seed changes anything: only a random start does."""
        return self.start == "random"

    def choose(self, points: NDArray[np.float64], count: int, seed: int) -> NDArray[np.int64]:
        """Return rows in the order of choice; ties go to the lower row."""
        import numpy as np

        picks = np.empty(count, dtype=np.int64)
        nearest = np.full(len(points), np.inf)
        chosen = np.zeros(len(points), dtype=bool)
        for k in range(count):
            # Chosen rows are never taken again, not even where all points are equal.
            farthest = int(np.where(chosen, -1.0, nearest).argmax())
            picks[k] = farthest if k else self._first(points, seed)
            chosen[picks[k]] = True
            nearest = np.minimum(nearest, ((points - points[picks[k]]) ** 2).sum(axis=1))
        return picks

    def _first(self, points: NDArray[np.float64], seed: int) -> int:
        import numpy as np

        if self.start == "random":
            return int(np.random.default_rng(seed).integers(len(points)))
        return int(((points - points.mean(axis=0)) ** 2).sum(axis=1).argmin())

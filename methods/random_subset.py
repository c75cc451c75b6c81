"""Real images drawn at random: the baseline every method has to beat.

Reference: none; the papers' "Random" rows name no procedure.
Differs:   the code behind many of these rows (vimar-gu/MinimaxDiffusion, data.py) takes the first
           files of every class and shuffles nothing; that is `first` here.
           IPC 1 is a prefix of IPC 10 of the same seed, so that a larger set adds images and
           replaces none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from bench.selection import check_ipc, choose_per_class

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.sets import DatasetCard, DistilledSet, RealSet


@dataclass(frozen=True)
class RandomSubset:
    """Draw `ipc` training images of every class, uniformly and without replacement."""

    revision: ClassVar[int] = 1
    stochastic: ClassVar[bool] = True
    uses_ipc: ClassVar[bool] = True

    def resolve(self, card: DatasetCard, ipc: int | None) -> Self:
        """Return the method as it is; UsageError if a class is smaller than the IPC."""
        check_ipc(card, ipc)
        return self

    def needs(self, card: DatasetCard, ipc: int | None) -> tuple[Artefact[Any], ...]:
        """Return nothing: names and labels are enough."""
        return ()

    def distill(self, real: RealSet, ipc: int | None, ctx: Context) -> DistilledSet:
        """Return the first `ipc` images of a random order of every class.

        The order of a class follows from the seed and the class id alone; no image is opened.
        """

        def choose(label: int, members: NDArray[np.int64]) -> NDArray[np.int64]:
            rng = ctx.streams.numpy("choose", real.card.classes[label])
            # A whole permutation, not `choice`: its prefix does not depend on the IPC.
            return rng.permutation(members)[:ipc]

        return choose_per_class(real, ipc, choose)

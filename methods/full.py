"""The whole training set: the reference row that says what distillation costs.

Reference: vimar-gu/MinimaxDiffusion @ 969fc6f, train.py with `--ipc -1`.
Differs:   nothing known; how long students train on it is the protocol's affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from bench.sets import DistilledSet

if TYPE_CHECKING:
    from bench.context import Context
    from bench.contracts import Artefact
    from bench.sets import DatasetCard, RealSet


@dataclass(frozen=True)
class Full:
    """Keep every training image, whatever the IPC: nothing is distilled and nothing copied."""

    revision: ClassVar[int] = 1
    stochastic: ClassVar[bool] = False
    uses_ipc: ClassVar[bool] = False

    def resolve(self, card: DatasetCard, ipc: int | None) -> Self:
        """Return the method as it is."""
        return self

    def needs(self, card: DatasetCard, ipc: int | None) -> tuple[Artefact[Any], ...]:
        """Return nothing: the set is what was given."""
        return ()

    def distill(self, real: RealSet, ipc: int | None, ctx: Context) -> DistilledSet:
        """Return the training images and labels themselves, in the real set's own order."""
        # The order must not change: decoded pixels are cached by the training set's revision.
        return DistilledSet(real.train.images, real.train.labels, real.card.classes, whole=True)

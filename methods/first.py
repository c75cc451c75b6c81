"""The first files of every class: what the released scripts of the field call "random".

Reference: vimar-gu/MinimaxDiffusion @ 969fc6f, data.py, `ImageFolder._subset` with
           `slct_type="random"`.
Differs:   nothing known; the order is that of the file names as strings (0, 1, 10, 11, ..., 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from bench.selection import check_ipc, choose_per_class

if TYPE_CHECKING:
    from bench.context import Context
    from bench.contracts import Artefact
    from bench.sets import DatasetCard, DistilledSet, RealSet


@dataclass(frozen=True)
class First:
    """Take the first `ipc` training images of every class in lexicographic order.

    The seed changes nothing, and neither does what the images show.
    """

    revision: ClassVar[int] = 1
    stochastic: ClassVar[bool] = False
    uses_ipc: ClassVar[bool] = True

    def resolve(self, card: DatasetCard, ipc: int | None) -> Self:
        """Return the method as it is; UsageError if a class is smaller than the IPC."""
        check_ipc(card, ipc)
        return self

    def needs(self, card: DatasetCard, ipc: int | None) -> tuple[Artefact[Any], ...]:
        """Return nothing: names and labels are enough."""
        return ()

    def distill(self, real: RealSet, ipc: int | None, ctx: Context) -> DistilledSet:
        """Return the first `ipc` images of every class, in the real set's order."""
        return choose_per_class(real, ipc, lambda label, members: members[:ipc])

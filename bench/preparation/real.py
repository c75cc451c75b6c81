"""The real set that an artefact is made of, checked to be the one that is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.context import Context
    from bench.sets import RealSet


def checked_real_set(ctx: Context, name: str, train_revision: str) -> RealSet:
    """Return a real set of this run if it is the one that is meant; else raise BenchError."""
    real = ctx.real(name)
    if real.card.train_revision != train_revision:
        raise BenchError(
            f"Artefacts of {name!r} are wanted for training images of revision "
            f"{train_revision[:12]}..., but this run has {real.card.train_revision[:12]}...: "
            "start the run again."
        )
    return real

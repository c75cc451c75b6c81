"""Sets as students get them: decoded or mapped from the cache, with their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.context import Context
    from bench.data.prefix import Prefix
    from bench.sets import DistilledSet, ImageSet, RealSet
    from bench.training.examples import Examples


def training_images(distilled: DistilledSet, real: RealSet, ctx: Context) -> ImageSet:
    """Return the distilled images; a revision keeps many of them decoded in the cache.

    Few are decoded for every student: with a revision they would stay in memory.
    """
    from bench.data.pixels import CACHED_FROM
    from bench.sets import ImageSet

    if distilled.whole:
        return real.train
    revision = ctx.distilled_revision if len(distilled) >= CACHED_FROM else ""
    return ImageSet(distilled.images, distilled.labels, revision)


def examples_of(
    images: ImageSet, prefix: Prefix, ctx: Context, distilled: DistilledSet | None = None
) -> Examples:
    """Return a set decoded or mapped from the cache, with the weights of a distilled set."""
    import numpy as np
    import torch

    from bench.training.examples import Examples

    pixels = ctx.pixels(images, prefix)
    weights = None if distilled is None else distilled.weights
    return Examples(
        torch.from_numpy(pixels),
        torch.from_numpy(np.array(images.labels)),
        None if weights is None else torch.from_numpy(np.array(weights, dtype=np.float32)),
        mapped=isinstance(pixels, np.memmap),
    )

"""The one pass of images through a feature network: decoded ahead, in batches, in order."""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.features import BATCH_PIXELS
from bench.features.extractors import INCEPTION

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from bench.context import Context
    from bench.features.extractors import Extractor
    from bench.features.views import View
    from bench.images import Images
    from bench.training.compiling import CompiledNetwork

LEAST_BATCH = 16
BATCHES_AHEAD = 2
"""Batches that are decoded while the network is at work: the most that is held in memory."""


@dataclass
class Passed:
    """What became of a pass, known when it is over."""

    compiled: bool = False
    """Whether its network was compiled to the end."""


def features_of(
    images: Images, extractor: Extractor, ctx: Context, passed: Passed | None = None
) -> NDArray[np.float32]:
    """Return the features float32 `[N, d]` of all images, in their order.

    `passed` is filled in. BenchError if an image cannot be read or its features are not finite.
    """
    import numpy as np

    return np.concatenate(list(rows_of(images, extractor, ctx, passed)))


def rows_of(
    images: Images, extractor: Extractor, ctx: Context, passed: Passed | None = None
) -> Iterator[NDArray[np.float32]]:
    """Yield the same rows in blocks `[B, d]`, so that a large set fills no memory."""
    import numpy as np

    if len(images) == 0:
        raise ValueError("`images` must hold at least one image, got none.")
    view, done, run = extractor.network(ctx), 0, None
    size = min(len(images), batch_size(extractor, ctx))
    if compiles(extractor, len(images), ctx):
        view, run = compiled(view, size, ctx.note)
    for prepared in _prepared(images, view.prepare, size):
        rows: NDArray[np.float32] = view.embedded(prepared).numpy()
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(bad):
            raise BenchError(
                f"The features of image {done + bad[0]} under {extractor.name!r} are not finite: "
                "its network has overflown, so choose another one."
            )
        yield rows
        done += len(rows)
        ctx.progress(done, len(images))
    if passed is not None:
        passed.compiled = run is not None and run.compiled


def batch_size(extractor: Extractor, ctx: Context) -> int:
    """Return how many images the network is given at once: speed and memory, never a value."""
    return max(LEAST_BATCH, BATCH_PIXELS[ctx.device.type] // extractor.resolution**2)


def compiles(extractor: Extractor, num_images: int, ctx: Context) -> bool:
    """Say whether a pass over so many images is compiled; the same for equal plans.

    Only Inception as pytorch-fid builds it ever is: TorchScript cannot be, and the others are
    small. "auto" decides by the arithmetic that `bench.training.compiling` does for students.
    """
    import torch

    from bench.training.compiling import CPU_RATE, GPU_RATE, PAYS_FROM

    wish = ctx.compiling.wish
    if wish != "auto" or extractor.name != INCEPTION:
        return wish == "always" and extractor.name == INCEPTION
    rate = GPU_RATE if ctx.device.type == "cuda" else CPU_RATE * torch.get_num_threads()
    return num_images * _inception_flops() / rate >= PAYS_FROM


def compiled(view: View, size: int, note: Callable[[str], None]) -> tuple[View, CompiledNetwork]:
    """Return the view with its network compiled for batches of `size`, and the compiled network.

    The last batch is filled up. Features are equal up to rounding.
    """
    import torch

    from bench.training.compiling import CompiledNetwork

    assert isinstance(view.model, torch.nn.Module)
    run = CompiledNetwork(view.model, note, "The pass over images")

    def padded(batch: Tensor) -> Tensor:
        missing = size - len(batch)
        filled = torch.cat([batch, batch.new_zeros(missing, *batch.shape[1:])])
        return run(filled.contiguous(memory_format=torch.channels_last))[: len(batch)]

    return replace(view, model=padded), run


@functools.cache
def _inception_flops() -> int:
    """Return the FLOP of one image's pass, about 11 billion; nothing is computed."""
    from bench.features.inception import SIDE, assembled, stages
    from bench.training.compiling import forward_flops

    return forward_flops(stages(assembled()), SIDE)


def _prepared(
    images: Images, prepare: Callable[[NDArray[np.uint8]], NDArray[Any]], size: int
) -> Iterator[list[NDArray[Any]]]:
    """Yield decoded and prepared images in batches; threads are some batches ahead."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        coming: deque[list[Future[NDArray[Any]]]] = deque()
        for start in range(0, len(images), size):
            rows = range(start, min(start + size, len(images)))
            coming.append([pool.submit(lambda i: prepare(images.decode(i)), i) for i in rows])
            if len(coming) > BATCHES_AHEAD:
                yield [image.result() for image in coming.popleft()]
        while coming:
            yield [image.result() for image in coming.popleft()]

"""From latents to images, many at a time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.errors import BenchError
from bench.training.numerics import computing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.generators.interface import Generator
    from bench.sampling import Sampling

DECODE_PIXELS = 2**20
"""Pixels of the images decoded together: 16 of 256 x 256. Speed and memory only."""


def decode(generator: Generator, latents: Tensor, sampling: Sampling) -> NDArray[np.uint8]:
    """Return the images of latents `[n, C, h, w]`, uint8 RGB `[n, H, W, 3]`.

    A few are decoded at a time, and fewer where memory runs out; BenchError if one alone does not
    fit.
    """
    size = max(1, DECODE_PIXELS // generator.card.image_size**2)
    waiting, parts = deque(torch.split(latents, size)), []
    with torch.no_grad(), computing(sampling.numerics, generator.device):
        while waiting:
            block = waiting.popleft()
            images = _images(generator, block)
            if images is not None:
                parts.append(images.cpu())
            elif len(block) > 1:
                waiting.extendleft(reversed(block.chunk(2)))
            else:
                raise out_of_memory("decoding", generator)
    pixels: NDArray[np.uint8] = torch.cat(parts).contiguous().numpy()
    return pixels


def out_of_memory(doing: str, generator: Generator) -> BenchError:
    """Return the error for a device on which not even one image fits."""
    return BenchError(
        f"The device ran out of memory while {doing} one image with {generator.card.name!r}: use "
        "`numerics=bf16`, or free the device."
    )


def _images(generator: Generator, latents: Tensor) -> Tensor | None:
    """Return uint8 images `[n, H, W, 3]` on the device; None if memory ran out."""
    try:
        images = generator.decode(latents).float().clamp(-1, 1)
        return ((images + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)
    except torch.OutOfMemoryError:
        pass
    # Outside of the handler, whose traceback holds on to what was computed so far.
    torch.cuda.empty_cache()
    return None

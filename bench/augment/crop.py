"""Random resized crops of a whole batch, as two products with interpolation matrices.

A resize is linear and separable: the crop of image n becomes A X B', where row o of A holds the
weights of the input rows that make output row o. This is exact where sampling on a grid is not:
a crop that is shrunk needs every input pixel, and a sampled grid skips some.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

RATIO = (3 / 4, 4 / 3)
"""Aspect ratios of random crops; the same in every protocol, and torchvision's default."""
ATTEMPTS = 10


def crop_boxes(sizes: Tensor, scale: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Draw one crop per image: int64 `[N, 4]` of top, left, height and width.

    `sizes` is int64 `[N, 2]`, height and width of every image. The distribution is that of
    torchvision's RandomResizedCrop: area uniform in `scale` of the image, aspect ratio uniform in
    its logarithm, the first of ten attempts that fits, else the largest central crop.
    """
    num = len(sizes)
    area = torch.rand(num, ATTEMPTS, generator=generator, dtype=torch.float64)
    ratio = torch.rand(num, ATTEMPTS, generator=generator, dtype=torch.float64)
    place = torch.rand(num, 2, generator=generator, dtype=torch.float64)
    low, high = (math.log(bound) for bound in RATIO)
    area = sizes.prod(dim=1, keepdim=True) * (scale[0] + (scale[1] - scale[0]) * area)
    ratio = torch.exp(low + (high - low) * ratio)
    tries = torch.stack([(area / ratio).sqrt(), (area * ratio).sqrt()], dim=2).round().long()
    fits = ((tries > 0) & (tries <= sizes[:, None])).all(dim=2)
    first = fits.int().argmax(dim=1)
    extent = tries[torch.arange(num), first]
    fallback = ~fits.any(dim=1)
    extent[fallback] = _central_extent(sizes[fallback])
    slack = sizes - extent
    corner = (place * (slack + 1)).long()
    corner[fallback] = slack[fallback] // 2
    return torch.cat([corner, extent], dim=1)


def _central_extent(sizes: Tensor) -> Tensor:
    """Return the largest extents `[N, 2]` inside `sizes` whose ratio is allowed."""
    height, width = sizes[:, 0], sizes[:, 1]
    ratio = width / height
    tall = (width / RATIO[0]).round().long()
    wide = (height * RATIO[1]).round().long()
    return torch.stack(
        [
            torch.where(ratio < RATIO[0], tall, height),
            torch.where(ratio > RATIO[1], wide, width),
        ],
        dim=1,
    )


def interpolation(start: Tensor, length: Tensor, inputs: int, outputs: int) -> Tensor:
    """Return the weights `[B, outputs, inputs]` that resize part of an axis, antialiased.

    Image b uses the `length[b]` pixels from `start[b]`; weights are a triangle of half-width
    max(1, length / outputs) pixels, cut at the ends of the part and normalised, as in torchvision
    and PIL. `start` and `length` are integers or floats `[B]`.
    """
    pixel = torch.arange(inputs, device=start.device, dtype=torch.float32)
    output = torch.arange(outputs, device=start.device, dtype=torch.float32)
    shrink = (length.to(torch.float32) / outputs)[:, None, None]
    position = (pixel - start[:, None].to(torch.float32))[:, None, :]
    distance = position + 0.5 - (output[None, :, None] + 0.5) * shrink
    weights = (1.0 - distance.abs() / shrink.clamp(min=1.0)).clamp(min=0.0)
    weights = weights * ((position >= 0) & (position < length[:, None, None]))
    return weights / weights.sum(dim=2, keepdim=True)


def crop_resize(images: Tensor, boxes: Tensor, flips: Tensor, size: int) -> Tensor:
    """Cut a box out of every image, resize it to `size` x `size`, flip it where asked.

    `images` is `[B, C, H, W]` of any numeric type, `boxes` `[B, 4]` top, left, height and width in
    pixels, `flips` bool `[B]`. Returns float32 `[B, C, size, size]` in the units of `images`.
    Images of different sizes may be padded to one: pixels outside a box have no weight.
    """
    batch, channels, height, width = images.shape
    rows = interpolation(boxes[:, 0], boxes[:, 2], height, size)
    columns = interpolation(boxes[:, 1], boxes[:, 3], width, size)
    columns = torch.where(flips[:, None, None], columns.flip(1), columns)
    flat = images.to(torch.float32).reshape(batch, channels * height, width)
    narrow = torch.bmm(flat, columns.mT).reshape(batch, channels, height, size)
    return torch.matmul(rows[:, None], narrow)

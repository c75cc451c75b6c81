"""Patch shuffling: an image cut into strips, which change places along both axes.

Paper:     Sun et al., "On the Diversity and Realism of Distilled Dataset", CVPR 2024 (RDED).
Reference: LINs-lab/RDED @ 3f6453d, validation/utils.py, `ShufflePatches`.
"""

from __future__ import annotations

import torch
from torch import Tensor


def draw_orders(num_images: int, strips: int, rng: torch.Generator) -> Tensor:
    """Return the order of the strips of every image, int64 `[N, 2, strips]`: rows, then columns.

    All orders are equally likely, the given one included.
    """
    return torch.rand(num_images, 2, strips, generator=rng).argsort(dim=2)


def places(orders: Tensor, length: int) -> Tensor:
    """Return where every line comes from, int64 `[B, length]`, given orders `[B, strips]`.

    Strips are `length // strips` lines wide; the last one takes the lines that are left over.
    """
    strips = orders.shape[1]
    lines = torch.arange(length, device=orders.device)
    strip = (lines // max(1, length // strips)).clamp(max=strips - 1)
    rank = orders.argsort(dim=1)  # where each strip goes
    # Lines sorted by the new place of their strip, and within a strip as they were.
    return (rank[:, strip] * length + lines).argsort(dim=1)


def shuffled(images: Tensor, orders: Tensor) -> Tensor:
    """Return images `[B, C, H, W]` with their strips in the given orders, `[B, 2, strips]`."""
    batch, channels, height, width = images.shape
    rows, columns = places(orders[:, 0], height), places(orders[:, 1], width)
    image, channel = (torch.arange(n, device=images.device) for n in (batch, channels))
    return images[
        image[:, None, None, None],
        channel[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    ]

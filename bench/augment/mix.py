"""CutMix and mixup: every image of a batch is mixed with another one of the batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    import numpy as np

Box = tuple[int, int, int, int]
"""First and past-the-last row, first and past-the-last column."""


@dataclass(frozen=True)
class Mixing:
    """How one batch is mixed; the loss has `ratio` of the own label, the rest of the other's."""

    partner: Tensor
    """int64 `[B]`: image i is mixed with image `partner[i]`."""
    ratio: float
    """Weight of an image's own label, in [0, 1]."""
    box: Box | None
    """The rectangle that is pasted (CutMix), or None where pixels are averaged (mixup)."""

    def apply(self, images: Tensor) -> Tensor:
        """Return the mixed images `[B, C, H, W]`; CutMix changes `images` in place."""
        if self.box is None:
            return images * self.ratio + images[self.partner] * (1.0 - self.ratio)
        top, bottom, left, right = self.box
        images[:, :, top:bottom, left:right] = images[self.partner, :, top:bottom, left:right]
        return images

    def to(self, device: torch.device) -> Mixing:
        """Return the same with `partner` on a device."""
        return Mixing(self.partner.to(device, non_blocking=True), self.ratio, self.box)


def cutmix(batch: int, height: int, width: int, alpha: float, rng: np.random.Generator) -> Mixing:
    """Draw one CutMix: a permutation of the batch and one box for all of it.

    Yun et al., "CutMix", ICCV 2019, with the box of the official protocol: half sides are rounded
    down, so that the box has even sides until it is clipped at the border. The ratio is what
    remains of the image after clipping.
    """
    side = math.sqrt(1.0 - rng.beta(alpha, alpha))
    box = cutmix_box(side, int(rng.integers(height)), int(rng.integers(width)), height, width)
    top, bottom, left, right = box
    ratio = 1.0 - (bottom - top) * (right - left) / (height * width)
    return Mixing(torch.from_numpy(rng.permutation(batch)), ratio, box)


def cutmix_box(side: float, row: int, column: int, height: int, width: int) -> Box:
    """Return the box of relative side `side` around a pixel, clipped to the image."""
    half_rows, half_columns = int(height * side) // 2, int(width * side) // 2
    return (
        max(row - half_rows, 0),
        min(row + half_rows, height),
        max(column - half_columns, 0),
        min(column + half_columns, width),
    )


def mixup(batch: int, alpha: float, rng: np.random.Generator) -> Mixing:
    """Draw one mixup: a permutation of the batch and one ratio (Zhang et al., ICLR 2018)."""
    ratio = float(rng.beta(alpha, alpha))
    return Mixing(torch.from_numpy(rng.permutation(batch)), ratio, None)

"""Colour jitter, colour (PCA) noise and normalisation, folded into one affine map per image.

With factors b, c, s in [1 - jitter, 1 + jitter], luma weights w (sum 1) and the mean luma m of the
image, the three operations of the official code are

    brightness  x -> b x        contrast  x -> c x + (1 - c) m        saturation  x -> S x,
                                                                      S = s I + (1 - s) 1 w'

Saturation keeps every pixel's luma and leaves grey as it is, brightness scales the mean luma, and
contrast keeps it; so the three commute exactly and all six orders give b c S x + b (1 - c) m. The
random order of the official code (misc/utils.py of vimar-gu/MinimaxDiffusion @ 969fc6f) therefore
needs no draw. Colour noise adds a constant per channel and normalisation is affine too. Nothing is
clamped, there as here.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Normalisation of images in [0, 1]: the ImageNet statistics, in every protocol."""
LUMA = (0.299, 0.587, 0.114)

EIGENVALUES = (0.2175, 0.0188, 0.0045)
EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
"""Principal axes of ImageNet's colours, a column each (Krizhevsky et al., NeurIPS 2012)."""


@dataclass(frozen=True)
class ColourMap:
    """One affine colour map per image: x -> slope x + pull m(x) + shift, m the mean luma."""

    slope: Tensor
    """float32 `[N, 3, 3]`."""
    pull: Tensor
    """float32 `[N, 3]`: what the mean luma of the image is multiplied by."""
    shift: Tensor
    """float32 `[N, 3]`."""

    def apply(self, images: Tensor, index: Tensor, unit: float = 1.0) -> Tensor:
        """Map images float32 `[B, 3, H, W]` in [0, unit]; image b has map `index[b]`.

        Returns jittered and normalised images, float32 `[B, 3, H, W]`.
        """
        flat = images.flatten(2)
        red, green, blue = flat.mean(dim=2).unbind(dim=1)
        luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
        bias = self.shift[index] + self.pull[index] * (luma / unit)[:, None]
        return torch.baddbmm(bias[:, :, None], self.slope[index] / unit, flat).view_as(images)


def colour_map(factors: Tensor, noise: Tensor) -> ColourMap:
    """Fold jitter, colour noise and normalisation into one map per image.

    `factors` float `[N, 3]` are those of brightness, contrast and saturation (1 changes nothing),
    `noise` float `[N, 3]` the coefficients of the three colour axes (0 adds nothing).
    """
    bright, contrast, saturation = factors.double().unbind(dim=1)
    identity = torch.eye(3, dtype=torch.float64)
    luma, mean, std, values = (
        torch.tensor(v, dtype=torch.float64) for v in (LUMA, MEAN, STD, EIGENVALUES)
    )
    grey = luma.expand(3, 3)
    mixed = saturation[:, None, None] * identity + (1 - saturation)[:, None, None] * grey
    slope = (bright * contrast)[:, None, None] * mixed / std[:, None]
    pull = (bright * (1 - contrast))[:, None] / std
    axes = torch.tensor(EIGENVECTORS, dtype=torch.float64) * values
    shift = (noise.double() @ axes.T - mean) / std
    return ColourMap(slope.float(), pull.float(), shift.float())


def normalised(images: Tensor) -> Tensor:
    """Normalise uint8 images `[B, 3, H, W]` as test images are: float32, of unit scale."""
    scale, offset = _constants(images.device)
    return images.to(torch.float32) * scale - offset


@functools.cache
def _constants(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return 1 / (255 std) and mean / std; kept, because a copy to a GPU waits for it."""
    mean, std = (torch.tensor(v, dtype=torch.float64)[:, None, None] for v in (MEAN, STD))
    return (1 / (255 * std)).to(device, torch.float32), (mean / std).to(device, torch.float32)

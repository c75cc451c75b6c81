"""CutMix of the official scripts: one box and one permutation for a whole batch.

Paper:     Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
           Features", ICCV 2019.
Reference: vimar-gu/MinimaxDiffusion @ 969fc6f, misc/utils.py and train.py, for the rounding of the
           box and the order of the draws. The code is new and uses nothing of `bench.augment`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.training.recipe import Recipe, settled

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Paste:
    """The part of every image of a batch that CutMix replaces."""

    rows: slice
    columns: slice
    ratio: float
    """Share of the image that is left, and weight of its own label."""


def paste_at(kept: float, row: int, column: int, side: int) -> Paste:
    """Return the box around a pixel that would leave the share `kept` of a square image.

    Half its sides are rounded down, and it is cut at the border, which leaves more.
    """
    half = int(side * math.sqrt(1.0 - kept)) // 2
    top, bottom = max(row - half, 0), min(row + half, side)
    left, right = max(column - half, 0), min(column + half, side)
    ratio = 1.0 - (bottom - top) * (right - left) / side**2
    return Paste(slice(top, bottom), slice(left, right), ratio)


def draw_paste(recipe: Recipe, side: int, rng: np.random.Generator) -> Paste | None:
    """Draw the box of one batch; None where the batch is left as it is."""
    if rng.random() >= recipe.mix_probability or recipe.mix == "none":
        return None
    alpha = settled(recipe.mix_alpha, "mix_alpha")
    kept = rng.beta(alpha, alpha)
    return paste_at(kept, int(rng.integers(side)), int(rng.integers(side)), side)

"""The images that the embedded generator and the feature network learn from, rendered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.shipped import SETS
from bench.training.examples import Examples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Render = Callable[[str, str, int, int, int], NDArray[np.uint8]]
    """From (set, split, class index, start, count) to images uint8 `[count, H, W, 3]`."""

CLASSES_PER_SET = 10


def rendered(render: Render, split: str, per_class: int) -> Examples:
    """Return images 0 to `per_class` of every class of both sets, `[N, 3, H, W]`, by class.

    Class i of the first set has label i, class i of the second one label 10 + i.
    """
    images = [
        torch.tensor(render(name, split, index, 0, per_class)).permute(0, 3, 1, 2)
        for name in SETS
        for index in range(CLASSES_PER_SET)
    ]
    labels = torch.arange(len(SETS) * CLASSES_PER_SET).repeat_interleave(per_class)
    return Examples(torch.cat(images).contiguous(), labels)


def of_set(examples: Examples, number: int) -> Examples:
    """Return the images of one of the sets, 0 or 1, with labels 0 to 9."""
    low = number * CLASSES_PER_SET
    chosen = (examples.labels >= low) & (examples.labels < low + CLASSES_PER_SET)
    return Examples(examples.images[chosen], examples.labels[chosen] - low)


def signed(images: Tensor) -> Tensor:
    """Return uint8 images as float32 in [-1, 1]."""
    return images.float().div(127.5).sub(1.0)


def eight_bit(images: Tensor) -> Tensor:
    """Return images in [-1, 1] as uint8; what lies outside is clipped."""
    return images.add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def fingerprint(examples: Examples) -> str:
    """Return the sha256 of the images and labels."""
    whole = hashlib.sha256()
    for part in (examples.images, examples.labels):
        whole.update(part.contiguous().numpy().data)
    return whole.hexdigest()

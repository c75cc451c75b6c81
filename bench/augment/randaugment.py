"""RandAugment on batches: images that drew the same operation and sign are treated at once.

Cubuk et al., "RandAugment", NeurIPS 2020, with the operations and the 31 magnitudes of torchvision,
nearest interpolation and black corners. The official pipelines apply it to PIL images; torchvision
on tensors, as here, differs by a grey level in some operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

LEVELS = 31


def _affine(images: Tensor, **changes: Any) -> Tensor:
    neutral = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]}
    result: Tensor = F.affine(images, **{**neutral, **changes})
    return result


def _shear(amount: float) -> float:
    return math.degrees(math.atan(amount))


SIGNED: Mapping[str, tuple[float, Callable[[Tensor, float], Tensor]]] = {
    "shear-x": (0.3, lambda x, m: _affine(x, shear=[_shear(m), 0.0], center=[0, 0])),
    "shear-y": (0.3, lambda x, m: _affine(x, shear=[0.0, _shear(m)], center=[0, 0])),
    "translate-x": (
        150 / 331,
        lambda x, m: _affine(x, translate=[int(m * x.shape[-1]), 0]),
    ),
    "translate-y": (
        150 / 331,
        lambda x, m: _affine(x, translate=[0, int(m * x.shape[-2])]),
    ),
    "rotate": (30.0, F.rotate),
    "brightness": (0.9, lambda x, m: F.adjust_brightness(x, 1.0 + m)),
    "colour": (0.9, lambda x, m: F.adjust_saturation(x, 1.0 + m)),
    "contrast": (0.9, lambda x, m: F.adjust_contrast(x, 1.0 + m)),
    "sharpness": (0.9, lambda x, m: F.adjust_sharpness(x, 1.0 + m)),
}
"""Operations with a sign: the largest magnitude (translations: a share of the side), and how."""

UNSIGNED: Mapping[str, Callable[[Tensor, int], Tensor]] = {
    "identity": lambda x, level: x,
    "posterize": lambda x, level: F.posterize(x, 8 - round(4 * level / (LEVELS - 1))),
    "solarize": lambda x, level: F.solarize(x, 255.0 * (LEVELS - 1 - level) / (LEVELS - 1)),
    "auto-contrast": lambda x, level: F.autocontrast(x),
    "equalize": lambda x, level: F.equalize(x),
}
"""Operations without a sign, by level."""

OPERATIONS = (*SIGNED, *UNSIGNED)


def apply_operation(images: Tensor, operation: str, negative: bool, level: int) -> Tensor:
    """Apply one operation at a level in [0, 30] to uint8 images `[B, 3, H, W]`."""
    if operation in UNSIGNED:
        return UNSIGNED[operation](images, level)
    largest, function = SIGNED[operation]
    # float32, as in torchvision: some operations cut to whole grey levels, where a bit is seen.
    magnitude = float(torch.linspace(0.0, largest, LEVELS)[level])
    return function(images, -magnitude if negative else magnitude)


def draw_operations(
    num_images: int, num_ops: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw operations int64 and signs bool (True: negative), both `[N, num_ops]`, on the CPU."""
    shape = (num_images, num_ops)
    operations = torch.randint(len(OPERATIONS), shape, generator=generator)
    return operations, torch.rand(shape, generator=generator) < 0.5


def randaugment(images: Tensor, operations: Tensor, negative: Tensor, level: int) -> Tensor:
    """Apply to every image its operations in turn, all at one level.

    `images` is uint8 `[B, 3, H, W]`; `operations` and `negative` are `[B, num_ops]` on the CPU, so
    that grouping them waits for no device. Returns a new uint8 tensor.
    """
    images = images.clone()
    for turn in range(operations.shape[1]):
        keys = operations[:, turn] * 2 + negative[:, turn]
        for key in sorted(set(keys.tolist())):
            chosen = (keys == key).nonzero()[:, 0].to(images.device, non_blocking=True)
            name = OPERATIONS[key // 2]
            images[chosen] = apply_operation(images[chosen], name, bool(key % 2), level)
    return images

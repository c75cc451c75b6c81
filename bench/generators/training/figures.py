"""The figures that the gates are made of: pure functions of images, features and answers."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def psnr(images: Tensor, others: Tensor) -> float:
    """Return the peak signal-to-noise ratio of uint8 images in dB; higher is closer.

    10 log10(255^2 / mean squared difference) over all images together; inf for equal ones.
    """
    error = (images.double() - others.double()).square().mean().item()
    return math.inf if error == 0.0 else 10.0 * math.log10(255.0**2 / error)


def recognised(answers: Tensor, labels: Tensor, num_classes: int) -> tuple[float, ...]:
    """Return the share of right answers of every class in percent; NaN for an absent class."""
    hits = (answers == labels).double()
    right = labels.bincount(weights=hits, minlength=num_classes)
    return tuple((100.0 * right / labels.bincount(minlength=num_classes)).tolist())


def spread(features: Tensor) -> float:
    """Return the mean distance between two different rows of features `[N, d]`, N at least 2."""
    if len(features) < 2:
        raise ValueError(f"`features` must hold at least 2 rows, got {len(features)}.")
    return torch.pdist(features.double()).mean().item()


def spreads(features: Tensor, labels: Tensor, num_classes: int) -> tuple[float, ...]:
    """Return the spread within every class."""
    return tuple(spread(features[labels == label]) for label in range(num_classes))

"""KID and MMD: distances between distributions by means of a kernel over pairs of features.

Both are the unbiased estimate over all pairs of Gretton et al., "A Kernel Two-Sample Test", JMLR
2012, eq. 3:

    mean_{i != j} k(r_i, r_j) + mean_{i != j} k(d_i, d_j) - 2 mean_{i, j} k(r_i, d_j)

It is unbiased for images that are drawn independently, which distilled ones are not. With equally
many of every class, or some of the very real images, pairs within the set are less alike than
independent ones: even a fair sample comes out below 0, in proportion to 1/n. Compare at equal
numbers only.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench.metrics.neighbours import CHUNK, squared_distances

POOLED = 5_000
"""Images at most among which the median distance is taken: 12.5 million pairs."""
ROUNDING = 1e-12
"""Squared distances below this share of the squared features are none: features are computed in
float32, which has seven digits."""

Kernel = Callable[[Tensor, Tensor], Tensor]
"""From `[a, d]` and `[b, d]` to `[a, b]`."""


def kid(real: Tensor, features: Tensor, real_term: float | None = None) -> float:
    """Return the kernel inception distance; lower is better, 0 on average for independent draws.

    Binkowski et al., "Demystifying MMD GANs", ICLR 2018: k(x, y) = (x.y / d + 1)^3. Over
    all pairs of images at once, where other programs average over random subsets. It may be
    negative. `real_term` is `kid_within(real)`, where that is known already. ValueError for fewer
    than 2 images in either.
    """
    within = kid_within(real, "real") if real_term is None else real_term
    between = _mean(_cubic, features, real)
    return within + kid_within(features) - 2.0 * between


def kid_within(features: Tensor, name: str = "features") -> float:
    """Return the mean of KID's kernel over pairs of different images of one set.

    `name` is what a message calls the set. ValueError for fewer than 2 images.
    """
    return _mean_of_pairs(_cubic, features, name)


def mmd_rbf(real: Tensor, features: Tensor) -> tuple[float, float]:
    """Return the MMD under a Gaussian kernel, at least 0 (lower is better), and the kernel's gamma.

    The root of the estimate of the squared MMD, 0 where that is negative. k(x, y) =
    exp(-gamma |x - y|^2), where 1 / gamma is the median of the squared distances of all pairs of
    the pooled images; of more than 5,000 of them, real ones first, evenly spaced ones are taken.
    The metric is that of ManifoldGD's kl.py, but whether pairs of an image with itself are in the
    median there is UNVERIFIED: here they are not. ValueError for fewer than 2 images in either, or
    where half of all pairs or more have equal features.
    """
    gamma = 1.0 / _median_square(torch.cat([real, features]))

    def gaussian(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-gamma * squared_distances(a, b))

    square = _mean_of_pairs(gaussian, real, "real") + _mean_of_pairs(gaussian, features, "features")
    square -= 2.0 * _mean(gaussian, features, real)
    return max(0.0, square) ** 0.5, gamma


def _median_square(pooled: Tensor) -> float:
    """Return the median of |x - y|^2 over pairs of different rows; the mean of the middle two."""
    import numpy as np

    if len(pooled) > POOLED:
        pooled = pooled[torch.arange(POOLED, device=pooled.device) * len(pooled) // POOLED]
    squares = squared_distances(pooled, pooled)
    pairs = torch.ones_like(squares, dtype=torch.bool).triu(diagonal=1)
    median = float(np.median(squares[pairs].cpu().numpy()))
    if median <= ROUNDING * float(pooled.square().sum(dim=1).mean()):
        raise ValueError(
            "`features` must differ for the kernel to have a scale: half of all pairs of images or "
            "more have the same ones."
        )
    return median


def _cubic(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1.0) ** 3


def _mean(kernel: Kernel, a: Tensor, b: Tensor) -> float:
    sums = [float(kernel(chunk, b).sum()) for chunk in torch.split(a, CHUNK)]
    return sum(sums) / (len(a) * len(b))


def _mean_of_pairs(kernel: Kernel, features: Tensor, name: str) -> float:
    n = len(features)
    if n < 2:
        raise ValueError(f"`{name}` must hold at least 2 images for pairs of them, got {n}.")
    total = 0.0
    for start in range(0, n, CHUNK):
        block = kernel(features[start : start + CHUNK], features)
        total += float(block.sum() - block.diagonal(offset=start).sum())
    return total / (n * (n - 1))

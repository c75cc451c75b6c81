"""Distances of means and extremes of cosines: the embedding metrics of ManifoldGD.

Its script kl.py, on features of a ResNet-18. There the images of representativeness and diversity
are stretched to 224 x 224 pixels; what is compared here are the features of one pass for all
metrics, whose images keep their shape.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from bench.metrics.neighbours import CHUNK


def embedding_l2(real_mean: Tensor, features: Tensor) -> float:
    """Return the distance of the mean of features `[n, d]` from `real_mean` `[d]`; lower is better.

    All classes are pooled. At least 0, in the units of the features.
    """
    return float((real_mean - features.mean(dim=0)).norm())


def embedding_cosine(real_mean: Tensor, features: Tensor) -> float:
    """Return 1 - the cosine of both means, in [0, 2]; lower is better."""
    mean = features.mean(dim=0)
    # The constant is kl.py's: a mean of nothing but zeros has a cosine of 0.
    return float(1.0 - real_mean @ mean / (real_mean.norm() * mean.norm() + 1e-8))


def representativeness(real: Tensor, features: Tensor) -> float:
    """Return the least cosine of a distilled image to the real one most alike; higher is better.

    In [-1, 1]. It is that of the worst image, so it falls as there are more. `real` `[N, d]` may
    be of any float type and is read in chunks.
    """
    distilled = normalize(features, dim=1)
    best = distilled.new_full((len(distilled),), -torch.inf)
    for chunk in torch.split(real, CHUNK):
        alike = distilled @ normalize(chunk.double(), dim=1).T
        best = torch.maximum(best, alike.amax(dim=1))
    return min(1.0, float(best.min()))  # a copy has a cosine above 1 by rounding


def diversity(features: Tensor) -> float:
    """Return 1 - the cosine of the two distilled images most alike, in [0, 2]; higher is better.

    It is that of one pair, so it falls as there are more images. ValueError for fewer than 2.
    """
    if len(features) < 2:
        raise ValueError(
            f"`diversity` needs at least 2 images for a pair of them, got {len(features)}."
        )
    rows, most = normalize(features, dim=1), -torch.inf
    for start in range(0, len(rows), CHUNK):
        alike = rows[start : start + CHUNK] @ rows.T
        alike.diagonal(offset=start).fill_(-torch.inf)
        most = max(most, float(alike.max()))
    return max(0.0, 1.0 - most)  # copies have a cosine above 1 by rounding

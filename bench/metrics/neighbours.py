"""What lies near what: precision, recall, density, coverage, and the nearest real images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 1024
"""Rows whose distances to all others are in memory at once."""


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return the squared distances `[a, b]` of the rows of two float64 matrices, at least 0.

    By |a|^2 + |b|^2 - 2 a.b, which float32 would not allow: it is exact to about 1e-15 of the
    squared features.
    """
    squares = a.square().sum(dim=1)[:, None] + b.square().sum(dim=1)
    return squares.addmm(a, b.T, alpha=-2.0).clamp_(min=0.0)


def radii(features: Tensor, k: int) -> Tensor:
    """Return the distance `[n]` of each row to its k-th neighbour, itself not counted.

    ValueError for k below 1 or for k images or fewer.
    """
    if not 1 <= k < len(features):
        raise ValueError(f"`radii` with k={k} needs more than {k} images, got {len(features)}.")
    found = []
    for start in range(0, len(features), CHUNK):
        squares = squared_distances(features[start : start + CHUNK], features)
        squares.diagonal(offset=start).fill_(torch.inf)
        found.append(squares.kthvalue(k, dim=1).values.sqrt())
    return torch.cat(found)


@dataclass(frozen=True)
class PRDC:
    """Four numbers about the neighbourhoods of real and distilled images; higher is better."""

    precision: float
    """Share of distilled images within a real neighbourhood, in [0, 1]."""
    recall: float | None
    """Share of real images within a distilled neighbourhood, in [0, 1]; None for k images or
    fewer, which have no neighbourhoods."""
    density: float
    """Real neighbourhoods around a distilled image, divided by k: at least 0, about 1 where both
    sets are alike."""
    coverage: float
    """Share of real images with a distilled one in their neighbourhood, in [0, 1]."""


def prdc(real: Tensor, features: Tensor, k: int, real_radii: Tensor | None = None) -> PRDC:
    """Return the PRDC of distilled features `[n, d]` beside real ones `[m, d]`.

    A neighbourhood is an open ball with the distance of its centre's k-th neighbour, the centre
    not counted, as its radius; `real_radii` are `radii(real, k)`, where these are known already.
    Kynkaanniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models",
    NeurIPS 2019; Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative
    Models", ICML 2020; clovaai/generative-evaluation-prdc, prdc/prdc.py. ValueError
    for k real images or fewer.
    """
    if len(real) <= k:
        raise ValueError(f"`prdc` with k={k} needs more than {k} real images, got {len(real)}.")
    around_real = radii(real, k) if real_radii is None else real_radii
    around_distilled = radii(features, k) if len(features) > k else None
    balls = torch.zeros(len(features), dtype=torch.int64, device=features.device)
    covered = recalled = 0
    for start in range(0, len(real), CHUNK):
        chunk = slice(start, start + CHUNK)
        distances = squared_distances(real[chunk], features).sqrt()
        inside = distances < around_real[chunk, None]
        balls += inside.sum(dim=0)
        covered += int(inside.any(dim=1).sum())
        if around_distilled is not None:
            recalled += int((distances < around_distilled).any(dim=1).sum())
    return PRDC(
        precision=float((balls > 0).double().mean()),
        recall=None if around_distilled is None else recalled / len(real),
        density=float(balls.double().mean()) / k,
        coverage=covered / len(real),
    )


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest real image of the own class, for every distilled image."""

    index: Tensor
    """int64 `[n]`: its row among the real images."""
    distance: Tensor
    """float64 `[n]`; 0 is a copy."""


def nearest_in_class(
    real: Tensor, real_labels: Tensor, features: Tensor, labels: Tensor
) -> Nearest:
    """Return the nearest real image of its class for each row of features `[n, d]`.

    `real` `[N, d]` may be of any float type; labels are int64 `[N]` and `[n]`. ValueError for a
    class without real images.
    """
    index = torch.empty_like(labels)
    for label in sorted(set(labels.tolist())):
        rows = (real_labels == label).nonzero().flatten()
        if len(rows) == 0:
            raise ValueError(f"`real` must hold images of class {label}, got none.")
        members = (labels == label).nonzero().flatten()
        index[members] = rows[_nearest(real[rows].double(), features[members])]
    # The difference itself, for the distance of a copy has to be 0.
    return Nearest(index, (real[index].double() - features).norm(dim=1))


def authenticity(nearest: Nearest, real_gap: Tensor) -> float:
    """Return the share of distilled images that are no copies, in [0, 1]; higher is better.

    An image counts if it is farther from its nearest real image than that one is from its own
    nearest in the class, `real_gap[i]` for row i: Alaa et al., "How Faithful is your Synthetic
    Data?", ICML 2022, the classifier A_j. Images whose nearest real one is alone in its class (a
    gap of inf) are left out; NaN if there are no others.
    """
    gap = real_gap[nearest.index]
    known = gap.isfinite()
    return float((nearest.distance > gap)[known].double().mean())


def _nearest(real: Tensor, features: Tensor) -> Tensor:
    chunks = torch.split(features, CHUNK)
    return torch.cat([squared_distances(chunk, real).argmin(dim=1) for chunk in chunks])

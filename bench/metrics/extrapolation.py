"""The FID that infinitely many images would have, by a line through those of subsets.

Chong & Forsyth, "Effectively Unbiased FID and Inception Score and Where to Find Them", CVPR
2020: FID is nearly linear in 1/n, so that its intercept is an estimate without the first term of
the bias. There 15 sizes of at least 5,000 images are drawn from a generator. Here the images are a
distilled set: sizes are from half of it upwards, with equal shares of every class, because the
whole set has them too. Where n is far below the dimension a line is no longer what the FID follows,
and the estimate stays too high; it may also be negative.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean, linear_regression

import torch
from torch import Tensor

from bench.metrics.gaussian import Gaussian, frechet_distance, from_parts, trace_of_root

DRAWS, POINTS = 10, 6
MANY, FEWER_POINTS = 2_000, 4
"""Above so many images: so many sizes and one subset of each, for these vary little."""
LEAST_POINTS = 3
"""Sizes below which a line says nothing about its own fit."""


def extrapolated_fid(
    real: Gaussian,
    features: Tensor,
    labels: Tensor,
    rng: torch.Generator,
    draws: int = DRAWS,
    points: int = POINTS,
) -> float | None:
    """Return the intercept of FID over 1/n for features `[n, d]` with labels int64 `[n]`.

    The FID of every size of `subset_sizes` is the mean over `draws` random subsets without
    replacement (the whole set: once), and the line is that of least squares, unweighted. None
    where there are fewer than three sizes: at most 3 images of each class.
    """
    counts = _counts(labels, points)
    if len(counts) < LEAST_POINTS:
        return None
    distance, members = _distance_of(real, features), _members(labels)
    means = []
    for size, wanted in counts.items():
        whole = size == len(labels)
        times = 1 if whole or len(labels) > MANY else draws
        subsets = (_subset(members, wanted, rng).to(features.device) for _ in range(times))
        means.append(fmean(distance(rows) for rows in subsets))
    return linear_regression([1.0 / size for size in counts], means).intercept


def subset_sizes(labels: Tensor, points: int = POINTS) -> tuple[int, ...]:
    """Return the sizes of the subsets of a set with labels int64 `[n]`, ascending, n the last.

    Shares are evenly spaced from 1/2 to 1 and rounded to whole images of every class, halves to
    even ones and at least to one; sizes that coincide count once.
    """
    return tuple(_counts(labels, points))


def _counts(labels: Tensor, points: int) -> dict[int, list[int]]:
    """Return the images of each class by the size of the subset."""
    sizes = [size for size in labels.bincount().tolist() if size]
    points = min(points, FEWER_POINTS) if len(labels) > MANY else points
    shares = torch.linspace(0.5, 1.0, points, dtype=torch.float64).tolist()
    counts = ([max(1, round(share * size)) for size in sizes] for share in shares)
    return {sum(wanted): wanted for wanted in counts}


def _members(labels: Tensor) -> list[Tensor]:
    """Return the rows of every class in label order, on the CPU as the draws are."""
    labels = labels.cpu()
    return [(labels == label).nonzero().flatten() for label in sorted(set(labels.tolist()))]


def _subset(members: list[Tensor], wanted: list[int], rng: torch.Generator) -> Tensor:
    """Return the rows of a random subset with so many images of every class."""
    drawn = zip(members, wanted, strict=True)
    return torch.cat([rows[torch.randperm(len(rows), generator=rng)[:n]] for rows, n in drawn])


def _distance_of(real: Gaussian, features: Tensor) -> Callable[[Tensor], float]:
    """Return the FID of a subset, as a function of its rows.

    Below the dimension each subset's Gram matrix is a part of that of the whole set, centred anew,
    so that the real covariance is multiplied once.
    """
    if len(features) > features.shape[1]:
        return lambda rows: frechet_distance(real, features[rows])
    centred = features - features.mean(dim=0)
    gram = centred @ real.covariance @ centred.T

    def distance(rows: Tensor) -> float:
        chosen, freedom = features[rows], len(rows) - 1
        mean = chosen.mean(dim=0)
        part = gram[rows][:, rows]
        part = part - part.mean(dim=0) - part.mean(dim=1, keepdim=True) + part.mean()
        trace = (chosen - mean).square().sum() / freedom
        return from_parts(real, mean, trace, trace_of_root(part / freedom))

    return distance

"""From real and distilled features to scores: of the whole set, and of every class by itself.

A score that is undefined for so few images is left out of the whole's, and NaN for a class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.metrics.extrapolation import extrapolated_fid, subset_sizes
from bench.metrics.gaussian import frechet_distance, frechet_of_features
from bench.metrics.kernels import kid, mmd_rbf
from bench.metrics.means import diversity, embedding_cosine, embedding_l2, representativeness
from bench.metrics.neighbours import Nearest, authenticity, nearest_in_class, prdc
from protocols.fidelity_files import MISSING

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from bench.studying import Fact
    from protocols.fidelity_sides import OfClass, Sides

Scores = dict[str, float]

IMAGES = ("distilled", "real", "real_in_pairs")
"""Numbers of images of every class, beside its scores."""
DISTRIBUTION = ("fid", "kid", "precision", "recall", "density", "coverage")
"""What is measured of every class with the network of distributions."""
EMBEDDING = (
    "embedding_l2",
    "embedding_cosine",
    "mmd",
    "representativeness",
    "diversity",
    "nearest_real",
    "authenticity",
)
"""The same with the network of embeddings."""


@dataclass(frozen=True)
class Found:
    """What one network has measured."""

    scores: Scores
    per_class: dict[str, tuple[float, ...]]
    """Score name to one number per class in label order; NaN where it is undefined."""
    facts: dict[str, Fact] = field(default_factory=dict)
    distilled: dict[str, int] = field(default_factory=dict)
    """Score name to its number of distilled images, where those are not all."""


def distribution(sides: Sides, neighbours: int, draws: int, rng: torch.Generator) -> Found:
    """Return FID, KID and what neighbourhoods say; `rng` draws the subsets behind the line."""
    features, statistics = sides.features, sides.statistics
    scores: Scores = {}
    facts: dict[str, Fact] = {}
    if len(features) >= 2:
        scores["fid"] = frechet_distance(statistics.gaussian, features)
        scores["kid"] = kid(sides.pairs, features, statistics.kid_within)
        labels = torch.from_numpy(np.array(sides.labels))
        line = extrapolated_fid(statistics.gaussian, features, labels, rng, draws)
        if line is not None:
            scores["fid_extrapolated"] = line
            sizes = subset_sizes(labels)
            facts["extrapolated_sizes"] = f"{sizes[0]}-{sizes[-1]}"
    scores |= _neighbourhoods(sides.pairs, features, neighbours, statistics.radii)
    found = [_distribution_of(part, neighbours) | _images(part) for part in sides.classes()]
    return Found(scores, _by_name((*DISTRIBUTION, *IMAGES), found), facts)


def embedding(sides: Sides) -> tuple[Found, NDArray[np.int64]]:
    """Return what means, kernels and nearest images say, and the nearest real image of each.

    The second value, int64 `[n]`, has rows of the real images, `MISSING` where a class has none.
    """
    features, statistics = sides.features, sides.statistics
    index, distance = np.full(len(features), MISSING), np.full(len(features), math.nan)
    found = []
    for part in sides.classes():
        found.append(_embedding_of(part, statistics.class_means))
        near = _nearest(part)
        if near is not None:
            index[part.rows] = part.members[near.index.cpu().numpy()]
            distance[part.rows] = near.distance.cpu().numpy()
            found[-1] |= _of_nearest(near, statistics.gap[torch.from_numpy(part.members)])[0]
    nearest, counts = _of_nearest(_known(index, distance), statistics.gap.cpu())
    scores = {
        "embedding_l2": embedding_l2(statistics.gaussian.mean, features),
        "embedding_cosine": embedding_cosine(statistics.gaussian.mean, features),
        "representativeness": representativeness(sides.all_real(), features),
        **nearest,
    }
    facts: dict[str, Fact] = {}
    if len(features) >= 2:
        scores["diversity"] = diversity(features)
    if (kernel := _mmd(sides.kernel, features)) is not None:
        scores["mmd"], facts["mmd_gamma"] = kernel
    return Found(scores, _by_name(EMBEDDING, found), facts, counts), index


def _images(part: OfClass) -> Scores:
    counts = (len(part.features), len(part.real), len(part.pairs))
    return dict(zip(IMAGES, map(float, counts), strict=True))


def _distribution_of(part: OfClass, neighbours: int) -> Scores:
    found: Scores = {}
    if min(len(part.features), len(part.real)) >= 2:
        found["fid"] = frechet_of_features(part.real, part.features)
    if min(len(part.features), len(part.pairs)) >= 2:
        found["kid"] = kid(part.pairs, part.features)
    if len(part.features) and len(part.pairs) > neighbours:
        found |= _neighbourhoods(part.pairs, part.features, neighbours)
    return found


def _neighbourhoods(
    real: Tensor, features: Tensor, neighbours: int, radii: Tensor | None = None
) -> Scores:
    found = prdc(real, features, neighbours, radii)
    recall = {} if found.recall is None else {"recall": found.recall}
    return {
        "precision": found.precision,
        **recall,
        "density": found.density,
        "coverage": found.coverage,
    }


def _embedding_of(part: OfClass, means: Tensor) -> Scores:
    found: Scores = {}
    if len(part.features) and len(part.real):
        mean = means[part.label]
        found["embedding_l2"] = embedding_l2(mean, part.features)
        found["embedding_cosine"] = embedding_cosine(mean, part.features)
        found["representativeness"] = representativeness(part.real, part.features)
    if len(part.features) >= 2:
        found["diversity"] = diversity(part.features)
    if (kernel := _mmd(part.kernel, part.features)) is not None:
        found["mmd"] = kernel[0]
    return found


def _mmd(real: Tensor, features: Tensor) -> tuple[float, float] | None:
    """Return MMD and gamma; None for single images, and where most are equal: there is no scale."""
    if min(len(real), len(features)) < 2:
        return None
    try:
        return mmd_rbf(real, features)
    except ValueError:
        return None


def _nearest(part: OfClass) -> Nearest | None:
    """Return the nearest of the class's own real images, by their position in the class."""
    if not len(part.features) or not len(part.real):
        return None
    alike = (torch.zeros(len(rows), dtype=torch.int64) for rows in (part.real, part.features))
    real_labels, labels = (zeros.to(part.features.device) for zeros in alike)
    return nearest_in_class(part.real, real_labels, part.features, labels)


def _of_nearest(near: Nearest, gap: Tensor) -> tuple[Scores, dict[str, int]]:
    """Return the mean distance to the nearest real image and the share of authentic ones in %.

    The second value has of how many images each is; a score of none is left out.
    """
    scores: Scores = {}
    counts = {
        "nearest_real": len(near.index),
        "authenticity": int(gap[near.index].isfinite().sum()),
    }
    if counts["nearest_real"]:
        scores["nearest_real"] = float(near.distance.mean())
    if counts["authenticity"]:
        scores["authenticity"] = 100.0 * authenticity(near, gap)
    return scores, counts


def _known(index: NDArray[np.int64], distance: NDArray[np.float64]) -> Nearest:
    """Return the nearest images of those that have one, on the CPU."""
    known = index != MISSING
    return Nearest(torch.from_numpy(index[known]), torch.from_numpy(distance[known]))


def _by_name(names: Sequence[str], found: Sequence[Scores]) -> dict[str, tuple[float, ...]]:
    """Return the scores of all classes by name."""
    return {name: tuple(scores.get(name, math.nan) for scores in found) for name in names}

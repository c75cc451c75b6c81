"""Points around a mode at a noise level, the plane through those near a state, and the way to it.

Reference: AyushRoy2001/ManifoldGD, diffusion/gaussian_diffusion.py.
Differs:   all is relative to the noised mode sqrt(A) m, so that one set of draws serves the whole
           batch; directions come from the Gram matrix of the neighbours, which has the same span as
           the code's covariance plus ridge. Directions with no more variance than the ridge are
           dropped, where the code takes arbitrary ones. Variances are divided by K - 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from methods.manifoldgd import Anneal

NEAREST_RADIUS = 0.1
"""Where the evenly spaced radii begin, in the code."""


def widened(u: float, stop: float, warm: float, widen: float, anneal: Anneal) -> float:
    """Return the factor of the radius at fraction `u` of the schedule.

    `widen` at 1, falling to 1 at the larger of `stop` and 1 - `warm`, and 1 from there on.
    """
    cut = max(stop, 1 - warm)
    if u <= cut:
        return 1.0
    share = (u - cut) / (1 - cut)
    if anneal == "cosine":
        share = (1 - math.cos(math.pi * share)) / 2
    elif anneal == "exp":
        share = math.expm1(share) / math.expm1(1)
    return 1 + (widen - 1) * share


def cloud(size: int, num_values: int, radius: float, kept: float, rng: torch.Generator) -> Tensor:
    """Return `size` noised points around a mode, relative to the noised mode, float32 `[K, D]`.

    Point k is sqrt(kept) rho_k u_k + sqrt(1 - kept) n_k: u_k uniform on the unit sphere, n_k
    standard normal; the first half of the radii is evenly spaced from 0.1 to `radius`, the rest is
    uniform below it. Directions, radii and noise are drawn in this order.
    """
    directions = torch.randn((size, num_values), generator=rng)
    directions = directions / directions.norm(dim=1, keepdim=True)
    half = size // 2
    even = torch.linspace(NEAREST_RADIUS, radius, half)
    radii = torch.cat([even, radius * torch.rand(size - half, generator=rng)])
    noise = torch.randn((size, num_values), generator=rng)
    points: Tensor = math.sqrt(kept) * radii[:, None] * directions + math.sqrt(1 - kept) * noise
    return points


def nearest(states: Tensor, points: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the `count` points nearest to every state, and the distance to the nearest.

    States are `[B, D]`, points `[K, D]` for all or `[B, K, D]` for each; the result is
    `[B, count, D]`, nearest first, and `[B]`. `count` above K takes all.
    """
    products = (points @ states[:, :, None]).squeeze(2) if points.ndim == 3 else states @ points.T
    lengths = points.square().sum(dim=-1)
    squared = states.square().sum(dim=1, keepdim=True) - 2 * products + lengths
    order = squared.topk(min(count, squared.shape[1]), dim=1, largest=False).indices
    rows = torch.arange(len(states), device=states.device)[:, None]
    found = points[rows, order] if points.ndim == 3 else points[order]
    # Taken again, because a difference of large squares is not exact.
    return found, (found[:, 0] - states).norm(dim=1)


def basis(points: Tensor, rank: int, ridge: float) -> Tensor:
    """Return orthonormal columns `[B, D, rank]`: directions of most variance of points `[B, K, D]`.

    Columns are 0 where the points vary in fewer directions: with variance at most `ridge`.
    """
    centred = points - points.mean(dim=1, keepdim=True)
    values, vectors = torch.linalg.eigh(centred @ centred.mT)
    values, vectors = values.flip(1)[:, :rank], vectors.flip(2)[:, :, :rank]
    varies = values > ridge * max(1, points.shape[1] - 1)
    scale = torch.where(varies, values.clamp_min(torch.finfo(values.dtype).tiny).rsqrt(), 0.0)
    columns: Tensor = centred.mT @ (vectors * scale[:, None])
    return columns


def onto(columns: Tensor, vectors: Tensor) -> Tensor:
    """Return the projection of vectors `[B, D]` on the span of orthonormal columns `[B, D, r]`."""
    return (columns @ (columns.mT @ vectors[:, :, None])).squeeze(2)


def towards_plane(states: Tensor, points: Tensor, rank: int, ridge: float) -> Tensor:
    """Return the shortest way `[B, D]` from states `[B, D]` to the plane through their points.

    The plane goes through the mean of `[B, K, D]` points along their `rank` main directions. A
    single point is its own plane.
    """
    off = states - points.mean(dim=1)
    return onto(basis(points, rank, ridge), off) - off

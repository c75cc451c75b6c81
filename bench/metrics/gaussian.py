"""FID: the Frechet distance between Gaussians fitted to the features of two sets.

Dowson & Landau, "The Frechet Distance between Multivariate Normal Distributions", Journal of
Multivariate Analysis 1982; Heusel et al., "GANs Trained by a Two Time-Scale Update Rule
Converge to a Local Nash Equilibrium", NeurIPS 2017, eq. 6:

    |m_r - m_d|^2 + tr S_r + tr S_d - 2 tr (S_r S_d)^(1/2)

The last trace is that of the square roots of eigenvalues, and those of S_r S_d are also those of a
symmetric matrix, of side n or d, whichever is smaller. Symmetric matrices need no general matrix
root, and what rounding makes negative is seen and counts as 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

CHUNK = 4096
"""Rows that are read at once: memory, never a value beyond rounding."""


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean `[d]` and covariance `[d, d]` (divided by n - 1) of features, float64."""

    mean: Tensor
    covariance: Tensor

    @cached_property
    def root(self) -> Tensor:
        """A matrix A `[d, d]` with A A' = covariance, by one eigendecomposition a process."""
        values, vectors = torch.linalg.eigh(self.covariance)
        root: Tensor = vectors * values.clamp(min=0.0).sqrt()
        return root


def gaussian_of(features: Tensor) -> Gaussian:
    """Return the Gaussian of features `[n, d]` of any float type, which are read in chunks.

    ValueError for fewer than 2 images.
    """
    _check(features)
    size, chunks = features.shape[1], torch.split(features, CHUNK)
    mean = torch.zeros(size, dtype=torch.float64, device=features.device)
    for chunk in chunks:
        mean += chunk.double().sum(dim=0) / len(features)
    covariance = torch.zeros(size, size, dtype=torch.float64, device=features.device)
    for chunk in chunks:
        centred = chunk.double() - mean
        covariance += centred.T @ centred
    return Gaussian(mean, covariance / (len(features) - 1))


def frechet_distance(real: Gaussian, features: Tensor) -> float:
    """Return the FID of features `[n, d]`, at least 0; lower is better.

    It costs an eigendecomposition of side min(n, d), and once for `real` one of side d where n is
    above d. ValueError for fewer than 2 images.
    """
    mean, rows = centred_rows(features)
    if len(rows) <= rows.shape[1]:
        gram = rows @ real.covariance @ rows.T
    else:
        projected = rows @ real.root
        gram = projected.T @ projected
    return from_parts(real, mean, rows.square().sum(), trace_of_root(gram))


def frechet_of_features(real: Tensor, features: Tensor) -> float:
    """Return the FID between two sets of features `[m, d]` and `[n, d]`, both of them small.

    The same number as `frechet_distance(gaussian_of(real), features)`, without a matrix of side d:
    the trace is the sum of the singular values of the product of both centred sets. ValueError
    for fewer than 2 images in either.
    """
    real_mean, real_rows = centred_rows(real)
    mean, rows = centred_rows(features)
    cross = torch.linalg.svdvals(rows @ real_rows.T).sum()
    traces = real_rows.square().sum() + rows.square().sum()
    return _distance(real_mean - mean, traces, cross)


def centred_rows(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean `[d]` and rows X `[n, d]` whose X'X is the covariance."""
    _check(features)
    mean = features.mean(dim=0)
    return mean, (features - mean) / (len(features) - 1) ** 0.5


def trace_of_root(gram: Tensor) -> Tensor:
    """Return the sum of the square roots of a symmetric matrix's eigenvalues.

    Those below 0 are rounding, for the matrix is a Gram matrix, and count as 0.
    """
    values: Tensor = torch.linalg.eigvalsh(gram)
    return values.clamp(min=0.0).sqrt().sum()


def from_parts(real: Gaussian, mean: Tensor, trace: Tensor, cross: Tensor) -> float:
    """Return the FID of a set by its mean `[d]`, the covariance's trace and that of the root."""
    return _distance(real.mean - mean, real.covariance.trace() + trace, cross)


def _distance(shift: Tensor, traces: Tensor, cross: Tensor) -> float:
    # A squared distance: what lies below 0 is the rounding of terms that cancel.
    return max(0.0, float(shift.square().sum() + traces - 2.0 * cross))


def _check(features: Tensor) -> None:
    if len(features) < 2:
        raise ValueError(
            f"`features` must hold at least 2 images for a covariance, got {len(features)}."
        )

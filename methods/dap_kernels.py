"""Distances that kernels measure between features: the metric of DAP's energy.

Paper:     Su et al., "Diffusion Models as Dataset Distillation Priors", ICLR 2026: a Mercer kernel
           K gives D_K(x, y) = sqrt(K(x, x) + K(y, y) - 2 K(x, y)), the distance between the images
           of x and y in the space that K is a product of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Name = Literal["linear", "rbf", "polynomial"]

LEAST = 1e-12
"""Added below the root, whose slope at 0 would be infinite."""


@dataclass(frozen=True)
class Kernel:
    """A kernel between feature vectors of d numbers, and the distance it measures.

    linear      <x, y>
    rbf         exp(-|x - y|^2 / (2 bandwidth^2))
    polynomial  (<x, y> / d + offset)^degree
    """

    name: Name = "linear"
    bandwidth: float | None = None
    """Of "rbf"; None is the median distance between the real features (the lower one of two)."""
    degree: int = 2
    offset: float = 1.0

    def to_reals(self, reals: Tensor) -> Callable[[Tensor], Tensor]:
        """Return what measures the distances of features `[b, d]` to the rows of `reals` `[n, d]`.

        It gives `[b, n]`, is differentiable, and computes products in the type of `reals`. For
        features that are equal to a real one it gives 1e-6 and no gradient.
        """
        if self.name == "polynomial":
            return lambda features: self._polynomial(features, reals)
        # Neither kernel knows where the origin is; near it, squares cancel with the least loss.
        centre = reals.mean(dim=0)
        centred = reals - centre
        if self.name == "linear":
            return lambda features: _root(_squares(features - centre, centred))
        width = self._median(centred) if self.bandwidth is None else self.bandwidth
        return lambda features: _rbf(_squares(features - centre, centred), width)

    def _polynomial(self, features: Tensor, reals: Tensor) -> Tensor:
        def kernel(products: Tensor) -> Tensor:
            return (products / reals.shape[1] + self.offset) ** self.degree

        own, other = (kernel(rows.square().sum(dim=1)) for rows in (features, reals))
        return _root(own[:, None] + other - 2 * kernel(features @ reals.T))

    def _median(self, reals: Tensor) -> Tensor:
        rows, columns = torch.triu_indices(len(reals), len(reals), offset=1).unbind()
        return _squares(reals, reals)[rows, columns].median().sqrt()


def _rbf(squares: Tensor, width: Tensor | float) -> Tensor:
    # -expm1 rather than 1 - exp: nothing cancels where features are close.
    return _root(-2 * torch.expm1(-squares / (2 * width**2)))


def _squares(left: Tensor, right: Tensor) -> Tensor:
    """Return the squared distances `[b, n]` of rows `[b, d]` and `[n, d]`."""
    own, other = (rows.square().sum(dim=1) for rows in (left, right))
    return (own[:, None] + other - 2 * left @ right.T).clamp_min(0.0)


def _root(squares: Tensor) -> Tensor:
    return (squares.clamp_min(0.0) + LEAST).sqrt()

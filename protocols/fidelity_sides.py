"""Real and distilled features of one network, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from bench.features.extractors import Extractor
    from bench.features.real import Statistics


@dataclass(frozen=True, eq=False)
class OfClass:
    """The part of one class, float64 on the device."""

    label: int
    members: NDArray[np.int64]
    """Rows of its real images among all real ones."""
    rows: NDArray[np.int64]
    """Rows of its distilled images."""
    real: Tensor
    """`[m, d]`, all real images of the class."""
    pairs: Tensor
    """`[p, d]`, those of them that enter scores of pairs."""
    features: Tensor
    """`[n, d]`, of the distilled images."""


@dataclass(frozen=True, eq=False)
class Sides:
    """Real and distilled features of one network."""

    extractor: Extractor
    statistics: Statistics
    real: NDArray[np.float32]
    """`[N, d]`, mapped: of all real images, in their order."""
    real_labels: NDArray[np.int64]
    features: Tensor
    """float64 `[n, d]`, of the distilled images."""
    labels: NDArray[np.int64]
    num_classes: int

    @cached_property
    def pairs(self) -> Tensor:
        """Return the real features `[m, d]` that enter scores of pairs."""
        return self.real_rows(self.statistics.rows.cpu().numpy())

    def real_rows(self, rows: NDArray[np.int64]) -> Tensor:
        """Return some real features, float64 on the device."""
        return torch.from_numpy(self.real[rows]).to(self.features)

    def all_real(self) -> Tensor:
        """Return the features float32 `[N, d]` of all real images, on the device."""
        return torch.from_numpy(self.real).to(self.features.device)

    def classes(self) -> Iterator[OfClass]:
        """Yield the part of every class in label order, so that one at a time is in memory."""
        in_pairs = self.statistics.rows.cpu().numpy()
        for label in range(self.num_classes):
            members = np.flatnonzero(self.real_labels == label)
            rows = np.flatnonzero(self.labels == label)
            real = self.real_rows(members)
            yield OfClass(
                label, members, rows, real, real[np.isin(members, in_pairs)], self.features[rows]
            )

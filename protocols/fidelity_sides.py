"""Real and distilled features of one network, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.features.statistics import pair_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from bench.features.extractors import Extractor
    from bench.features.real import Statistics


KERNEL_REAL = 2_000
"""Real images in MMD, at most (but for two of each class): its kernel depends on the distilled
images, so that the pairs of the real ones are gone through for every set."""


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
    kernel: Tensor
    """`[k, d]`, those of these that enter MMD."""
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
    compiled: bool = False
    """Whether the pass over the distilled images was."""

    @cached_property
    def pairs(self) -> Tensor:
        """Return the real features `[m, d]` that enter scores of pairs."""
        return self.real_rows(self.statistics.rows.cpu().numpy())

    @cached_property
    def kernel(self) -> Tensor:
        """Return the real features `[k, d]` that enter MMD, evenly spaced within every class."""
        labels = self.real_labels[self.statistics.rows.cpu().numpy()]
        return self.pairs[torch.from_numpy(pair_rows(labels, KERNEL_REAL, 0))]

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
            pairs = real[np.isin(members, in_pairs)]
            yield OfClass(
                label, members, rows, real, pairs, _thinned(pairs, KERNEL_REAL), self.features[rows]
            )


def _thinned(features: Tensor, most: int) -> Tensor:
    """Return evenly spaced rows, all of them if they are few enough."""
    count = min(len(features), most)
    return features[torch.arange(count) * len(features) // max(1, count)]

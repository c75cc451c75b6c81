"""The real set as a tuning sees it: images by one number, in the order of their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from bench.sets import DatasetCard
    from bench.tuning.posteriors import PosteriorsOfClasses


class RealDraws:
    """Posteriors of a real set's images, which lie on the disk."""

    def __init__(
        self, posteriors: PosteriorsOfClasses, card: DatasetCard, numbers: Sequence[int]
    ) -> None:
        """Take the set's card and the generator's number of every class in label order."""
        self.posteriors = posteriors
        self.numbers = torch.tensor(numbers)
        sizes = np.array(card.class_sizes)
        self.labels = torch.from_numpy(np.repeat(np.arange(card.num_classes), sizes))
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    def posterior(self, index: Tensor, mirrored: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation `[B, C, h, w]` of the latents of some images."""
        labels = self.labels[index]
        places = index.numpy() - self._starts[labels.numpy()]
        return self.posteriors.rows(labels, torch.from_numpy(places), mirrored)

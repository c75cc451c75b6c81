"""Images with labels, as a training takes them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.training.feed import placed


@dataclass(frozen=True, eq=False)
class Examples:
    """Images of one size with their labels."""

    images: Tensor
    """uint8 `[N, 3, H, W]`."""
    labels: Tensor
    """int64 `[N]`."""
    weights: Tensor | None = None
    """Weight of every image in the training loss, float32 `[N]`, mean 1; None means all 1."""
    mapped: bool = False
    """Whether the images lie in a mapped file, of which batches are fetched by a thread."""

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4 or not len(self.images):
            shape = list(self.images.shape)
            raise ValueError(
                f"`images` must be uint8 [N, 3, H, W] with N > 0, got {self.images.dtype} {shape}."
            )
        for name, values in (("labels", self.labels), ("weights", self.weights)):
            if values is not None and values.shape != self.images.shape[:1]:
                raise ValueError(
                    f"`{name}` must hold one value for each of {len(self.images)} images, "
                    f"got shape {list(values.shape)}."
                )

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device) -> Examples:
        """Return the same on a device; images that do not fit there stay where they are."""
        weights = None if self.weights is None else self.weights.to(device)
        images = placed(self.images, device)
        mapped = self.mapped and images is self.images  # and not copied into the device's memory
        return Examples(images, self.labels.to(device), weights, mapped)

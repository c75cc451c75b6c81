"""What is known of a generator without its weights: all that plans and messages need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.errors import UsageError


@dataclass(frozen=True)
class Betas:
    """The noise variances that a generator was trained with, one per original timestep."""

    first: float = 1e-4
    last: float = 2e-2
    spacing: Literal["linear", "scaled_linear"] = "linear"
    """Evenly spaced themselves, or with evenly spaced square roots (Stable Diffusion)."""
    count: int = 1000


@dataclass(frozen=True)
class GeneratorCard:
    """A pretrained latent diffusion model, in facts."""

    name: str
    weights: str
    """Which weights: a hash of their contents, or the pinned revision they come from."""
    conditioning: Literal["class", "text"]
    classes: tuple[str, ...]
    """Class ids by the number the network knows them by; () if it is conditioned on text."""
    image_size: int
    """Pixels per side of the images it makes."""
    latent_shape: tuple[int, int, int]
    """Channels, height and width of a latent."""
    layers: tuple[str, ...]
    """Layers whose output can be asked for as features, from input to output."""
    uses_imagenet_labels: bool
    """Whether labels of ImageNet went into its training."""
    betas: Betas = Betas()

    def labels(self, classes: Sequence[str]) -> list[int]:
        """Return the network's numbers of some class ids.

        They are looked up by id and never by rank: a folder of ten of ImageNet's classes has the
        numbers of these classes, not 0 to 9. Raises UsageError for a class it does not know.
        """
        known = {class_id: label for label, class_id in enumerate(self.classes)}
        for class_id in classes:
            if class_id not in known:
                raise UsageError(
                    f"The generator {self.name!r} knows {len(known)} classes and {class_id!r} is "
                    "not one of them: choose another `generator`, or a set whose classes it knows."
                )
        return [known[class_id] for class_id in classes]

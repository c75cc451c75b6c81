"""The latents of the training images, class by class: an artefact.

Reference: jachansantiago/mode_guidance, as carried by AyushRoy2001/ManifoldGD: ADM centre crop,
           one random horizontal flip per image, mean of the posterior, files in order.
Differs:   kept in half precision, which is off by 0.002 at most for latents up to 4 in size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from bench.generators import Pretrained
from bench.preparation.encoding import Crop, write_encoded
from bench.preparation.per_class import ClassFiles
from bench.training.recipe import Numerics

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.sampling import Sampling
    from bench.sets import DatasetCard


class LatentsOfClasses(Protocol):
    """The latents of a real set."""

    def of_class(self, label: int) -> NDArray[np.float16]:
        """Return the latents of a class `[n, C, h, w]` in the order of its images, mapped."""
        ...


@dataclass(frozen=True)
class RealLatents:
    """What the generator's encoder makes of every training image."""

    revision: ClassVar[int] = 1
    resumable: ClassVar[bool] = True

    dataset: str
    """Name of the real set in this run."""
    train_revision: str
    generator: str
    weights: str
    """Which weights, as `bench.generators.Pretrained` has them."""
    crop: Crop = "adm"
    """ADM's centre crop, or the shorter side resized (bilinear) and the centre cut out."""
    flip: bool = True
    """Mirror half of the images at random, each once for all."""
    numerics: Numerics = "tf32"
    seed: int = 0
    """Of the flips."""

    @classmethod
    def of(cls, card: DatasetCard, sampling: Sampling, *, flip: bool = True) -> Self:
        """Return the latents of a real set for the generator of a resolved `sampling`."""
        made = sampling.pretrained()
        return cls(
            card.name,
            card.train_revision,
            made.generator,
            made.weights,
            flip=flip,
            numerics=sampling.numerics,
        )

    @property
    def words(self) -> str:
        """Return what this is in words."""
        return f"latents of the training images of {self.dataset!r} from {self.generator!r}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the generator."""
        return (Pretrained(self.generator, self.weights),)

    def build(self, ctx: Context, out: Path) -> None:
        """Write `<label>.npy` of every class, float16 `[n, C, h, w]` in the order of its images.

        Holds a few blocks of images at a time. BenchError if the disk has no room for all.
        """

        def flips(class_id: str, count: int) -> NDArray[np.bool_]:
            rng = ctx.streams.numpy("flip", class_id)
            return rng.integers(0, 2, count).astype(bool) & self.flip

        write_encoded(self, ctx, out, "latents", lambda of, images: of.encode(images), flips=flips)

    def load(self, path: Path, device: torch.device) -> LatentsOfClasses:
        """Return the latents, of which classes are mapped when they are asked for."""
        return ClassFiles(path)

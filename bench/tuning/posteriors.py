"""What a generator's encoder knows of every training image and of its mirror image: an artefact.

Reference: vimar-gu/MinimaxDiffusion @ 62fc435, train_dit.py: ADM centre crop, random horizontal
           flip, a draw from the posterior whenever an image is seen.
Differs:   encoded once, as mean and standard deviation in half precision: a mean is off by 0.002
           at most for latents up to 4 in size, a standard deviation by 0.05 % or 3e-8. The
           autoencoder is the generator's own ("mse" for DiT), that of the reference is "ema".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bench.generators import Pretrained
from bench.preparation.encoding import Crop, write_encoded
from bench.preparation.per_class import ClassFiles
from bench.training.recipe import Numerics

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.generators.interface import Generator

KEPT = (2, 2)
"""Of every image: as it is and mirrored; of each, the posterior's mean and standard deviation."""


@dataclass(frozen=True)
class Posteriors:
    """What draws of the latents of all training images need, with no encoder."""

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
    numerics: Numerics = "tf32"

    @property
    def words(self) -> str:
        """Return what this is in words."""
        return f"posteriors of the training images of {self.dataset!r} from {self.generator!r}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the generator."""
        return (Pretrained(self.generator, self.weights),)

    def build(self, ctx: Context, out: Path) -> None:
        """Write `<label>.npy` of every class, float16 `[n, 2, 2, C, h, w]` (see `KEPT`).

        Images are in order and numbers scaled as the noise predictor wants them. Holds a few blocks
        of images at a time. BenchError if the disk has no room for all.
        """
        write_encoded(self, ctx, out, "posteriors", _both, KEPT)

    def load(self, path: Path, device: torch.device) -> PosteriorsOfClasses:
        """Return the posteriors, of which classes are mapped when they are asked for."""
        return PosteriorsOfClasses(ClassFiles(path))


@dataclass(frozen=True)
class PosteriorsOfClasses:
    """The posteriors of a real set."""

    files: ClassFiles

    def of_class(self, label: int) -> NDArray[np.float16]:
        """Return those of a class `[n, 2, 2, C, h, w]` in the order of its images, mapped."""
        return self.files.of_class(label)

    def rows(self, labels: Tensor, places: Tensor, mirrored: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation `[B, C, h, w]` of a batch, float32 on the CPU.

        Image b is the one at `places[b]` of class `labels[b]`, mirrored if `mirrored[b]`: int64,
        int64 and bool `[B]`.
        """
        import numpy as np
        import torch

        wanted = zip(labels.tolist(), places.tolist(), mirrored.tolist(), strict=True)
        rows = [self.of_class(label)[place, int(mirror)] for label, place, mirror in wanted]
        both = torch.from_numpy(np.stack(rows).astype(np.float32))
        return both[:, 0], both[:, 1]


def _both(generator: Generator, images: Tensor) -> Tensor:
    """Return `[B, 2, 2, C, h, w]` of images `[B, 3, S, S]`."""
    import torch

    ways = [torch.stack(generator.posterior(way), 1) for way in (images, images.flip(-1))]
    return torch.stack(ways, 1)

"""The latents of the training images, class by class: an artefact.

Reference: jachansantiago/mode_guidance, as carried by AyushRoy2001/ManifoldGD: ADM centre crop,
           one random horizontal flip per image, mean of the posterior, files in order.
Differs:   kept in half precision, which is off by 0.002 at most for latents up to 4 in size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self

from bench.data.adm import AdmCrop
from bench.data.prefix import Prefix
from bench.generators import Pretrained
from bench.preparation.blocks import Blocks
from bench.preparation.per_class import ClassFiles, require_room
from bench.preparation.real import checked_real_set
from bench.training.recipe import Numerics

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.generators.interface import Generator
    from bench.images import Images
    from bench.sampling import Sampling
    from bench.sets import DatasetCard

ENCODE_PIXELS = defaultdict(lambda: 2**21, cpu=2**17)
"""Pixels of the images encoded together: 32 of 256 x 256 on a GPU. Speed and memory."""

WORKERS = 8
"""Threads that decode images."""


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
    crop: Literal["adm", "resize"] = "adm"
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
        real = checked_real_set(ctx, self.dataset, self.train_revision)
        generator = ctx.get(Pretrained(self.generator, self.weights))
        card, files = generator.card, ClassFiles(out)
        missing = files.missing(real.card.num_classes)
        row = _bytes_of(card.latent_shape)
        needed = sum(real.card.class_sizes[label] for label in missing) * row
        require_room(out, needed, f"The latents of {self.dataset!r}")
        crop = AdmCrop(card.image_size) if self.crop == "adm" else None
        apply = (crop or Prefix(card.image_size, card.image_size)).apply
        most = max(1, ENCODE_PIXELS[generator.device.type] // card.image_size**2)
        blocks = Blocks(most)
        with ThreadPoolExecutor(WORKERS) as pool:
            for label in missing:
                members = real.train.of_class(label)
                rng = ctx.streams.numpy("flip", real.card.classes[label])
                flips = rng.integers(0, 2, len(members)).astype(bool) & self.flip
                pixels = _read(real.train.images, members, flips, apply, most, pool)
                with files.open_rows(label, len(members), card.latent_shape, "<f2") as rows:
                    for images in pixels:
                        for latents in _encoded(generator, images, blocks, self.numerics):
                            rows.append(latents)
                ctx.progress(label + 1, real.card.num_classes)

    def load(self, path: Path, device: torch.device) -> LatentsOfClasses:
        """Return the latents, of which classes are mapped when they are asked for."""
        return ClassFiles(path)


def _bytes_of(latent_shape: tuple[int, int, int]) -> int:
    channels, height, width = latent_shape
    return 2 * channels * height * width


def _read(
    images: Images,
    members: NDArray[np.int64],
    flips: NDArray[np.bool_],
    apply: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    most: int,
    pool: ThreadPoolExecutor,
) -> Iterator[NDArray[np.uint8]]:
    """Yield uint8 `[B, 3, S, S]` of at most `most` images; the next block is read meanwhile."""
    import numpy as np

    def one(place: int) -> NDArray[np.uint8]:
        image = apply(images.decode(int(members[place])))
        return image[:, ::-1] if flips[place] else image

    def begin(start: int) -> Iterator[NDArray[np.uint8]]:
        return pool.map(one, range(start, min(start + most, len(members))))

    coming = begin(0)
    for start in range(0, len(members), most):
        block, coming = coming, begin(start + most)
        yield np.stack(list(block)).transpose(0, 3, 1, 2)


def _encoded(
    generator: Generator, images: NDArray[np.uint8], blocks: Blocks, numerics: Numerics
) -> Iterator[NDArray[np.float16]]:
    """Yield the latents `[B, C, h, w]` of images uint8 `[n, 3, S, S]`."""
    import numpy as np
    import torch

    from bench.training.numerics import computing

    def encode(start: int, stop: int) -> NDArray[np.float16]:
        part = torch.from_numpy(np.ascontiguousarray(images[start:stop]))
        scaled = part.to(generator.device, generator.dtype) / 127.5 - 1
        latents: NDArray[np.float16] = generator.encode(scaled).half().cpu().numpy()
        return latents

    # Made whole before it is given on, because a caller's own work has another precision.
    with torch.no_grad(), computing(numerics, generator.device):
        parts = list(blocks.over(len(images), encode))
    yield from parts

"""Training images through a generator's encoder, class by class, into an artefact's folder."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from bench.data.adm import AdmCrop
from bench.data.prefix import Prefix
from bench.generators import Pretrained
from bench.preparation.blocks import Blocks
from bench.preparation.per_class import ClassFiles, require_room
from bench.preparation.real import checked_real_set
from bench.training.recipe import Numerics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from bench.context import Context
    from bench.generators.interface import Generator
    from bench.images import Images

Crop = Literal["adm", "resize"]
"""ADM's centre crop, or the shorter side resized (bilinear) and the centre cut out."""

Encode = Callable[["Generator", "Tensor"], "Tensor"]
"""From images `[B, 3, S, S]` in [-1, 1] to what is kept of each, `[B, *kept, C, h, w]`."""

Flips = Callable[[str, int], "NDArray[np.bool_]"]
"""From a class id and its number of images to which of them are mirrored, `[n]`."""

ENCODE_PIXELS = defaultdict(lambda: 2**21, cpu=2**17)
"""Pixels of the images encoded together: 32 of 256 x 256 on a GPU. Speed and memory."""

WORKERS = 8
"""Threads that decode images."""


class Encoded(Protocol):
    """An artefact of the training images of a set, as a generator's encoder sees them."""

    @property
    def dataset(self) -> str:
        """Return the name of the real set in this run."""
        ...

    @property
    def train_revision(self) -> str:
        """Return which training images are meant."""
        ...

    @property
    def generator(self) -> str:
        """Return the generator's name."""
        ...

    @property
    def weights(self) -> str:
        """Return which weights, as `bench.generators.Pretrained` has them."""
        ...

    @property
    def crop(self) -> Crop:
        """Return how images are brought to the generator's size."""
        ...

    @property
    def numerics(self) -> Numerics:
        """Return the precision."""
        ...


def write_encoded(
    artefact: Encoded,
    ctx: Context,
    out: Path,
    what: str,
    encode: Encode,
    kept: tuple[int, ...] = (),
    flips: Flips | None = None,
) -> None:
    """Write `<label>.npy` of every class, float16 `[n, *kept, C, h, w]` in the order of its images.

    Classes that are there already are skipped; a few blocks of images are held at a time. `what` is
    written, in the plural. BenchError if the disk has no room for all.
    """
    real = checked_real_set(ctx, artefact.dataset, artefact.train_revision)
    generator = ctx.get(Pretrained(artefact.generator, artefact.weights))
    card, files = generator.card, ClassFiles(out)
    missing = files.missing(real.card.num_classes)
    row = (*kept, *card.latent_shape)
    images = sum(real.card.class_sizes[label] for label in missing)
    require_room(out, 2 * math.prod(row) * images, f"The {what} of {artefact.dataset!r}")
    crop = AdmCrop(card.image_size) if artefact.crop == "adm" else None
    apply = (crop or Prefix(card.image_size, card.image_size)).apply
    most = max(1, ENCODE_PIXELS[generator.device.type] // card.image_size**2)
    blocks = Blocks(most)
    with ThreadPoolExecutor(WORKERS) as pool:
        for label in missing:
            members = real.train.of_class(label)
            flipped = flips(real.card.classes[label], len(members)) if flips else None
            pixels = _read(real.train.images, members, flipped, apply, most, pool)
            with files.open_rows(label, len(members), row, "<f2") as rows:
                for block in pixels:
                    for part in _encoded(generator, block, blocks, artefact.numerics, encode):
                        rows.append(part)
            ctx.progress(label + 1, real.card.num_classes)


def _read(
    images: Images,
    members: NDArray[np.int64],
    flipped: NDArray[np.bool_] | None,
    apply: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    most: int,
    pool: ThreadPoolExecutor,
) -> Iterator[NDArray[np.uint8]]:
    """Yield uint8 `[B, 3, S, S]` of at most `most` images; the next block is read meanwhile."""
    import numpy as np

    def one(place: int) -> NDArray[np.uint8]:
        image = apply(images.decode(int(members[place])))
        return image[:, ::-1] if flipped is not None and flipped[place] else image

    def begin(start: int) -> Iterator[NDArray[np.uint8]]:
        return pool.map(one, range(start, min(start + most, len(members))))

    coming = begin(0)
    for start in range(0, len(members), most):
        block, coming = coming, begin(start + most)
        yield np.stack(list(block)).transpose(0, 3, 1, 2)


def _encoded(
    generator: Generator,
    images: NDArray[np.uint8],
    blocks: Blocks,
    numerics: Numerics,
    encode: Encode,
) -> Iterator[NDArray[np.float16]]:
    """Yield what is kept of images uint8 `[n, 3, S, S]`, in half precision."""
    import numpy as np
    import torch

    from bench.training.numerics import computing

    def work(start: int, stop: int) -> NDArray[np.float16]:
        part = torch.from_numpy(np.ascontiguousarray(images[start:stop]))
        scaled = part.to(generator.device, generator.dtype) / 127.5 - 1
        encoded: NDArray[np.float16] = encode(generator, scaled).half().cpu().numpy()
        return encoded

    # Made whole before it is given on, because a caller's own work has another precision.
    with torch.no_grad(), computing(numerics, generator.device):
        parts = list(blocks.over(len(images), work))
    yield from parts

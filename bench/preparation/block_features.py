"""What a layer of the generator's network makes of real images: features for guidance."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from bench.errors import BenchError
from bench.generators import Pretrained
from bench.preparation.blocks import Blocks
from bench.preparation.latents import RealLatents
from bench.preparation.per_class import ClassFiles, require_room
from bench.preparation.real import checked_real_set
from bench.sampling import Sampling
from bench.sampling.schedule import kept_at
from bench.tuning.run import Tuned

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.generators.interface import Generator
    from bench.sets import DatasetCard
    from bench.streams import Streams

Pooling = Literal["none", "mean"]

BLOCK = defaultdict(lambda: 64, cpu=16)
"""Latents that go through the network together. Speed and memory, never a value but in rounding."""
MOST_NOISED = 20e9
"""Bytes that features at several timesteps may take; those of one are bounded by the disk alone."""


class FeaturesOfClasses(Protocol):
    """Features, class by class, mapped from their files."""

    def of_class(self, label: int) -> NDArray[np.float16]:
        """Return the features of a class `[T, n, d]` of n images at T timesteps."""
        ...


@dataclass(frozen=True)
class BlockFeatures:
    """Output of one layer for some real latents of every class, under the class as condition.

    Clean latents are shown to the network as they are; noised ones are z_t = sqrt(A_t) z +
    sqrt(1 - A_t) n, with n of the stream ("noise", class id, t). Which images of a class are taken
    follows from the stream ("choose", class id). One file a class, so that a kill costs one class.
    """

    revision: ClassVar[int] = 1
    resumable: ClassVar[bool] = True

    latents: RealLatents
    layer: str
    pooling: Pooling
    """Flattened output of the layer ("none"), or its mean over all places ("mean")."""
    count: int = 200
    """Images of a class; all of them where there are fewer."""
    times: tuple[int, ...] = (0,)
    """Original timesteps that the network is asked at."""
    noised: bool = False
    """Whether latents are noised to these timesteps."""
    class_map: tuple[str, ...] = ()
    """Classes that the generator knows by another id, as `Sampling.class_map` has them."""
    seed: int = 0
    """Of the choice and the noise: shared by all distillation seeds."""
    tuned: Tuned | None = None
    """The network with tuned weights; None is the one whose encoder made the latents."""

    @property
    def words(self) -> str:
        """Return what this is in words."""
        return f"features of {self.layer!r} for real images of {self.latents.dataset!r}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the generator and the latents."""
        return (self._generator(), self.latents)

    def build(self, ctx: Context, out: Path) -> None:
        """Write one file a class, float16 `[T, n, d]`.

        Raises BenchError if the features do not fit on the disk or not into half precision.
        """
        from bench.training.numerics import computing

        card = checked_real_set(ctx, self.latents.dataset, self.latents.train_revision).card
        layer = _Layer(self, ctx.get(self._generator()), card)
        latents, files = ctx.get(self.latents), ClassFiles(out)
        missing = files.missing(card.num_classes)
        with computing(self.latents.numerics, ctx.device):
            self._require_room(out, [card.class_sizes[label] for label in missing], layer.width())
            for done, label in enumerate(missing, start=1):
                of_class = latents.of_class(label)
                clean = of_class[self._chosen(len(of_class), card.classes[label], ctx.streams)]
                files.write(label, layer.features(clean, label, ctx.streams))
                ctx.progress(done, len(missing))

    def load(self, path: Path, device: torch.device) -> FeaturesOfClasses:
        """Return the features, mapped when a class is asked for."""
        return ClassFiles(path)

    def _generator(self) -> Artefact[Generator]:
        return self.tuned or Pretrained(self.latents.generator, self.latents.weights)

    def _chosen(self, size: int, class_id: str, streams: Streams) -> NDArray[np.int64]:
        """Return which of `size` images are taken, in their order."""
        import numpy as np

        if size <= self.count:
            return np.arange(size)
        rng = streams.numpy("choose", class_id)
        return np.sort(rng.choice(size, self.count, replace=False))

    def _require_room(self, folder: Path, sizes: Sequence[int], width: int) -> None:
        """Refuse what would fill the disk only after hours; of classes that are missing."""
        images = sum(min(self.count, size) for size in sizes)
        needed = 2 * width * len(self.times) * images
        if self.noised and needed > MOST_NOISED:
            raise BenchError(
                f"Features of {images:,} real images at {len(self.times)} timesteps would take "
                f"{needed / 1e9:,.0f} GB, of which {MOST_NOISED / 1e9:.0f} are allowed: take "
                "`pooling=mean`, a lower `num_real`, or `real=clean`."
            )
        require_room(folder, needed, f"Features of {images:,} real images")


class _Layer:
    """A layer of an opened generator, and how latents of a real set are shown to it."""

    def __init__(self, spec: BlockFeatures, generator: Generator, card: DatasetCard) -> None:
        self.spec, self.generator, self.card = spec, generator, card
        self.blocks = Blocks(BLOCK[generator.device.type])

    def width(self) -> int:
        """Return the numbers of one image's features."""
        import torch

        return self._at(torch.zeros(1, *self.generator.card.latent_shape), 0, 0).shape[1]

    def features(
        self, latents: NDArray[np.float16], label: int, streams: Streams
    ) -> NDArray[np.float16]:
        """Return the features `[T, n, d]` of the latents `[n, C, h, w]` of a class."""
        import numpy as np
        import torch

        class_id = self.card.classes[label]
        clean = torch.from_numpy(np.array(latents)).float()
        found = []
        for t in self.spec.times:
            shown = clean
            if self.spec.noised:
                kept = kept_at(self.generator.card.betas, t)
                noise = torch.randn(clean.shape, generator=streams.torch("noise", class_id, t))
                shown = math.sqrt(kept) * clean + math.sqrt(1 - kept) * noise
            found.append(self._at(shown, t, label).numpy())
        features = np.stack(found)
        if not np.isfinite(features).all():
            raise BenchError(
                f"What {self.spec.layer!r} of {self.generator.card.name!r} makes of the images of "
                f"{class_id!r} does not fit into half precision: choose another `block`."
            )
        return features

    def _at(self, latents: Tensor, t: int, label: int) -> Tensor:
        """Return the features `[n, d]` of latents at a timestep, in half precision on the CPU."""
        import torch

        generator = self.generator
        class_id, name = self.card.classes[label], self.card.class_names[label]
        class_id = Sampling(class_map=self.spec.class_map).mapping().get(class_id, class_id)

        def work(start: int, stop: int) -> Tensor:
            count = stop - start
            cond = generator.condition([class_id] * count, [name] * count)
            x = latents[start:stop].to(generator.device, generator.dtype)
            times = torch.full((count,), t, device=generator.device)
            output = generator.features(x, times, cond, self.spec.layer)
            return pooled(output, self.spec.pooling).half().cpu()

        with torch.no_grad():
            return torch.cat(list(self.blocks.over(len(latents), work)))


def pooled(features: Tensor, pooling: Pooling) -> Tensor:
    """Return what a layer says of every image, `[B, d]`: flattened, or its mean over all places.

    Features are `[B, tokens, width]`, or `[B, C, h, w]` of a U-Net.
    """
    if pooling == "none":
        return features.flatten(1)
    return features.mean(dim=1 if features.ndim == 3 else (2, 3))

"""What is kept of real images for image metrics: their features, and statistics of these.

Both are artefacts whose names hold the revision of the images, so that they are made once a set
and network. Where `Embeddings` has the features, they are those.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bench.errors import BenchError
from bench.features import Embeddings, read_rows, write_rows
from bench.features.extractors import Extractor
from bench.features.statistics import Statistics, exact_device, statistics_of
from bench.preparation.real import checked_real_set

__all__ = [
    "ExtractedFeatures",
    "RealStatistics",
    "Statistics",
    "exact_device",
    "real_features",
    "real_statistics",
]

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.sets import DatasetCard, ImageSet

_Fields = tuple[str, str, str, str, str, str]


@dataclass(frozen=True)
class _OfSplit:
    """What is kept of the images of a split as one network sees them."""

    dataset: str
    """Name of the real set in this run."""
    train_revision: str
    """Of what `<student>@<resolution>` is trained on."""
    images_revision: str
    """Of the images of the split."""
    split: str
    extractor: str
    weights: str

    def _extractor(self) -> Extractor:
        return Extractor(self.extractor, self.dataset, self.train_revision)

    def _images(self, ctx: Context) -> ImageSet:
        """Return the split that is meant; BenchError if this run has other images."""
        real = checked_real_set(ctx, self.dataset, self.train_revision)
        images = real.train if self.split == "train" else real.test
        if images.revision != self.images_revision:
            raise BenchError(
                f"Artefacts of {self.dataset!r} are wanted for {self.split} images of revision "
                f"{self.images_revision[:12]}..., but this run has {images.revision[:12]}...: "
                "start the run again."
            )
        return images


@dataclass(frozen=True)
class ExtractedFeatures(_OfSplit):
    """Features of all images of a split, where `Embeddings` does not have them."""

    revision: ClassVar[int] = 1

    @property
    def words(self) -> str:
        """Return what it is, for people."""
        return f"the features {self.extractor!r} of the {self.split} images of {self.dataset!r}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the network; nothing where a checked file is opened."""
        return self._extractor().artefacts()

    def build(self, ctx: Context, out: Path) -> None:
        """Write `features.npy`, float32 `[N, d]` in the order of the images."""
        from bench.features.passes import rows_of

        chosen = self._images(ctx)
        rows = rows_of(chosen.images, self._extractor(), ctx)
        write_rows(out / "features.npy", rows, len(chosen))

    def load(self, path: Path, device: torch.device) -> NDArray[np.float32]:
        """Return the features `[N, d]`, mapped from their file."""
        return read_rows(path / "features.npy")


@dataclass(frozen=True)
class RealStatistics(_OfSplit):
    """Statistics of the features of a split."""

    revision: ClassVar[int] = 1

    num_real: int
    """Images in metrics of pairs, at most (but for the least that a class needs)."""
    neighbours: int

    @property
    def words(self) -> str:
        """Return what it is, for people."""
        return f"statistics of the {self.extractor!r} features of {self.dataset!r}, {self.split}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the features."""
        return (self._features(),)

    def build(self, ctx: Context, out: Path) -> None:
        """Write `statistics.safetensors`."""
        from safetensors.torch import save_file

        chosen = self._images(ctx)
        found = statistics_of(
            ctx.get(self._features()),
            chosen.labels,
            self.num_real,
            self.neighbours,
            exact_device(ctx.device),
        )
        save_file(found.tensors(), out / "statistics.safetensors")

    def load(self, path: Path, device: torch.device) -> Statistics:
        """Return the statistics on the device, or on the CPU where that has no float64."""
        from safetensors.torch import load_file

        found = load_file(path / "statistics.safetensors")
        return Statistics.of_tensors(found, exact_device(device))

    def _features(self) -> Artefact[NDArray[np.float32]]:
        return _features(self._extractor(), self.images_revision, self.split)


def real_features(
    extractor: Extractor, card: DatasetCard, split: str
) -> Artefact[NDArray[np.float32]]:
    """Return the artefact of a split's features: `Embeddings` where that is what it has."""
    return _features(extractor, _revision(card, split), split)


def real_statistics(
    extractor: Extractor, card: DatasetCard, split: str, num_real: int, neighbours: int
) -> RealStatistics:
    """Return the artefact of a split's statistics."""
    of_split = _fields(extractor, _revision(card, split), split)
    return RealStatistics(*of_split, num_real, neighbours)


def _features(
    extractor: Extractor, images_revision: str, split: str
) -> Artefact[NDArray[np.float32]]:
    if split == "train" and extractor.embeds:
        return Embeddings(extractor.dataset, extractor.train_revision, extractor.name)
    return ExtractedFeatures(*_fields(extractor, images_revision, split))


def _fields(extractor: Extractor, images_revision: str, split: str) -> _Fields:
    """Return the fields of `_OfSplit`, in order."""
    set_and_split = (extractor.dataset, extractor.train_revision, images_revision, split)
    return (*set_and_split, extractor.name, extractor.weights)


def _revision(card: DatasetCard, split: str) -> str:
    return card.train_revision if split == "train" else card.test_revision

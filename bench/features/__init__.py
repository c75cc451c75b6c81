"""Embeddings of the training images: what coreset methods choose by.

An embedding is named by its network: `<student>@<resolution>` is a student that the harness
trains on the very training set, `embedded` is the small network that comes with the package for the
procedural sets, `resnet18-imagenet` is torchvision's network, which has seen the labels of ImageNet
and is therefore never chosen by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bench.features.imagenet import IMAGENET, imagenet_network
from bench.features.shipped import EMBEDDED, ShippedNetwork
from bench.features.trained import TrainedNetwork, prefixed, split_features
from bench.preparation.real import checked_real_set

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.sets import ImageSet

__all__ = [
    "IMAGENET",
    "Embeddings",
    "ShippedNetwork",
    "TrainedNetwork",
    "check_features",
    "embed_images",
    "network_of",
    "opened_network",
    "read_rows",
    "write_rows",
]

BATCH_PIXELS = defaultdict(lambda: 2**23, cpu=2**16)
"""Pixels of the images embedded together: 167 of 224 x 224 on a GPU, and as many on a CPU as stay
in its cache, 64 of 32 x 32. Speed and memory, never a value."""
LEAST_BATCH = 4

IMAGENET_RESOLUTION = 224


def check_features(text: str) -> None:
    """Raise UsageError unless `text` names an embedding; no weights are looked for."""
    if text not in (EMBEDDED, IMAGENET):
        split_features(text)


def network_of(
    features: str, dataset: str, train_revision: str
) -> TrainedNetwork | ShippedNetwork | None:
    """Return the artefact of an embedding's network for a real set; None for one that is fetched.

    `dataset` is the name of the real set in this run. UsageError unless `features` names one.
    """
    if features == IMAGENET:
        return None
    if features == EMBEDDED:
        return ShippedNetwork.of()
    network, student, resolution = split_features(features)
    return TrainedNetwork(dataset, train_revision, network, student.revision, resolution)


def opened_network(
    features: str, dataset: str, train_revision: str, ctx: Context
) -> tuple[nn.Module, int]:
    """Return an embedding's network on the device and the pixels per side of what it takes.

    BenchError if its weights have to be fetched and cannot be had.
    """
    artefact = network_of(features, dataset, train_revision)
    if artefact is None:
        return imagenet_network().to(ctx.device), IMAGENET_RESOLUTION
    return ctx.get(artefact), artefact.resolution


def embed_images(
    model: nn.Module, images: NDArray[np.uint8], device: torch.device
) -> NDArray[np.float32]:
    """Return the features `[N, d]` of uint8 images `[N, 3, S, S]`, in float32 on any device.

    The network takes no gradient; it is given as many images at once as suit the device.
    """
    import numpy as np
    import torch

    size = _batch_size(images.shape[-1], device)
    with torch.no_grad():
        blocks = [
            _embedded(model, images[start : start + size], device)
            for start in range(0, len(images), size)
        ]
    return np.concatenate(blocks)


@dataclass(frozen=True)
class Embeddings:
    """What a network's last linear layer reads, for every training image, without augmentation."""

    revision: ClassVar[int] = 1

    dataset: str
    """Name of the real set in this run."""
    train_revision: str
    features: str
    """`<student>@<resolution>`, "embedded" or "resnet18-imagenet"."""

    @property
    def words(self) -> str:
        """Return what it is, for people."""
        return f"the features {self.features!r} of the training images of {self.dataset!r}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the network; nothing for one that is fetched."""
        network = self._network()
        return () if network is None else (network,)

    def build(self, ctx: Context, out: Path) -> None:
        """Write `features.npy`, float32 `[N, d]` in the order of the training images."""
        import torch

        real = checked_real_set(ctx, self.dataset, self.train_revision)
        model, resolution = opened_network(self.features, self.dataset, self.train_revision, ctx)
        if self._network() is None:
            batches = _decoded_batches(real.train, resolution, ctx.device)
        else:
            batches = _cached_batches(real.train, resolution, ctx)
        with torch.no_grad():
            embedded = (_embedded(model, batch, ctx.device) for batch in batches)
            write_rows(out / "features.npy", embedded, len(real.train))

    def load(self, path: Path, device: torch.device) -> NDArray[np.float32]:
        """Return the features `[N, d]`, mapped from their file."""
        return read_rows(path / "features.npy")

    def _network(self) -> TrainedNetwork | ShippedNetwork | None:
        return network_of(self.features, self.dataset, self.train_revision)


def _batch_size(resolution: int, device: torch.device) -> int:
    return max(LEAST_BATCH, BATCH_PIXELS[device.type] // resolution**2)


def _decoded_batches(
    images: ImageSet, resolution: int, device: torch.device
) -> Iterator[NDArray[np.uint8]]:
    """Yield the images `[B, 3, H, W]` as they are decoded, too large for the cache."""
    from bench.data.pixels import read_pixels
    from bench.data.prefix import Prefix
    from bench.images import Chosen

    size = _batch_size(resolution, device)
    for start in range(0, len(images), size):
        rows = tuple(range(start, min(start + size, len(images))))
        yield read_pixels(Chosen(images.images, rows), Prefix(resolution, resolution))


def _cached_batches(images: ImageSet, resolution: int, ctx: Context) -> Iterator[NDArray[np.uint8]]:
    """Yield the images `[B, 3, H, W]` at a resolution, without augmentation."""
    import numpy as np

    pixels = prefixed(images, resolution, ctx)
    size = _batch_size(resolution, ctx.device)
    for start in range(0, len(images), size):
        yield np.array(pixels[start : start + size])


def _embedded(
    model: nn.Module, images: NDArray[np.uint8], device: torch.device
) -> NDArray[np.float32]:
    """Return the features `[B, d]` of uint8 images `[B, 3, H, W]`, in float32 on any device."""
    import torch

    from bench.augment.colour import normalised
    from bench.backbones import embed
    from bench.training.numerics import precision

    with precision("fp32", device):
        features: Tensor = embed(model, normalised(torch.from_numpy(images).to(device)))
    array: NDArray[np.float32] = features.float().cpu().numpy()
    return array


def write_rows(path: Path, blocks: Iterator[NDArray[np.float32]], num_rows: int) -> None:
    """Write blocks of rows as one array. A plain file: a full disk kills those who map one."""
    import numpy as np

    with path.open("wb") as file:
        for number, block in enumerate(blocks):
            if number == 0:
                shape = (num_rows, block.shape[1])
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
            file.write(np.ascontiguousarray(block, dtype="<f4").tobytes())


def read_rows(path: Path) -> NDArray[np.float32]:
    """Map what `write_rows` has written.

    Copied on writing, because torch takes no array that cannot be written; nobody writes.
    """
    import numpy as np

    rows: NDArray[np.float32] = np.load(path, mmap_mode="c", allow_pickle=False)
    return rows

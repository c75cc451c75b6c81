"""Images one at a time on the CPU: decoded in memory, transformed by the workers of a DataLoader.

Reference: vimar-gu/MinimaxDiffusion @ 969fc6f, data.py and misc/utils.py, for what is done to an
           image and in which order. The code is new and uses nothing of `bench.augment`, so that
           the one can be compared with the other.
Differs:   test images are kept in memory too, which costs nothing but makes loading faster.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision.transforms import InterpolationMode, RandomResizedCrop, functional

if TYPE_CHECKING:
    from collections.abc import Callable

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
LUMA = torch.tensor([0.299, 0.587, 0.114])
AXES = torch.tensor(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)
"""Principal axes of ImageNet's colours, a column each (Krizhevsky et al., NeurIPS 2012)."""
SPREADS = torch.tensor([0.2175, 0.0188, 0.0045])
"""The eigenvalues that belong to them."""
OPERATIONS = ("brightness", "contrast", "saturation")
MOST_WORKERS = 8


@dataclass(frozen=True, eq=False)
class Photos:
    """Decoded images with their labels, in memory."""

    images: tuple[Image.Image, ...]
    """RGB, of any sizes."""
    labels: tuple[int, ...]

    @classmethod
    def of(cls, pixels: Tensor, labels: Tensor) -> Photos:
        """Return the same images from uint8 `[N, 3, H, W]` and int64 `[N]`."""
        planes = pixels.permute(0, 2, 3, 1).contiguous().numpy()
        return cls(tuple(Image.fromarray(image) for image in planes), tuple(labels.tolist()))

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class TrainingView:
    """The random view of one image, float32 `[3, resolution, resolution]`, normalised.

    Crops and flips draw from torch's global generator and colours from Python's, both of which a
    DataLoader seeds in its workers.
    """

    resolution: int
    crop_scale: tuple[float, float]
    flip: float
    jitter: float
    lighting: float

    def __call__(self, image: Image.Image) -> Tensor:
        """Return one view: crop, flip, three colour operations in random order, colour noise."""
        x = framed(image, self.resolution)
        box = RandomResizedCrop.get_params(x, list(self.crop_scale), [3 / 4, 4 / 3])
        x = cropped(x, box, self.resolution)
        if torch.rand(()) < self.flip:
            x = functional.hflip(x)
        for operation in random.sample(OPERATIONS, len(OPERATIONS)):
            x = jittered(x, operation, random.uniform(-self.jitter, self.jitter))
        return normalised(lit(x, self.lighting * torch.randn(3)))


@dataclass(frozen=True)
class PlainView:
    """The one view of a test image, float32 `[3, resolution, resolution]`, normalised."""

    resolution: int

    def __call__(self, image: Image.Image) -> Tensor:
        """Return the image resized, cropped at the centre and normalised."""
        return normalised(framed(image, self.resolution))


def framed(image: Image.Image, side: int) -> Tensor:
    """Return the image with its shorter side resized to `side` and its centre cut: [0, 1]."""
    image = functional.resize(image, side, InterpolationMode.BILINEAR)
    x: Tensor = functional.to_tensor(functional.center_crop(image, [side, side]))
    return x


def cropped(x: Tensor, box: tuple[int, int, int, int], side: int) -> Tensor:
    """Return a box (top, left, height, width) of `[3, H, W]` resized to `side` x `side`.

    Without antialiasing, as torchvision 0.14 treats tensors; no box here is larger than `side`, so
    that antialiasing would change nothing but the time.
    """
    out: Tensor = functional.resized_crop(
        x, *box, [side, side], interpolation=InterpolationMode.BILINEAR, antialias=False
    )
    return out


def jittered(x: Tensor, operation: str, amount: float) -> Tensor:
    """Return `[3, H, W]` moved by the share `amount` towards black, its mean luma or its luma.

    A negative amount moves it away; nothing is clamped.
    """
    if operation == "brightness":
        return (1.0 - amount) * x
    grey: Tensor = torch.tensordot(LUMA, x, dims=1)
    target = grey.mean() if operation == "contrast" else grey
    return x + amount * (target - x)


def lit(x: Tensor, amounts: Tensor) -> Tensor:
    """Return `[3, H, W]` plus a constant colour: `amounts` `[3]` of the three principal axes."""
    return x + (AXES @ (amounts * SPREADS))[:, None, None]


def normalised(x: Tensor) -> Tensor:
    """Return `[3, H, W]` in [0, 1] less ImageNet's mean and over its standard deviation."""
    out: Tensor = functional.normalize(x, MEAN, STD)
    return out


class Views(Dataset[tuple[Tensor, int]]):
    """Photos seen through a transform, anew at every access."""

    def __init__(self, photos: Photos, view: Callable[[Image.Image], Tensor]) -> None:
        self.photos, self.view = photos, view

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.view(self.photos.images[index]), self.photos.labels[index]


class EndlessBatches(Sampler[list[int]]):
    """Batches of shuffled indices, epoch after epoch; the last of an epoch may be short.

    One iterator serves a whole training, so that workers prepare the next epoch during this one.
    """

    def __init__(self, num_images: int, batch: int) -> None:
        self.num_images, self.batch = num_images, batch

    def __iter__(self) -> Iterator[list[int]]:
        while True:
            order = torch.randperm(self.num_images)
            yield from (part.tolist() for part in torch.split(order, self.batch))


def num_workers() -> int:
    """Return how many loader workers the scripts would start here: 8, or one a CPU if fewer."""
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:  # not known on macOS and Windows
        available = os.cpu_count() or 1
    return min(MOST_WORKERS, available)


def training_batches(
    views: Views, batch: int, workers: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Return images float32 `[B, 3, R, R]` and labels int64 `[B]` without end."""
    loader = DataLoader(
        views,
        batch_sampler=EndlessBatches(len(views), batch),
        num_workers=workers,
        pin_memory=device.type == "cuda",
    )
    return iter(loader)


def ordered_batches(
    views: Views, batch: int, workers: int, device: torch.device
) -> DataLoader[tuple[Tensor, int]]:
    """Return a loader of all images in their own order, whose workers stay."""
    return DataLoader(
        views,
        batch_size=batch,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        persistent_workers=workers > 0,
    )

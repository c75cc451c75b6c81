"""What a student sees in one epoch: all draws as a value, and the batches that follow from it.

Training, relabelling and the replay of stored labels read the same value, so that a label belongs
to the very pixels that a student gets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.augment import Views, augment, draw_mixing, draw_views
from bench.training.feed import batches, streamed
from bench.training.numerics import precision
from bench.training.recipe import Recipe, settled

if TYPE_CHECKING:
    from bench.augment.mix import Mixing
    from bench.streams import Streams


@dataclass(frozen=True, eq=False)
class Batch:
    """The images of one update, as the networks get them, all on the device."""

    images: Tensor
    """float32 `[B, 3, resolution, resolution]`: augmented, normalised and mixed. Teacher and
    student share it, so neither may write into it."""
    index: Tensor
    """int64 `[B]`: the rows of the set they are."""
    mixing: Mixing | None
    """How they were mixed; None where they are as they were."""
    epoch: int
    number: int
    """Place within the epoch, from 0."""


@dataclass(frozen=True, eq=False)
class Sight:
    """Everything that is drawn for one epoch, on the CPU; equal for equal streams and epoch."""

    order: Tensor
    """int64 `[N]`: the rows of the set in the order they are learned."""
    views: Views
    """One view of every image."""
    mixings: tuple[Mixing | None, ...]
    """How every batch is mixed."""
    batch: int
    """Images per batch; the last may have fewer."""

    def indices(self) -> tuple[Tensor, ...]:
        """Return the rows of every batch, int64 on the CPU."""
        return torch.split(self.order, self.batch)

    def digest(self) -> bytes:
        """Return 32 bytes (SHA-256) that two epochs share if they show the same batches.

        Fractions count to a millionth, so that the last bits of another machine's logarithm do not.
        """
        views = self.views
        colours = views.colours
        digest = hashlib.sha256(str(self.batch).encode())
        for values in (
            self.order,
            views.orders,
            views.boxes,
            views.flips,
            *(colours.slope, colours.pull, colours.shift),
            *(views.operations, views.negative),
        ):
            digest.update(_spelled(values))
        for mixing in self.mixings:
            digest.update(_spelled(None if mixing is None else mixing.partner))
            if mixing is not None:
                digest.update(f"{mixing.box} {mixing.ratio:.6f}".encode())
        return digest.digest()


def draw_sight(recipe: Recipe, sizes: Tensor, streams: Streams, epoch: int) -> Sight:
    """Draw one epoch; `sizes` is int64 `[N, 2]`, height and width of every image as it is stored.

    The order comes from the stream "order", views from "augment" and mixings from "mix".
    """
    batch = settled(recipe.batch, "batch")
    order = torch.randperm(len(sizes), generator=streams.torch("order", epoch))
    mixings = tuple(
        draw_mixing(recipe, len(index), streams, epoch, number)
        for number, index in enumerate(torch.split(order, batch))
    )
    return Sight(order, draw_views(recipe, sizes, streams, epoch), mixings, batch)


def seen(
    sight: Sight,
    images: Tensor,
    recipe: Recipe,
    device: torch.device,
    epoch: int,
    mapped: bool = False,
) -> Iterator[Batch]:
    """Yield the batches of an epoch from uint8 images `[N, 3, H, W]`, wherever these lie.

    `mapped` images are fetched by a thread. Nothing waits for the device.
    """
    views, indices = sight.views.to(device), sight.indices()
    fed = (streamed if mapped else batches)(images, indices, device)
    for number, (index, stored) in enumerate(zip(indices, fed, strict=True)):
        mixing = sight.mixings[number]
        # TF32 would round pixels to 11 bits, which the augmentation is tested not to do.
        with precision("fp32", device):
            inputs = augment(stored, views, index, recipe)
            if mixing is not None:
                mixing = mixing.to(device)
                inputs = mixing.apply(inputs)
        yield Batch(inputs, index.to(device, non_blocking=True), mixing, epoch, number)


def _spelled(values: Tensor | None) -> bytes:
    """Return shape and values as bytes that are the same on every machine."""
    if values is None:
        return b"none"
    if values.is_floating_point():
        values = (1e6 * values.double()).round()
    numbers = values.to(torch.int64).numpy().astype("<i8")
    return str(list(values.shape)).encode() + numbers.tobytes()

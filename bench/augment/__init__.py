"""Augmentation of whole batches on the device, with parameters drawn per image and epoch.

All parameters of an epoch are drawn at once on the CPU, one row per training image, each kind from
a stream of its own. So an image's view depends on the seeds, the epoch and its index alone: neither
the batch size, the device nor a switched-off kind of augmentation changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.augment import mix
from bench.augment.colour import ColourMap, colour_map
from bench.augment.crop import crop_boxes, crop_resize
from bench.augment.mix import Mixing
from bench.augment.patches import draw_orders, shuffled
from bench.augment.randaugment import draw_operations, randaugment
from bench.training.recipe import settled

if TYPE_CHECKING:
    from bench.streams import Streams
    from bench.training.recipe import Recipe

__all__ = ["Views", "augment", "draw_mixing", "draw_views"]


@dataclass(frozen=True)
class Views:
    """The parameters of one view of every training image."""

    orders: Tensor | None
    """Orders of the strips, int64 `[N, 2, strips]`; None where patches stay in place."""
    boxes: Tensor
    """Crops, int64 `[N, 4]`: top, left, height, width."""
    flips: Tensor
    """bool `[N]`."""
    colours: ColourMap
    operations: Tensor
    """RandAugment operations, int64 `[N, num_ops]`, always on the CPU."""
    negative: Tensor
    """Their signs, bool `[N, num_ops]`, always on the CPU."""

    def to(self, device: torch.device) -> Views:
        """Return the same with all that the device reads on it."""
        slope, pull, shift = (
            t.to(device) for t in (self.colours.slope, self.colours.pull, self.colours.shift)
        )
        return Views(
            None if self.orders is None else self.orders.to(device),
            self.boxes.to(device),
            self.flips.to(device),
            ColourMap(slope, pull, shift),
            self.operations,
            self.negative,
        )


def draw_views(recipe: Recipe, sizes: Tensor, streams: Streams, epoch: int) -> Views:
    """Draw the parameters of one epoch on the CPU; `sizes` is int64 `[N, 2]`, height and width."""
    num = len(sizes)
    patches = settled(recipe.patches, "patches")

    def stream(kind: str) -> torch.Generator:
        return streams.torch("augment", kind, epoch)

    jitter = torch.rand(num, 3, generator=stream("jitter"), dtype=torch.float64)
    noise = torch.randn(num, 3, generator=stream("lighting"), dtype=torch.float64)
    operations, negative = draw_operations(num, recipe.randaugment_ops, stream("randaugment"))
    return Views(
        orders=draw_orders(num, patches, stream("patches")) if patches > 1 else None,
        boxes=crop_boxes(sizes, settled(recipe.crop_scale, "crop_scale"), stream("crop")),
        flips=torch.rand(num, generator=stream("flip")) < recipe.flip,
        colours=colour_map(1.0 + recipe.jitter * (2.0 * jitter - 1.0), recipe.lighting * noise),
        operations=operations,
        negative=negative,
    )


def augment(images: Tensor, views: Views, index: Tensor, recipe: Recipe) -> Tensor:
    """Return augmented and normalised views, float32 `[B, 3, resolution, resolution]`.

    `images` is uint8 `[B, 3, H, W]`, `index` int64 `[B]` on the CPU says which images of the set
    they are. Order: patches, crop, flip, RandAugment, jitter, colour noise, normalise.
    """
    resolution = settled(recipe.resolution, "resolution")
    chosen = index.to(images.device, non_blocking=True)
    whole = images if views.orders is None else shuffled(images, views.orders[chosen])
    batch = crop_resize(whole, views.boxes[chosen], views.flips[chosen], resolution)
    if recipe.crop_rounding or recipe.randaugment_ops:
        batch = batch.round_()
    if recipe.randaugment_ops:
        operations, negative = views.operations[index], views.negative[index]
        eight_bit = batch.to(torch.uint8)
        level = recipe.randaugment_magnitude
        batch = randaugment(eight_bit, operations, negative, level).to(torch.float32)
    return views.colours.apply(batch, chosen, unit=255.0)


def draw_mixing(
    recipe: Recipe, batch_size: int, streams: Streams, epoch: int, batch: int
) -> Mixing | None:
    """Draw how batch number `batch` of an epoch is mixed; None where it is left as it is."""
    if recipe.mix == "none":
        return None
    rng = streams.numpy("mix", epoch, batch)
    if rng.random() >= recipe.mix_probability:
        return None
    alpha = settled(recipe.mix_alpha, "mix_alpha")
    if recipe.mix == "mixup":
        return mix.mixup(batch_size, alpha, rng)
    side = settled(recipe.resolution, "resolution")
    return mix.cutmix(batch_size, side, side, alpha, rng)

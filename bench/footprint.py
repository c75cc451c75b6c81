"""How much disk and memory a training takes, by arithmetic and a copy of the network without data.

Nothing is computed and nothing is read: the figures are those of float32 training and leave out
what libraries keep for themselves, so that they are a lower bound for an accelerator.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.data.pixels import CACHED_FROM
from bench.training.recipe import Recipe, settled

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

FLOAT = 4
"""Bytes of a float32."""
MOMENTS = {"sgd": 1, "adamw": 2}
"""Numbers that an optimizer keeps beside every parameter."""
DRAWN_BYTES = 512
"""Bytes of an epoch's order, crops and flips for one image, at their peak."""

DECODED, TESTS, LABELS, TEACHER = "decoded images", "test images", "stored labels", "teacher"
"""Names of what lies on the disk; the plan counts each once for what shares it."""


@dataclass(frozen=True)
class Footprint:
    """What one evaluation needs besides time, in bytes."""

    disk: Mapping[str, int] = field(default_factory=dict)
    """What is kept in the cache, by name: `DECODED`, `TESTS`, `LABELS`, `TEACHER` or another."""
    memory: int = 0
    """Of the host, at most at a time: images that are not mapped, and an epoch's draws."""
    device: int = 0
    """Of the device: networks, optimizer, activations kept for backward, and one batch."""


def training_footprint(
    model: nn.Module,
    recipe: Recipe,
    num_images: int,
    num_test: int,
    stored_size: int,
    teacher: nn.Module | None = None,
    kept: Mapping[str, int] | None = None,
) -> Footprint:
    """Return the footprint of one training of a resolved recipe, tests included.

    `stored_size` is the side of the training images in pixels as they are decoded; `teacher` is
    asked for every batch, if there is one. `kept` is what the training has on the disk besides
    decoded images, by name. Images are counted on the disk where they are many enough to be cached.
    """
    side, batch = settled(recipe.resolution, "resolution"), settled(recipe.batch, "batch")
    images = {DECODED: num_images * 3 * stored_size**2, TESTS: num_test * 3 * side**2}
    counts = {DECODED: num_images, TESTS: num_test}
    mapped = {name: size for name, size in images.items() if counts[name] >= CACHED_FROM}
    return Footprint(
        disk={**mapped, **(kept or {})},
        memory=sum(images.values()) - sum(mapped.values()) + num_images * DRAWN_BYTES,
        device=device_bytes(model, recipe, min(batch, num_images), side, teacher),
    )


def device_bytes(
    model: nn.Module, recipe: Recipe, batch: int, side: int, teacher: nn.Module | None = None
) -> int:
    """Return the bytes that the device holds in the middle of an update.

    That is parameters with their gradients and moments, the state of the teacher, all that the
    backward pass of `batch // recipe.passes` images waits for, and the batch itself.
    """
    learned = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    training = learned * FLOAT * (1 + MOMENTS[recipe.optimizer])
    part = math.ceil(batch / recipe.passes)
    pixels = batch * 3 * side**2 * FLOAT
    state = state_bytes(model) + (state_bytes(teacher) if teacher is not None else 0)
    return training + state + activation_bytes(model, part, side) + pixels


def state_bytes(network: nn.Module) -> int:
    """Return the bytes of a network's parameters and buffers, shared ones once."""
    tensors = (*network.parameters(), *network.buffers())
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def activation_bytes(model: nn.Module, batch: int, side: int) -> int:
    """Return the bytes that the forward pass of a batch in float32 keeps for the backward pass.

    The network is copied to the meta device and sees images `[batch, 3, side, side]` there.
    """
    import torch

    shadow = copy.deepcopy(model).to("meta").train()
    own = {_storage(parameter) for parameter in shadow.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept.setdefault(_storage(tensor), tensor)  # held, so that no number is given out again
        return tensor

    images = torch.empty(batch, 3, side, side, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = shadow(images)
    del logits
    return sum(_sizes(kept, own | {_storage(images)}))


def _sizes(kept: Mapping[int, Tensor], left_out: set[int]) -> Iterator[int]:
    """Yield the bytes behind the tensors, views of one storage once."""
    for storage, tensor in kept.items():
        if storage not in left_out:
            yield tensor.untyped_storage().nbytes()


def _storage(tensor: torch.Tensor) -> int:
    """Return the number of the memory behind a tensor; on the meta device, too, it has one."""
    return int(tensor.untyped_storage()._cdata)

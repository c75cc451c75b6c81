"""The students as plain values: what is built, without the library that builds it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

NORMS = ("batch", "instance")
RESNET_DEPTHS = (10, 18, 34, 50, 101, 152, 200)


@dataclass(frozen=True)
class ConvNet:
    """ConvNet-D of `bench.backbones.convnet`: it halves the resolution `depth` times."""

    depth: int
    """Number of blocks."""
    width: int = 128
    """Channels of every block."""
    norm: str | None = None
    """"instance" or "batch"; None is the protocol's norm."""

    revision: ClassVar[int] = 1
    family: ClassVar[str] = "convnet"

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise ValueError(f"`depth` must be at least 1, got {self.depth}.")
        if self.width < 1:
            raise ValueError(f"`width` must be at least 1, got {self.width}.")
        _check_norm(self.norm)

    @property
    def name(self) -> str:
        """Return the name that messages use."""
        return f"convnet{self.depth}"

    def norm_used(self, norm: str) -> str:
        """Return the norm of the network that `build` makes when a protocol says `norm`."""
        return _norm_used(self.norm, norm)

    def build(self, num_classes: int, image_size: int, norm: str) -> nn.Module:
        """Return the network; UsageError if nothing of an image is left after `depth` halvings."""
        from bench.backbones.convnet import ConvolutionalNetwork

        _check_sizes(num_classes, image_size)
        used = self.norm_used(norm)
        if image_size < 2**self.depth:
            deepest = image_size.bit_length() - 1
            hint = f" or `convnet{deepest}`" if deepest > 0 else ""
            raise UsageError(
                f"`{self.name}` halves its images {self.depth} times and needs at least "
                f"{2**self.depth} pixels per side, got {image_size}: choose a larger "
                f"resolution{hint}."
            )
        return ConvolutionalNetwork(self.depth, self.width, num_classes, image_size, used)


@dataclass(frozen=True)
class ResNet:
    """ResNet of `bench.backbones.resnet`, its stem chosen by the image size."""

    depth: int
    """One of `RESNET_DEPTHS`."""
    norm: str | None = None
    """"instance" or "batch"; None is the protocol's norm."""

    revision: ClassVar[int] = 1
    family: ClassVar[str] = "resnet"

    def __post_init__(self) -> None:
        _check_depth(self.depth)
        _check_norm(self.norm)

    @property
    def name(self) -> str:
        """Return the name that messages use."""
        return f"resnet{self.depth}"

    def norm_used(self, norm: str) -> str:
        """Return the norm of the network that `build` makes when a protocol says `norm`."""
        return _norm_used(self.norm, norm)

    def build(self, num_classes: int, image_size: int, norm: str) -> nn.Module:
        """Return the network; UsageError if its last stage would see a single pixel."""
        from bench.backbones.resnet import ResidualNetwork

        _check_sizes(num_classes, image_size)
        used = self.norm_used(norm)
        _check_last_stage(self.name, image_size, used, halving=1, normed=9)
        return ResidualNetwork(self.depth, 64, num_classes, image_size, used, pooled=False)


@dataclass(frozen=True)
class ResNetAP:
    """ResNet with average pooling in place of strides; see `bench.backbones.resnet`."""

    depth: int
    """One of `RESNET_DEPTHS`."""
    width: float = 1.0
    """Multiple of 64, the channels of the stem."""
    norm: str | None = None
    """"instance" or "batch"; None is the protocol's norm."""

    revision: ClassVar[int] = 1
    family: ClassVar[str] = "resnetap"

    def __post_init__(self) -> None:
        _check_depth(self.depth)
        if self.width <= 0 or not (64 * self.width).is_integer():
            raise ValueError(
                f"`width` must give a whole number of channels, 64 * width, got {self.width}."
            )
        _check_norm(self.norm)

    @property
    def name(self) -> str:
        """Return the name that messages use."""
        return f"resnetap{self.depth}"

    def norm_used(self, norm: str) -> str:
        """Return the norm of the network that `build` makes when a protocol says `norm`."""
        return _norm_used(self.norm, norm)

    def build(self, num_classes: int, image_size: int, norm: str) -> nn.Module:
        """Return the network; UsageError if its last stage would see less than it needs."""
        from bench.backbones.resnet import ResidualNetwork

        _check_sizes(num_classes, image_size)
        used = self.norm_used(norm)
        _check_last_stage(self.name, image_size, used, halving=8, normed=16)
        width = int(64 * self.width)
        return ResidualNetwork(self.depth, width, num_classes, image_size, used, pooled=True)


@dataclass(frozen=True)
class Library:
    """A classifier of torchvision or timm with its own norm, never with pretrained weights."""

    id: str
    """"torchvision/<id>" or "timm/<id>", as these libraries list it."""

    revision: ClassVar[int] = 2

    def __post_init__(self) -> None:
        source, _, model = self.id.partition("/")
        if source not in ("torchvision", "timm") or not model:
            raise ValueError(f'`id` must be "torchvision/<id>" or "timm/<id>", got {self.id!r}.')

    @property
    def family(self) -> str:
        """Return the word that the id begins with: "resnet" of "torchvision/wide_resnet50_2"."""
        word = re.match(r"(?:(?:tf|wide|legacy|test)_)*([a-z]+)", self.id.partition("/")[2])
        return word.group(1) if word else self.id

    @property
    def name(self) -> str:
        """Return the name that messages use."""
        return self.id

    def norm_used(self, norm: str) -> str:
        """Return "native": the network's own norm, whatever the protocol says."""
        return "native"

    def build(self, num_classes: int, image_size: int, norm: str) -> nn.Module:
        """Return the network; UsageError if it is unknown or cannot take such images."""
        from bench.backbones.library import build_library

        _check_sizes(num_classes, image_size)
        return build_library(self.id, num_classes, image_size)


def _norm_used(own: str | None, given: str) -> str:
    _check_norm(given)
    return own or given


def _check_norm(norm: str | None) -> None:
    if norm is not None and norm not in NORMS:
        raise ValueError(f'`norm` must be "instance" or "batch", got {norm!r}.')


def _check_depth(depth: int) -> None:
    if depth not in RESNET_DEPTHS:
        depths = ", ".join(str(known) for known in RESNET_DEPTHS)
        raise ValueError(f"`depth` must be one of {depths}, got {depth}.")


def _check_sizes(num_classes: int, image_size: int) -> None:
    if num_classes < 1:
        raise ValueError(f"`num_classes` must be at least 1, got {num_classes}.")
    if image_size < 1:
        raise ValueError(f"`image_size` must be at least 1, got {image_size}.")


def _check_last_stage(name: str, image_size: int, norm: str, *, halving: int, normed: int) -> None:
    """Refuse images that vanish, or that leave instance norm a single value per channel.

    Normalising one value gives zero, so such a network would answer the same for every image.
    """
    needed = normed if norm == "instance" else halving
    if image_size < needed:
        raise UsageError(
            f"`{name}` with {norm} norm needs at least {needed} pixels per side, got "
            f"{image_size}: choose a larger resolution"
            + (' or norm "batch".' if halving <= image_size else ".")
        )

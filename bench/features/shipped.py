"""The feature network that comes with the package: an artefact that only has to be opened.

It was trained on the training images of both procedural sets (see `bench.generators.training`),
so its features are of this suite alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from bench.shipped import PACKAGE

if TYPE_CHECKING:
    import torch
    from torch import nn

    from bench.context import Context
    from bench.contracts import Artefact

EMBEDDED = "embedded"
"""ConvNet-4 of width 96, 384 features, of images of 32 pixels."""

FILE = "features.safetensors"


@dataclass(frozen=True)
class ShippedNetwork:
    """The feature network, named by the hash of its weights."""

    revision: ClassVar[int] = 1

    weights: str
    """sha256 of the weight file, as the package's card has it."""

    @classmethod
    def of(cls) -> ShippedNetwork:
        """Return the network of this package; BenchError if it is missing."""
        return cls(PACKAGE.sha256(FILE))

    @property
    def resolution(self) -> int:
        """Return the pixels per side of the images it takes."""
        from bench.generators.architecture import IMAGE_SIZE

        return IMAGE_SIZE

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return nothing."""
        return ()

    def build(self, ctx: Context, out: Path) -> None:
        """Write `network.json`, the hash: the weights stay in the package."""
        (out / "network.json").write_bytes(msgspec.json.encode({"sha256": self.weights}) + b"\n")

    def load(self, path: Path, device: torch.device) -> nn.Module:
        """Return the network in evaluation mode, in float32; its parameters take no gradient.

        Raises BenchError if the weights are not the listed ones.
        """
        from bench.generators.architecture import feature_network
        from bench.generators.hub import load

        network: nn.Module = load(feature_network, PACKAGE.checked(FILE), EMBEDDED)
        return network.to(device).eval().requires_grad_(False)

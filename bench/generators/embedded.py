"""The generator that comes with the package: a small diffusion transformer and its autoencoder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.generators.architecture import IMAGE_SIZE, LATENT_SHAPE
from bench.generators.card import GeneratorCard
from bench.shipped import CLASS_IDS, PACKAGE, SETS, ShippedWeights

if TYPE_CHECKING:
    import torch

    from bench.generators.interface import Generator

PARTS = ("autoencoder.safetensors", "transformer.safetensors")


@dataclass(frozen=True)
class Embedded:
    """A small diffusion transformer for the two procedural sets, 32 x 32 pixels."""

    description: str
    shipped: ShippedWeights = PACKAGE
    sets: tuple[str, ...] = SETS
    classes: tuple[str, ...] = CLASS_IDS
    image_size: int = IMAGE_SIZE
    latent_shape: tuple[int, int, int] = LATENT_SHAPE
    uses_imagenet_labels: bool = False

    @property
    def layers(self) -> tuple[str, ...]:
        """Return its six blocks."""
        from bench.generators.diffusion_transformer import block_names

        return block_names(6)

    def weights(self) -> str:
        """Return a hash of both weight files, as the card says it; BenchError if one is missing."""
        hashes = "".join(self.shipped.sha256(part) for part in PARTS)
        return "sha256:" + hashlib.sha256(hashes.encode()).hexdigest()

    def present(self) -> bool:
        """Say whether both weight files are there."""
        return all((self.shipped.folder / part).is_file() for part in PARTS)

    def fetch(self) -> tuple[Path, ...]:
        """Return autoencoder and transformer; BenchError if one of them is missing."""
        return tuple(self.shipped.path(part) for part in PARTS)

    def card(self) -> GeneratorCard:
        """Return the facts; BenchError if a file is missing."""
        return GeneratorCard(
            name="embedded",
            weights=self.weights(),
            conditioning="class",
            classes=self.classes,
            image_size=self.image_size,
            latent_shape=self.latent_shape,
            layers=self.layers,
            uses_imagenet_labels=self.uses_imagenet_labels,
        )

    def open(self, device: torch.device) -> Generator:
        """Return the generator on a device; BenchError if a file is missing or not the listed one.

        Weights are stored in half precision and computed with in float32.
        """
        from bench.generators.architecture import embedded_autoencoder, embedded_transformer
        from bench.generators.autoencoder import LatentCodec
        from bench.generators.diffusion_transformer import DiffusionTransformer
        from bench.generators.hub import load

        autoencoder, transformer = (self.shipped.checked(part) for part in PARTS)
        codec = LatentCodec(load(embedded_autoencoder, autoencoder, "embedded").to(device))
        network = load(embedded_transformer, transformer, "embedded").to(device)
        return DiffusionTransformer(self.card(), codec, network)

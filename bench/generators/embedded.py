"""The generator that comes with the package: two small weight files and their card.

    weights/embedded/autoencoder.safetensors, transformer.safetensors, card.json

`bench train-generator` makes them; what they were trained with and what they reach is in the card.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.data.shapes import CLASSES
from bench.errors import BenchError
from bench.generators.architecture import IMAGE_SIZE, LATENT_SHAPE
from bench.generators.card import GeneratorCard

if TYPE_CHECKING:
    import torch

    from bench.generators.interface import Generator

HOME = Path(__file__).with_name("weights") / "embedded"
CARD = "card.json"
PARTS = ("autoencoder.safetensors", "transformer.safetensors")
SETS = ("shapenette", "shapewoof")
"""The real sets it was trained on; class i of the second has number 10 + i."""


class ListedFile(msgspec.Struct, frozen=True):
    """What the card says of a file."""

    bytes: int
    sha256: str


class Trained(msgspec.Struct, frozen=True):
    """What the card says of the training images."""

    sets: tuple[str, ...]


class ShippedCard(msgspec.Struct, frozen=True):
    """What is read of `card.json`; the rest is for people."""

    files: dict[str, ListedFile]
    data: Trained


@dataclass(frozen=True)
class Embedded:
    """A small diffusion transformer for the two procedural sets, 32 x 32 pixels."""

    description: str
    folder: Path = HOME
    sets: tuple[str, ...] = SETS

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the class ids of both sets, in the order of their numbers."""
        return tuple(class_id for name in SETS for class_id in CLASSES[name])

    def weights(self) -> str:
        """Return a hash of both weight files, as the card says it; BenchError if one is missing."""
        self.fetch()
        card = self._card()
        return "sha256:" + _hash("".join(card.files[part].sha256 for part in PARTS).encode())

    def fetch(self) -> tuple[Path, ...]:
        """Return autoencoder and transformer; BenchError if one of them or the card is missing."""
        for name in (CARD, *PARTS):
            if not (self.folder / name).is_file():
                raise BenchError(
                    f"The generator 'embedded' comes with the package, but {self.folder / name} is "
                    "missing: install the package again."
                )
        return tuple(self.folder / part for part in PARTS)

    def card(self) -> GeneratorCard:
        """Return the facts; BenchError if a file is missing."""
        from bench.generators.diffusion_transformer import block_names

        return GeneratorCard(
            name="embedded",
            weights=self.weights(),
            conditioning="class",
            classes=self.classes,
            image_size=IMAGE_SIZE,
            latent_shape=LATENT_SHAPE,
            layers=block_names(6),
            uses_imagenet_labels=False,
        )

    def open(self, device: torch.device) -> Generator:
        """Return the generator on a device; BenchError if a file is missing or not the listed one.

        Weights are stored in half precision and computed with in float32.
        """
        from bench.generators.architecture import embedded_autoencoder, embedded_transformer
        from bench.generators.autoencoder import LatentCodec
        from bench.generators.diffusion_transformer import DiffusionTransformer
        from bench.generators.hub import load

        autoencoder, transformer = self.fetch()
        listed = self._card()
        for path in (autoencoder, transformer):
            if _hash(path.read_bytes()) != listed.files[path.name].sha256:
                raise BenchError(
                    f"{path} is not the file that {CARD} lists: install the package again, or "
                    "export both anew with `bench train-generator export`."
                )
        codec = LatentCodec(load(embedded_autoencoder, autoencoder, "embedded").to(device))
        network = load(embedded_transformer, transformer, "embedded").to(device)
        return DiffusionTransformer(self.card(), codec, network)

    def _card(self) -> ShippedCard:
        path = self.folder / CARD
        try:
            card = msgspec.json.decode(path.read_bytes(), type=ShippedCard)
        except (OSError, msgspec.MsgspecError) as error:
            raise BenchError(
                f"{path} is not a readable card of a generator ({error}): install the package "
                "again."
            ) from error
        missing = set(PARTS) - set(card.files)
        if card.data.sets != SETS or missing:
            raise BenchError(
                f"{path} should list {' and '.join(PARTS)}, trained on {' and '.join(SETS)}, got "
                f"{sorted(card.files)} and {list(card.data.sets)}: install the package again."
            )
        return card


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""The weights that come with the package, and the card that lists them.

    generators/weights/embedded/{autoencoder,transformer,features}.safetensors, card.json

`bench train-generator` makes them; what they were trained with and what they reach is in the card.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.data.shapes import CLASSES
from bench.errors import BenchError

CARD = "card.json"
SETS = ("shapenette", "shapewoof")
"""The real sets they were trained on; class i of the second has number 10 + i."""
CLASS_IDS = tuple(class_id for name in SETS for class_id in CLASSES[name])
"""Class ids of both sets by their number."""


class ListedFile(msgspec.Struct, frozen=True):
    """What the card says of a file."""

    bytes: int
    sha256: str


class Trained(msgspec.Struct, frozen=True):
    """What the card says of the training images."""

    sets: tuple[str, ...]


class Listed(msgspec.Struct, frozen=True):
    """What is read of `card.json`; the rest is for people."""

    files: dict[str, ListedFile]
    data: Trained


@dataclass(frozen=True)
class ShippedWeights:
    """Weight files of half precision in one folder, with their card."""

    folder: Path

    def sha256(self, name: str) -> str:
        """Return the hash of a file as the card has it; BenchError if file or card is missing."""
        self.path(name)
        return self._listed(name).sha256

    def path(self, name: str) -> Path:
        """Return where a file lies; BenchError if it is missing."""
        path = self.folder / name
        if not path.is_file():
            raise BenchError(
                f"The weights of the embedded suite come with the package, but {path} is missing: "
                "install the package again."
            )
        return path

    def checked(self, name: str) -> Path:
        """Return where a file lies; BenchError if it is missing or is not the listed one."""
        path = self.path(name)
        if hashlib.sha256(path.read_bytes()).hexdigest() != self._listed(name).sha256:
            raise BenchError(
                f"{path} is not the file that {CARD} lists: install the package again, or "
                "export all anew with `bench train-generator export`."
            )
        return path

    def _listed(self, name: str) -> ListedFile:
        path = self.path(CARD)
        try:
            card = msgspec.json.decode(path.read_bytes(), type=Listed)
        except (OSError, msgspec.MsgspecError) as error:
            raise BenchError(
                f"{path} is not a readable card of the embedded weights ({error}): install the "
                "package again."
            ) from error
        if card.data.sets != SETS or name not in card.files:
            raise BenchError(
                f"{path} should list {name}, trained on {' and '.join(SETS)}, got "
                f"{sorted(card.files)} and {list(card.data.sets)}: install the package again."
            )
        return card.files[name]


PACKAGE = ShippedWeights(Path(__file__).parent / "generators" / "weights" / "embedded")
"""Those of this package."""

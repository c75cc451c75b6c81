"""Generators: pretrained latent diffusion models behind one interface, by name.

The registry holds where weights come from; `Pretrained` is the artefact that opens them once a
process. Looking names up imports no library and opens no weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from bench.errors import BenchError, unknown_name
from bench.generators.embedded import Embedded
from bench.generators.hub import (
    AUTOENCODER,
    DIT_XL_2_256,
    WEIGHTS,
    HubTransformer,
    stable_diffusion,
)

if TYPE_CHECKING:
    import torch

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.generators.interface import Generator, Source

GENERATORS: dict[str, Source] = {
    "embedded": Embedded("Small DiT for shapenette and shapewoof, 32 px, part of the package"),
    "dit-xl-2-256": HubTransformer(
        "dit-xl-2-256",
        "DiT-XL/2 for ImageNet's classes, 256 px, from the Hugging Face hub (3.3 GB)",
        ((f"transformer/{WEIGHTS}", DIT_XL_2_256), (f"vae/{WEIGHTS}", AUTOENCODER)),
    ),
    "sd-v1-5": stable_diffusion(
        "sd-v1-5", "Stable Diffusion 1.5, from prompts, 512 px, from the Hugging Face hub (4.3 GB)"
    ),
}
"""Every registered generator; the first that fits a set is taken for it unless one is named."""


def find_generator(name: str) -> Source:
    """Return a registered generator; UsageError with the closest name if there is none."""
    if name not in GENERATORS:
        raise unknown_name("generator", name, GENERATORS)
    return GENERATORS[name]


@dataclass(frozen=True)
class Pretrained:
    """An opened generator, shared by all units of a process.

    The artefact's folder holds where the weights were found; the weights stay where they are.
    """

    revision: ClassVar[int] = 1

    generator: str
    weights: str
    """What `Source.weights` says: a hash, or pinned revisions."""

    @classmethod
    def of(cls, name: str) -> Pretrained:
        """Return the artefact of a registered generator; BenchError if its weights are missing."""
        return cls(name, find_generator(name).weights())

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return nothing."""
        return ()

    def build(self, ctx: Context, out: Path) -> None:
        """Fetch the weights and write `files.json`: their names and sizes."""
        files = find_generator(self.generator).fetch()
        facts = {path.name: path.stat().st_size for path in files}
        (out / "files.json").write_bytes(msgspec.json.encode(facts, order="sorted") + b"\n")

    def load(self, path: Path, device: torch.device) -> Generator:
        """Return the generator on a device; BenchError if its weights have changed since."""
        self.check_unchanged()
        return find_generator(self.generator).open(device)

    def check_unchanged(self) -> None:
        """Raise BenchError if the weights are no longer those that this artefact was made of."""
        if find_generator(self.generator).weights() != self.weights:
            raise BenchError(
                f"The weights of {self.generator!r} have changed during this run: start it again."
            )

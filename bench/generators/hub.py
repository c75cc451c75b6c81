"""Generators on the Hugging Face hub: diffusion transformers and Stable Diffusion.

Where their files are looked for: see `bench.generators.hub_files`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.generators.card import Betas, GeneratorCard
from bench.generators.hub_files import HubFile, HubModel, in_short

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from bench.generators.interface import Generator

WEIGHTS = "diffusion_pytorch_model.safetensors"

AUTOENCODER = HubFile(
    "stabilityai/sd-vae-ft-mse",
    "31f26fdeee1355a5c34592e401dd41e45d25a493",
    WEIGHTS,
    "a1d993488569e928462932c8c38a0760b874d166399b14414135bd9c42df5815",
)
"""The autoencoder of DiT's own sampling scripts ("mse"), not the copy in DiT's repository."""

# The main branch has pickled weights only, which are never read here. This pull request of the
# hub's conversion service holds the same tensors in safetensors.
DIT_XL_2_256 = HubFile("facebook/DiT-XL-2-256", "refs/pr/1", f"transformer/{WEIGHTS}")

STABLE_DIFFUSION = (
    "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
)


@dataclass(frozen=True)
class HubTransformer(HubModel):
    """A class-conditional diffusion transformer with ImageNet's classes: DiT-XL/2."""

    latent_size: int = 32
    uses_imagenet_labels: bool = True

    @property
    def classes(self) -> tuple[str, ...]:
        """Return ImageNet's WordNet ids in the order of their labels."""
        from bench.data.classes import class_list

        return class_list("imagenet1k")

    @property
    def image_size(self) -> int:
        """Return the pixels per side of the images it makes."""
        return 8 * self.latent_size

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Return channels, height and width of a latent."""
        return (4, self.latent_size, self.latent_size)

    @property
    def layers(self) -> tuple[str, ...]:
        """Return its 28 blocks."""
        from bench.generators.diffusion_transformer import block_names

        return block_names(28)

    def card(self) -> GeneratorCard:
        """Return the facts, without the weights being opened."""
        return GeneratorCard(
            name=self.name,
            weights=self.weights(),
            conditioning="class",
            classes=self.classes,
            image_size=self.image_size,
            latent_shape=self.latent_shape,
            layers=self.layers,
            uses_imagenet_labels=self.uses_imagenet_labels,
        )

    def open(self, device: torch.device) -> Generator:
        """Return the generator on a device; BenchError if its weights cannot be had or read."""
        from bench.generators.autoencoder import LatentCodec
        from bench.generators.diffusion_transformer import DiffusionTransformer
        from bench.generators.layouts import dit_xl_2, sd_autoencoder

        transformer, autoencoder = self.fetch()
        codec = LatentCodec(load(sd_autoencoder, autoencoder, self.name).to(device))
        network = load(lambda: dit_xl_2(self.latent_size), transformer, self.name)
        return DiffusionTransformer(self.card(), codec, network.to(device))


@dataclass(frozen=True)
class HubText(HubModel):
    """A text-conditional generator in the layout of Stable Diffusion 1."""

    image_size: int = 512
    latent_shape: tuple[int, int, int] = (4, 64, 64)
    uses_imagenet_labels: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """Return nothing: a prompt can name any class, and no class id is known."""
        return ()

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the one layer that can be asked for, in the middle of the U-Net."""
        from bench.generators.text import MIDDLE

        return (MIDDLE,)

    def card(self) -> GeneratorCard:
        """Return the facts, without the weights being opened."""
        return GeneratorCard(
            name=self.name,
            weights=self.weights(),
            conditioning="text",
            classes=(),
            image_size=self.image_size,
            latent_shape=self.latent_shape,
            layers=self.layers,
            uses_imagenet_labels=self.uses_imagenet_labels,
            betas=Betas(8.5e-4, 1.2e-2, "scaled_linear"),
        )

    def open(self, device: torch.device) -> Generator:
        """Return the generator on a device; BenchError if its weights cannot be had or read."""
        from bench.generators.autoencoder import LatentCodec
        from bench.generators.layouts import sd_autoencoder, sd_unet
        from bench.generators.text import TextDiffusion, clip_encoder

        unet, autoencoder, *_, vocabulary = self.fetch()
        codec = LatentCodec(load(sd_autoencoder, autoencoder, self.name).to(device))
        encode = clip_encoder(vocabulary.parent.parent, device)
        network = load(sd_unet, unet, self.name).to(device)
        return TextDiffusion(self.card(), codec, network, encode)


def stable_diffusion(name: str, description: str) -> HubText:
    """Return Stable Diffusion 1.5 as a source."""
    places = (
        f"unet/{WEIGHTS}",
        f"vae/{WEIGHTS}",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/merges.txt",
        "tokenizer/special_tokens_map.json",
        "tokenizer/tokenizer_config.json",
        "tokenizer/vocab.json",
    )
    files = tuple((place, HubFile(*STABLE_DIFFUSION, place)) for place in places)
    return HubText(name, description, files)


def load(build: Callable[[], Any], path: Path, generator: str) -> Any:
    """Return the network of a layout with the weights of a safetensors file, in float32.

    Raises BenchError if the file cannot be read or holds another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from bench.generators.layouts import filled

    try:
        weights: dict[str, Tensor] = load_file(path)
        return filled(build, weights)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise BenchError(
            f"{path} does not hold the weights of {generator!r} ({in_short(error)}): fetch it "
            "again."
        ) from error

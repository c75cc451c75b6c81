"""Generators on the Hugging Face hub: pinned revisions, safetensors only, or a local folder.

Files are looked for in this order: below the folder `BENCH_GENERATORS` names, as
`<generator>/<path on the hub>`; in the hub's own cache; on the hub, where an interrupted download
is resumed. Nothing is asked of the network when all files are there, or when `--offline` or
`BENCH_OFFLINE=1` says so.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.generators.card import Betas, GeneratorCard

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from bench.generators.interface import Generator

FOLDER = "BENCH_GENERATORS"
"""The environment variable that names a folder of local generators."""

WEIGHTS = "diffusion_pytorch_model.safetensors"


@dataclass(frozen=True)
class HubFile:
    """One file of a repository on the hub, at a fixed revision."""

    repository: str
    revision: str
    path: str
    sha256: str = ""
    """Of its content, compared after a download; "" where it is not known."""

    def cached(self) -> Path | None:
        """Return where the hub's cache has the file, or None."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.repository, self.path, revision=self.revision)
        return Path(found) if isinstance(found, str) else None

    def download(self, generator: str) -> Path:
        """Return the file, downloaded if the cache lacks it; BenchError if it cannot be had."""
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

        from bench.data.download.network import is_offline

        if found := self.cached():
            return found
        if is_offline():
            raise BenchError(
                f"The weights of {generator!r} ({self.path} of {self.repository!r}) are not here "
                f"and nothing is fetched offline: run `bench fetch --generators {generator}` where "
                f"there is a network, or put the file at {generator}/{self.path} below a folder "
                f"that `{FOLDER}` names."
            )
        try:
            path = Path(hf_hub_download(self.repository, self.path, revision=self.revision))
        except (OSError, HfHubHTTPError, EntryNotFoundError) as error:
            raise BenchError(
                f"The weights of {generator!r} ({self.path} of {self.repository!r} on the Hugging "
                f"Face hub) are not here and cannot be fetched ({_reason(error)}): connect to the "
                f"network once, or put the file at {generator}/{self.path} below a folder that "
                f"`{FOLDER}` names."
            ) from error
        self._check(path)
        return path

    def _check(self, path: Path) -> None:
        if self.sha256 and (found := _sha256(path)) != self.sha256:
            raise BenchError(
                f"{self.path} of {self.repository!r} should have the sha256 {self.sha256[:12]}..., "
                f"got {found[:12]}...: remove {path} and fetch it again."
            )


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
class HubModel:
    """What generators from the hub have in common: files, local or downloaded."""

    name: str
    description: str
    files: tuple[tuple[str, HubFile], ...]
    """Path below a local folder of this generator, and the file on the hub."""
    sets: tuple[str, ...] = ()

    @property
    def local(self) -> Path | None:
        """Return the local folder of this generator, if `BENCH_GENERATORS` has one."""
        root = os.environ.get(FOLDER)
        folder = Path(root).expanduser() / self.name if root else None
        return folder if folder is not None and folder.is_dir() else None

    def weights(self) -> str:
        """Return the pinned revisions, or for local files a hash of their contents."""
        folder = self.local
        if folder is None:
            return " ".join(sorted({f"{f.repository}@{f.revision}" for _, f in self.files}))
        from bench.artefacts import default_cache
        from bench.data.revision import files_revision

        names = [place for place, _ in self.files]
        self._local_files(folder)
        return "sha256:" + files_revision(folder, names, names, default_cache())

    def present(self) -> bool:
        """Say whether all files are in the local folder or in the hub's cache."""
        folder = self.local
        if folder is not None:
            return all((folder / place).is_file() for place, _ in self.files)
        return all(file.cached() for _, file in self.files)

    def fetch(self) -> tuple[Path, ...]:
        """Return the files in order, downloaded where they are missing; BenchError if they cannot.

        A local folder is used as it is: nothing is downloaded beside it.
        """
        folder = self.local
        if folder is not None:
            return self._local_files(folder)
        return tuple(file.download(self.name) for _, file in self.files)

    def _local_files(self, folder: Path) -> tuple[Path, ...]:
        for place, _ in self.files:
            if not (folder / place).is_file():
                raise BenchError(
                    f"The local generator {self.name!r} needs {folder / place}, which is not "
                    "there: add it (safetensors only, pickled weights are never read), or unset "
                    f"`{FOLDER}`."
                )
        return tuple(folder / place for place, _ in self.files)


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
            f"{path} does not hold the weights of {generator!r} ({_reason(error)}): fetch it again."
        ) from error


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].split(". ")[0].rstrip(".:") if lines else type(error).__name__


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

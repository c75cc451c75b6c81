"""The one interface of generators: what samplers, methods and artefacts may ask of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from bench.generators.card import GeneratorCard


@dataclass(frozen=True, eq=False)
class Cond:
    """What a batch of images shall show, and what stands for "anything"."""

    given: Tensor
    """Class numbers int64 `[B]`, or embedded prompts `[B, tokens, width]`."""
    null: Tensor
    """The same with every class unknown or every prompt empty."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says of noisy latents `[B, C, h, w]`."""

    noise: Tensor
    """The noise after classifier-free guidance `[B, C, h, w]`."""
    variance: Tensor | None
    """Learned position between the two bounds of the log-variance, about -1 to 1; or none."""
    noise_given: Tensor
    """The noise the network sees under the condition, unguided."""
    noise_null: Tensor | None
    """The noise it sees without condition; None with guidance scale 1, which asks for none."""
    features: Tensor | None = None
    """Output of the asked layer under the condition, `[B, tokens, width]` or `[B, C, h, w]`."""


class Generator(Protocol):
    """A pretrained latent diffusion model: encoder, decoder and noise predictor.

    Its parameters take no gradient. Images are `[B, 3, H, W]` in [-1, 1]; latents are scaled as
    the noise predictor wants them.
    """

    @property
    def card(self) -> GeneratorCard:
        """Return the facts."""
        ...

    @property
    def device(self) -> torch.device:
        """Return where it computes."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """Return the type its latents have: float32, or float64 in checks."""
        ...

    def condition(self, classes: Sequence[str], prompts: Sequence[str] | None = None) -> Cond:
        """Return the condition of a batch: its class ids, or prompts where it wants text.

        Raises UsageError for a class it does not know.
        """
        ...

    def encode(self, images: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Return the posterior mean of latents `[B, C, h, w]`, or a sample if `rng` is given."""
        ...

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the latents' posterior, both `[B, C, h, w]`."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Return images, not clipped; differentiable in the latents."""
        ...

    def predict(
        self, x: Tensor, t: Tensor, cond: Cond, cfg: float, layer: str | None = None
    ) -> Prediction:
        """Return the prediction for noisy latents `x` at original timesteps `t`, int64 `[B]`.

        With a `layer`, its output is returned as well. Under gradient mode, it then alone carries
        the graph; without a layer, the prediction does.
        """
        ...

    def features(self, x: Tensor, t: Tensor, cond: Cond, layer: str) -> Tensor:
        """Return the output of `layer` under the condition; what comes after it is not computed."""
        ...


class Source(Protocol):
    """A registered generator: where its weights come from and how it is opened."""

    @property
    def description(self) -> str:
        """Return one line for lists."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the class ids it knows, by number; () if it is conditioned on text."""
        ...

    @property
    def sets(self) -> tuple[str, ...]:
        """Return the real sets it is taken for unasked; () means all whose classes it knows.

        WordNet ids mean the same everywhere; an id such as "cat" does not.
        """
        ...

    @property
    def image_size(self) -> int:
        """Return the pixels per side of the images it makes."""
        ...

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Return channels, height and width of a latent."""
        ...

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the layers whose output can be asked for, from input to output."""
        ...

    @property
    def uses_imagenet_labels(self) -> bool:
        """Say whether labels of ImageNet went into its training."""
        ...

    def weights(self) -> str:
        """Return what identifies the weights that `open` would load; BenchError if there are none.

        Nothing is downloaded.
        """
        ...

    def present(self) -> bool:
        """Say whether `open` would find all files without a download."""
        ...

    def fetch(self) -> tuple[Path, ...]:
        """Return the weight files, downloaded where they are missing; BenchError if they cannot be.

        Interrupted downloads are resumed.
        """
        ...

    def open(self, device: torch.device) -> Generator:
        """Return the generator on a device, fetching what is missing; BenchError if it cannot."""
        ...

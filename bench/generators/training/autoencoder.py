"""First stage: the autoencoder as a whole, then its decoder alone with the encoder frozen.

Paper:     Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", CVPR
           2022, whose autoencoder this is in small.
Differs:   the reconstruction loss is |d| + w d^2 of pixels, with neither a perceptual loss (its
           network has seen photographs) nor a discriminator; latents are standardised after the
           first phase, so that the scaling factor is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.generators.architecture import embedded_autoencoder, seeded
from bench.generators.training.figures import psnr
from bench.generators.training.images import eight_bit, fingerprint, signed
from bench.generators.training.latents import Latents, decode, encode, standardise
from bench.generators.training.result import plain, rounded_to_half, write_result
from bench.generators.training.stage import (
    Batches,
    Trained,
    Watch,
    learning_rate,
    normal,
    own_streams,
    train,
    update,
)  # fmt: skip
from bench.streams import Streams
from bench.training.checkpoint import Parts
from bench.training.examples import Examples
from bench.training.numerics import autocast, precision
from bench.training.recipe import Numerics

if TYPE_CHECKING:
    from collections.abc import Callable


WHOLE, DECODER = "whole", "decoder"


@dataclass(frozen=True)
class AutoencoderSettings:
    """What the autoencoder's weights follow from, besides the images."""

    seed: int = 0
    images_per_class: int = 1000
    """Rendered training images of each of the 20 classes."""
    steps: int = 20_000
    """Of the first phase."""
    decoder_steps: int = 8_000
    """Of the second phase."""
    batch: int = 16
    lr: float = 2e-3
    """Peak rate of Adam in the first phase."""
    decoder_lr: float = 1e-3
    warmup: int = 200
    """Steps of linear warm-up in both phases; half a cosine follows."""
    squared: float = 2.0
    """Weight of the mean squared error beside the mean absolute error, of pixels in [-1, 1]."""
    kl: float = 1e-4
    """Weight of the divergence from a standard normal, in nats per number of a latent."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    numerics: Numerics = "bf16"
    """Precision of products; losses and weights are float32."""


def train_autoencoder(
    images: Examples,
    tests: Examples,
    settings: AutoencoderSettings,
    folder: Path,
    device: torch.device,
    watch: Watch | None = None,
    build: Callable[[], Any] = embedded_autoencoder,
) -> bool:
    """Train both phases in `folder`, or go on with them, and say whether they are finished.

    A finished stage leaves `weights.safetensors` and `facts.json` with the PSNR of test images.
    """
    watch = watch or Watch()
    decided = {**plain(settings), "images": fingerprint(images)}
    streams = Streams((settings.seed,))
    model = seeded(build, streams.integer("autoencoder", "init")).to(device)
    first = AutoencoderLearner(model, images.images, settings, streams)
    # So that the decoder can be tuned again, from the same first phase, in a copy of the folder.
    earlier = {name: value for name, value in decided.items() if not name.startswith("decoder_")}
    whole = train(first, folder / WHOLE, settings.steps, earlier, watch)
    if not whole.finished:
        return False
    standardise(model, images.images)
    second = DecoderLearner(model, images.images, settings, streams)
    tuned = train(second, folder / DECODER, settings.decoder_steps, decided, watch)
    if not tuned.finished:
        return False
    _finish(folder, model, tests, decided, {WHOLE: whole, DECODER: tuned})
    return True


def _finish(
    folder: Path,
    model: Any,
    tests: Examples,
    decided: dict[str, Any],
    runs: dict[str, Trained],
) -> None:
    rounded_to_half(model)
    reconstructed = eight_bit(decode(model, encode(model, tests.images).mean)).cpu()
    measures = {"psnr_db": psnr(tests.images, reconstructed)}
    write_result(folder, model, decided, runs, measures)


class AutoencoderLearner:
    """Learns encoder and decoder together, from draws of the posterior."""

    def __init__(
        self,
        model: Any,
        images: Tensor,
        settings: AutoencoderSettings,
        streams: Streams,
    ) -> None:
        """Take the network on its device, and uint8 images `[N, 3, H, W]`."""
        self.model, self.settings, self.device = model, settings, model.device
        self.images = images.to(model.device)
        self.streams = own_streams(streams, "autoencoder")
        self.batches = Batches(len(images), settings.batch, self.streams)
        optimizer = torch.optim.Adam(model.parameters(), lr=settings.lr)
        self.parts = Parts(model, optimizer)

    def step(self, step: int) -> dict[str, Tensor]:
        """Learn one batch; "l1", "l2" and "kl" are the unweighted parts of "loss"."""
        wanted = self.settings
        images = signed(self.images[self.batches.indices(step).to(self.device)])
        self.model.train()
        with precision(wanted.numerics, self.device):
            with autocast(wanted.numerics, self.device):
                posterior = self.model.encode(images).latent_dist
                noise = normal(self.streams, "posterior", step, posterior.mean)
                decoded = self.model.decode(posterior.mean + posterior.std * noise).sample
            l1, l2 = reconstruction_losses(decoded.float(), images)
            divergence = kl_divergence(posterior.mean.float(), posterior.logvar.float())
            loss = l1 + wanted.squared * l2 + wanted.kl * divergence
            rate = learning_rate(step, wanted.steps, wanted.lr, wanted.warmup)
            update(self.parts.optimizer, loss, rate, wanted.clip)
        losses = {"loss": loss, "l1": l1, "l2": l2, "kl": divergence}
        return {name: value.detach() for name, value in losses.items()}


class DecoderLearner:
    """Learns the decoder alone, from draws of the posterior that a frozen encoder gave once."""

    def __init__(
        self,
        model: Any,
        images: Tensor,
        settings: AutoencoderSettings,
        streams: Streams,
    ) -> None:
        """Take the trained network on its device, and uint8 images `[N, 3, H, W]`."""
        self.model, self.settings, self.device = model, settings, model.device
        self.images = images.to(model.device)
        self.latents: Latents = encode(model, images)
        self.streams = own_streams(streams, "decoder")
        self.batches = Batches(len(images), settings.batch, self.streams)
        tuned = [
            parameter
            for name, parameter in model.named_parameters()
            if name.startswith(("decoder.", "post_quant_conv."))
        ]
        self.parts = Parts(model, torch.optim.Adam(tuned, lr=settings.decoder_lr))

    def step(self, step: int) -> dict[str, Tensor]:
        """Learn one batch; "l1" and "l2" are the unweighted parts of "loss"."""
        wanted, index = self.settings, self.batches.indices(step)
        images = signed(self.images[index.to(self.device)])
        self.model.train()
        with precision(wanted.numerics, self.device):
            with autocast(wanted.numerics, self.device):
                decoded = self.model.decode(self.latents.sample(index, self.streams, step)).sample
            l1, l2 = reconstruction_losses(decoded.float(), images)
            loss = l1 + wanted.squared * l2
            rate = learning_rate(step, wanted.decoder_steps, wanted.decoder_lr, wanted.warmup)
            update(self.parts.optimizer, loss, rate, wanted.clip)
        return {"loss": loss.detach(), "l1": l1.detach(), "l2": l2.detach()}


def reconstruction_losses(decoded: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean absolute and the mean squared difference of two batches."""
    difference = decoded - images
    return difference.abs().mean(), difference.square().mean()


def kl_divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """Return the divergence of normals from the standard one, in nats per number."""
    return 0.5 * (mean.square() + logvar.exp() - 1.0 - logvar).mean()

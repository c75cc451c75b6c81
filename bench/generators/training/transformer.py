"""Second stage: the diffusion transformer, on latents that are encoded once.

Paper:     Peebles & Xie, "Scalable Diffusion Models with Transformers", ICCV 2023.
Reference: facebookresearch/DiT, train.py.
Differs:   warm-up, a cosine and gradient clipping, because the training is short; a label is
           dropped once per image, outside of the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers.training_utils import EMAModel
from torch import Tensor

from bench.generators.architecture import embedded_transformer, seeded
from bench.generators.card import Betas
from bench.generators.training.diffusion import Tables
from bench.generators.training.images import fingerprint
from bench.generators.training.latents import Latents, encode
from bench.generators.training.result import plain, rounded_to_half, write_result
from bench.generators.training.stage import (
    Batches,
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


@dataclass(frozen=True)
class TransformerSettings:
    """What the transformer's weights follow from, besides the images and the autoencoder."""

    seed: int = 0
    images_per_class: int = 2000
    """Rendered training images of each of the 20 classes."""
    steps: int = 18_000
    batch: int = 64
    lr: float = 8e-4
    """Peak rate of AdamW."""
    warmup: int = 500
    """Steps of linear warm-up; half a cosine follows."""
    weight_decay: float = 0.0
    average: float = 0.999
    """Decay of the moving average of the weights, which is what is shipped."""
    drop: float = 0.1
    """Probability that an image's label is replaced by the null label."""
    bound: float = 1.0
    """Weight of the variational bound beside the error of the noise; 1 is the official one."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    numerics: Numerics = "tf32"


def train_transformer(
    images: Examples,
    autoencoder: tuple[Any, str],
    settings: TransformerSettings,
    folder: Path,
    device: torch.device,
    watch: Watch | None = None,
    build: Callable[[], Any] = embedded_transformer,
) -> bool:
    """Train in `folder`, or go on there, and say whether it is finished.

    `autoencoder` is the trained network, on any device, and the hash of its weights. A finished
    stage leaves `weights.safetensors`, the moving average, and `facts.json`.
    """
    coder, weights = autoencoder
    decided = {**plain(settings), "images": fingerprint(images), "autoencoder": weights}
    streams = Streams((settings.seed,))
    model = seeded(build, streams.integer("transformer", "init")).to(device)
    latents = encode(coder.to(device), images.images)
    learner = TransformerLearner(model, latents, images.labels, settings, streams)
    trained = train(learner, folder, settings.steps, decided, watch or Watch())
    if trained.finished:
        learner.average.copy_to(model.parameters())
        rounded_to_half(model)
        write_result(folder, model, decided, {"": trained}, {})
    return trained.finished


class TransformerLearner:
    """Learns the noise and its variance from noisy latents, timesteps and labels."""

    def __init__(
        self,
        model: Any,
        latents: Latents,
        labels: Tensor,
        settings: TransformerSettings,
        streams: Streams,
    ) -> None:
        """Take the network and the latents on one device, and the labels int64 `[N]`."""
        self.model, self.latents, self.settings = model, latents, settings
        self.device: torch.device = model.device
        self.labels = labels
        self.streams = own_streams(streams, "transformer")
        self.batches = Batches(len(latents), settings.batch, self.streams)
        self.tables = Tables.of(Betas(), self.device)
        self.average = moving_average(model, settings.average)
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay, fused=True
        )
        self.parts = Parts(model, optimizer, self.average)

    def step(self, step: int) -> dict[str, Tensor]:
        """Learn one batch; "mse" and "bound" are the parts of "loss"."""
        wanted, index = self.settings, self.batches.indices(step)
        clean = self.latents.sample(index, self.streams, step)
        noise = normal(self.streams, "noise", step, clean)
        t, labels = (part.to(self.device) for part in self._drawn(index, step))
        self.model.train()
        with precision(wanted.numerics, self.device):
            with autocast(wanted.numerics, self.device):
                output = self.model(self.tables.noisy(clean, noise, t), t, labels).sample
            errors, bounds = self.tables.losses(output.float(), clean, noise, t)
            loss = (errors + wanted.bound * bounds).mean()
            rate = learning_rate(step, wanted.steps, wanted.lr, wanted.warmup)
            update(self.parts.optimizer, loss, rate, wanted.clip)
        self.average.step(self.model.parameters())
        parts = {"loss": loss, "mse": errors.mean(), "bound": bounds.mean()}
        return {name: value.detach() for name, value in parts.items()}

    def _drawn(self, index: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Return a timestep and a label for every image of a batch, int64 `[B]` on the CPU."""
        times = self.streams.torch("timestep", step)
        t = torch.randint(len(self.tables), (len(index),), generator=times)
        null = int(self.model.config.num_embeds_ada_norm)
        rng = self.streams.torch("drop", step)
        return t, dropped(self.labels[index], null, self.settings.drop, rng)


def dropped(labels: Tensor, null: int, probability: float, rng: torch.Generator) -> Tensor:
    """Return labels int64 `[B]`, each replaced by `null` with a probability."""
    chosen = torch.rand(len(labels), generator=rng) < probability
    return torch.where(chosen, null, labels)


def moving_average(model: torch.nn.Module, decay: float) -> EMAModel:
    """Return the moving average of a model's parameters.

    The first step copies them; step n from 2 keeps min(decay, n / (9 + n)) of the average, so that
    a short training does not ship its first weights.
    """
    return EMAModel(model.parameters(), decay=decay, foreach=True)

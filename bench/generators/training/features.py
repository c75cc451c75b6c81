"""The feature network of the embedded suite: a classifier of all 20 classes, trained by epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.generators.architecture import IMAGE_SIZE, feature_network, seeded
from bench.generators.training.images import CLASSES_PER_SET, fingerprint
from bench.generators.training.result import plain, rounded_to_half, write_result
from bench.generators.training.stage import Watch, own_streams, train
from bench.shipped import SETS
from bench.streams import Streams
from bench.training.checkpoint import Parts
from bench.training.examples import Examples
from bench.training.learner import Training
from bench.training.numerics import precision
from bench.training.recipe import Recipe, settled


@dataclass(frozen=True)
class FeatureSettings:
    """What the feature network's weights follow from, besides the images."""

    seed: int = 0
    images_per_class: int = 500
    """Training images of each of the 20 classes: those of the two sets, and no more."""
    steps: int = 20
    """Epochs: a step of this training is a pass over the images."""
    batch: int = 128
    lr: float = 2e-3
    """First rate of AdamW; a cosine follows."""
    weight_decay: float = 0.01
    mix_probability: float = 0.5
    """Share of batches under CutMix."""


def train_features(
    images: Examples,
    tests: Examples,
    settings: FeatureSettings,
    folder: Path,
    device: torch.device,
    watch: Watch | None = None,
    build: Callable[[], nn.Module] = feature_network,
) -> bool:
    """Train in `folder`, or go on there, and say whether it is finished.

    A finished stage leaves `weights.safetensors` and `facts.json` with the test accuracies.
    """
    decided = {**plain(settings), "images": fingerprint(images)}
    streams = Streams((settings.seed,))
    model = seeded(build, streams.integer("features", "init"))
    recipe = short_recipe(
        settings.steps, settings.batch, settings.lr, settings.weight_decay, settings.mix_probability
    )
    learner = EpochLearner(model, images, recipe, own_streams(streams, "features"), device)
    trained = train(learner, folder, settings.steps, decided, watch or Watch())
    if trained.finished:
        rounded_to_half(model)
        per_class = learner.training.test(tests.to(device))[1]
        write_result(folder, model, decided, {"": trained}, _by_set(per_class))
    return trained.finished


def short_recipe(
    epochs: int, batch: int, lr: float = 2e-3, decay: float = 0.01, mix_probability: float = 0.5
) -> Recipe:
    """Return the recipe of networks that measure and are not measured: few epochs of AdamW."""
    return Recipe(
        resolution=IMAGE_SIZE,
        crop_scale=(0.7, 1.0),
        jitter=0.2,
        lighting=0.0,
        mix_probability=mix_probability,
        optimizer="adamw",
        lr=lr,
        weight_decay=decay,
        decay_on="matrices",
        schedule="cosine",
        epochs=epochs,
        batch=batch,
        evaluations=1,
    )


class EpochLearner:
    """Trains a classifier as students are trained; one step is an epoch."""

    def __init__(
        self,
        model: nn.Module,
        images: Examples,
        recipe: Recipe,
        streams: Streams,
        device: torch.device,
    ) -> None:
        """Take the network on the CPU and its images on any device."""
        self.device = device
        self.training = Training(model.to(device), images.to(device), recipe, streams, device)
        self.parts = Parts(model, self.training.optimizer)

    @property
    def epochs(self) -> int:
        """Return the number of steps of the whole training."""
        return settled(self.training.recipe.epochs, "epochs")

    def step(self, step: int) -> dict[str, Tensor]:
        """Learn all images once; "loss" is the mean over the epoch."""
        with precision(self.training.recipe.numerics, self.device):
            return {"loss": torch.tensor(self.training.epoch(step), dtype=torch.float64)}


def _by_set(per_class: tuple[float, ...]) -> dict[str, float]:
    """Return the accuracy of each set among all 20 classes, in percent."""
    measures = {}
    for number, name in enumerate(SETS):
        own = per_class[number * CLASSES_PER_SET : (number + 1) * CLASSES_PER_SET]
        measures[f"accuracy_{name}"] = sum(own) / len(own)
    return measures

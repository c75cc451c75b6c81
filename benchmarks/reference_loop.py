"""Train a student the way the official scripts do: eager, float32, one `.item()` a step.

Reference: vimar-gu/MinimaxDiffusion @ 969fc6f, train.py, for the steps and their order. The code is
           new; it shares the recipe with the engine of `bench.training`, and nothing else but the
           switch of TF32: not its augmentation, mixing, loss, schedule or loop.
Differs:   tests keep no gradients, and the last epoch is always tested.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import MultiStepLR

from bench.training.numerics import precision
from bench.training.recipe import Recipe, settled
from benchmarks.reference_images import (
    Photos,
    PlainView,
    TrainingView,
    Views,
    num_workers,
    ordered_batches,
    training_batches,
)
from benchmarks.reference_mix import draw_paste
from benchmarks.reference_recipe import due, milestones, require_spoken

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class ReferenceRun:
    """What a whole training has shown."""

    epochs: tuple[int, ...]
    """Epochs finished at every test, ascending."""
    accuracy: tuple[float, ...]
    """Top-1 accuracy in percent, one a test."""
    images_per_second: float
    """Training images over the time of the epochs, tests left out."""

    @property
    def last(self) -> float:
        """Return the accuracy after the last epoch."""
        return self.accuracy[-1]

    @property
    def best(self) -> float:
        """Return the highest accuracy, which is chosen on the test images."""
        return max(self.accuracy)


class ReferenceTraining:
    """A student in training: its loaders, its optimizer and the two things that can be done next.

    Seeds the global generators of torch and Python, as the scripts do. Loader workers run until
    `close`.
    """

    def __init__(
        self,
        model: nn.Module,
        photos: Photos,
        tests: Photos,
        recipe: Recipe,
        device: torch.device,
        *,
        seed: int = 0,
        workers: int | None = None,
    ) -> None:
        """Prepare to train `model` (in place) by a resolved recipe; ValueError for one not spoken.

        `workers` of None are as many as the scripts would start here.
        """
        require_spoken(recipe)
        torch.manual_seed(seed)
        random.seed(seed)
        self._rng = np.random.default_rng(seed)
        self.model, self.recipe, self.device = model.to(device), recipe, device
        self._side, batch = settled(recipe.resolution, "resolution"), settled(recipe.batch, "batch")
        self.steps, self.num_images = math.ceil(len(photos) / batch), len(photos)
        self.optimizer = torch.optim.SGD(
            model.parameters(),
            lr=settled(recipe.lr, "lr"),
            momentum=recipe.momentum,
            weight_decay=settled(recipe.weight_decay, "weight_decay"),
        )
        cuts = milestones(settled(recipe.epochs, "epochs"))
        self.schedule = MultiStepLR(self.optimizer, cuts, gamma=recipe.gamma)
        workers = num_workers() if workers is None else workers
        scale = settled(recipe.crop_scale, "crop_scale")
        view = TrainingView(self._side, scale, recipe.flip, recipe.jitter, recipe.lighting)
        self._batches = training_batches(Views(photos, view), batch, workers, device)
        self._tests: Iterable[tuple[Tensor, Tensor]] = ordered_batches(
            Views(tests, PlainView(self._side)), max(1, batch // 2), workers, device
        )

    def epoch(self) -> float:
        """Train one epoch and return its mean loss."""
        self.model.train()
        total = 0.0
        for _ in range(self.steps):
            images, labels = self._to_device(next(self._batches))
            total += self._step(images, labels) * len(labels)
        self.schedule.step()
        return total / self.num_images

    def _step(self, images: Tensor, labels: Tensor) -> float:
        paste = draw_paste(self.recipe, self._side, self._rng)
        if paste is None:
            loss = functional.cross_entropy(self.model(images), labels)
        else:
            partner = torch.randperm(len(labels)).to(self.device)
            images[:, :, paste.rows, paste.columns] = images[partner, :, paste.rows, paste.columns]
            logits = self.model(images)
            own = functional.cross_entropy(logits, labels)
            other = functional.cross_entropy(logits, labels[partner])
            loss = paste.ratio * own + (1.0 - paste.ratio) * other
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def test(self) -> float:
        """Return the accuracy on all test images in percent."""
        self.model.eval()
        hits = seen = 0
        for batch in self._tests:
            images, labels = self._to_device(batch)
            hits += int((self.model(images).argmax(dim=1) == labels).sum().item())
            seen += len(labels)
        return 100.0 * hits / seen

    def close(self) -> None:
        """Let go of the loaders, which ends their workers."""
        self._batches, self._tests = iter(()), ()

    def _to_device(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        images, labels = batch
        return (
            images.to(self.device, non_blocking=True),
            labels.to(self.device, non_blocking=True),
        )


@contextmanager
def script_settings(recipe: Recipe, device: torch.device) -> Iterator[None]:
    """Search for the fastest convolutions, as the scripts ask cuDNN to; products as the recipe."""
    searched = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        with precision(recipe.numerics, device):
            yield
    finally:
        torch.backends.cudnn.benchmark = searched


def train_reference(
    model: nn.Module,
    photos: Photos,
    tests: Photos,
    recipe: Recipe,
    device: torch.device,
    *,
    seed: int = 0,
    workers: int | None = None,
) -> ReferenceRun:
    """Train `model` in place for all epochs of a resolved recipe and return what was seen.

    Raises ValueError if the recipe is not resolved or asks for what the scripts do not have.
    """
    training = ReferenceTraining(model, photos, tests, recipe, device, seed=seed, workers=workers)
    epochs = settled(recipe.epochs, "epochs")
    evaluations = settled(recipe.evaluations, "evaluations")
    tested, accuracy, seconds = [], [], 0.0
    try:
        with script_settings(recipe, device):
            for epoch in range(1, epochs + 1):
                started = time.perf_counter()
                training.epoch()
                seconds += time.perf_counter() - started
                if due(epoch, epochs, evaluations):
                    tested.append(epoch)
                    accuracy.append(training.test())
    finally:
        training.close()
    return ReferenceRun(tuple(tested), tuple(accuracy), epochs * len(photos) / seconds)

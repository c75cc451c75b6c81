"""Train a network from scratch on images that live on the device, and test it as it learns.

A batch is augmented, mixed and learned without waiting for the device: losses and hits are added
up there and read once per epoch and once per test.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.augment import Views, augment, draw_mixing, draw_views
from bench.augment.colour import normalised
from bench.errors import BenchError
from bench.streams import Streams
from bench.training.loss import make_optimizer, mixed_loss
from bench.training.numerics import autocast, precision
from bench.training.recipe import Recipe, settled
from bench.training.schedule import evaluation_epochs, learning_rate

TEST_PIXELS = defaultdict(lambda: 2**24, cpu=2**20)
"""Pixels per test batch: 334 images of 224 x 224 on a GPU, 1024 of 32 x 32 on a CPU."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Images of one size with their labels."""

    images: Tensor
    """uint8 `[N, 3, H, W]`."""
    labels: Tensor
    """int64 `[N]`."""
    weights: Tensor | None = None
    """Weight of every image in the training loss, float32 `[N]`, mean 1; None means all 1."""

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4 or not len(self.images):
            shape = list(self.images.shape)
            raise ValueError(
                f"`images` must be uint8 [N, 3, H, W] with N > 0, got {self.images.dtype} {shape}."
            )
        for name, values in (("labels", self.labels), ("weights", self.weights)):
            if values is not None and values.shape != self.images.shape[:1]:
                raise ValueError(
                    f"`{name}` must hold one value for each of {len(self.images)} images, "
                    f"got shape {list(values.shape)}."
                )

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device) -> Examples:
        """Return the same on a device."""
        weights = None if self.weights is None else self.weights.to(device)
        return Examples(self.images.to(device), self.labels.to(device), weights)


@dataclass(frozen=True)
class Curves:
    """What was seen while a network was trained; all tuples but the last have one value a test."""

    epochs: tuple[int, ...]
    """Epochs finished at every test, ascending; the last is the last epoch."""
    accuracy: tuple[float, ...]
    """Top-1 accuracy in percent."""
    loss: tuple[float, ...]
    """Mean training loss of the epoch before the test, of mixed images where they are mixed."""
    per_class_last: tuple[float, ...]
    """Accuracy of every class at the last test, in percent; NaN for a class without images."""
    updates: int
    """Optimizer steps in all."""


def _silent(done: int, total: int) -> None:
    """Report no progress."""


def train(
    model: nn.Module,
    examples: Examples,
    tests: Examples,
    recipe: Recipe,
    streams: Streams,
    device: torch.device,
    progress: Callable[[int, int], None] = _silent,
) -> Curves:
    """Train `model` in place and return its curves.

    `tests` have the recipe's resolution already. Randomness comes from the streams "order",
    "augment" and "mix" of every epoch. A last batch shorter than the others is kept. `progress` is
    called after every epoch with the updates done and all updates.

    Raises BenchError when the loss is no longer finite, when the device runs out of memory and when
    batch norm meets a last batch of one image whose feature maps are 1 x 1: as in the official
    code, the image is neither dropped nor moved to another batch. ValueError if the recipe is not
    resolved.
    """
    with _plain_errors(recipe, len(examples)), precision(recipe.numerics, device):
        training = Training(model.to(device), examples.to(device), recipe, streams, device)
        return _run(training, tests.to(device), progress)


def _run(training: Training, tests: Examples, progress: Callable[[int, int], None]) -> Curves:
    epochs, due = settled(training.recipe.epochs, "epochs"), evaluation_epochs(training.recipe)
    accuracy, losses, per_class = [], [], tuple[float, ...]()
    for epoch in range(epochs):
        loss = training.epoch(epoch)
        if not math.isfinite(loss):
            raise BenchError(
                f"The training loss became {loss} in epoch {epoch + 1} of {epochs}: "
                "lower `lr`, or look for images without content."
            )
        if epoch + 1 in due:
            top1, per_class = training.test(tests)
            accuracy.append(top1)
            losses.append(loss)
        progress((epoch + 1) * training.steps, epochs * training.steps)
    return Curves(due, tuple(accuracy), tuple(losses), per_class, epochs * training.steps)


class Training:
    """A network in training: its data, its optimizer and the two things that can be done next."""

    def __init__(
        self,
        model: nn.Module,
        examples: Examples,
        recipe: Recipe,
        streams: Streams,
        device: torch.device,
    ) -> None:
        """Prepare to train; the model and the examples are on the device already."""
        self.model, self.examples, self.recipe = model, examples, recipe
        self.streams, self.device = streams, device
        self.batch = settled(recipe.batch, "batch")
        self.optimizer = make_optimizer(model, recipe)
        height, width = examples.images.shape[2:]
        self._sizes = torch.tensor([[height, width]]).expand(len(examples), 2)

    @property
    def steps(self) -> int:
        """Return the number of updates in an epoch."""
        return math.ceil(len(self.examples) / self.batch)

    def epoch(self, epoch: int) -> float:
        """Train one epoch, counted from 0, and return its mean loss."""
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, epoch)
        views = draw_views(self.recipe, self._sizes, self.streams, epoch).to(self.device)
        order = torch.randperm(len(self.examples), generator=self.streams.torch("order", epoch))
        total = torch.zeros((), device=self.device)
        for number, index in enumerate(torch.split(order, self.batch)):
            total += self._step(views, index, epoch, number) * len(index)
        return total.item() / len(self.examples)

    def _step(self, views: Views, index: Tensor, epoch: int, number: int) -> Tensor:
        """Learn one batch and return its loss, on the device and detached."""
        mixing = draw_mixing(self.recipe, len(index), self.streams, epoch, number)
        # TF32 would round pixels to 11 bits, which the augmentation is tested not to do.
        with precision("fp32", self.device):
            inputs = augment(self.examples.images, views, index, self.recipe)
            if mixing is not None:
                mixing = mixing.to(self.device)
                inputs = mixing.apply(inputs)
        index = index.to(self.device, non_blocking=True)
        weights = None if self.examples.weights is None else self.examples.weights[index]
        with autocast(self.recipe.numerics, self.device):
            logits = self.model(inputs)
        loss = mixed_loss(logits.float(), self.examples.labels[index], weights, mixing)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def test(self, tests: Examples) -> tuple[float, tuple[float, ...]]:
        """Return the accuracy in percent, of all images and of every class.

        The network is put into evaluation mode; nothing of it changes.
        """
        self.model.eval()
        logits = torch.cat([self._logits(part) for part in self._test_batches(tests)])
        hits = (logits.argmax(dim=1) == tests.labels).double()
        right = tests.labels.bincount(weights=hits, minlength=logits.shape[1])
        per_class = 100.0 * right / tests.labels.bincount(minlength=logits.shape[1])
        return 100.0 * hits.mean().item(), tuple(per_class.tolist())

    def _test_batches(self, tests: Examples) -> tuple[Tensor, ...]:
        height, width = tests.images.shape[2:]
        size = max(1, TEST_PIXELS[self.device.type] // (height * width))
        return torch.split(tests.images, size)

    def _logits(self, images: Tensor) -> Tensor:
        with autocast(self.recipe.numerics, self.device):
            logits: Tensor = self.model(normalised(images))
        return logits


@contextmanager
def _plain_errors(recipe: Recipe, num_images: int) -> Iterator[None]:
    """Say in one sentence what a user can mend; let every other error pass."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise BenchError(
            f"The device ran out of memory with batches of {recipe.batch} images of "
            f"{recipe.resolution} x {recipe.resolution} pixels: "
            "lower `batch` or `resolution`, or free the device."
        ) from error
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):  # torch's words
            raise
        raise BenchError(
            f"A batch of one image with feature maps of 1 x 1 cannot be normalised: {num_images} "
            f"images in batches of {recipe.batch}. Choose a `batch` that leaves no last image "
            "alone, or a larger `resolution`."
        ) from error

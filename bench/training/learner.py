"""A network in training on images that live on the device: one epoch, one test.

A batch is augmented, mixed and learned without waiting for the device: losses and hits are added
up there and read once per epoch and once per test.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bench.augment import Views, augment, draw_mixing, draw_views
from bench.augment.colour import normalised
from bench.streams import Streams
from bench.training.compiling import CompiledNetwork, Compiling
from bench.training.examples import Examples
from bench.training.feed import batches
from bench.training.loss import make_optimizer, mixed_loss
from bench.training.numerics import autocast, precision
from bench.training.recipe import Recipe, settled
from bench.training.schedule import learning_rate

TEST_PIXELS = defaultdict(lambda: 2**24, cpu=2**17)
"""Pixels per test batch: 334 images of 224 x 224 on a GPU, 128 of 32 x 32 on a CPU, whose cache
holds no more."""


class Training:
    """A network in training: its data, its optimizer and the two things that can be done next."""

    def __init__(
        self,
        model: nn.Module,
        examples: Examples,
        recipe: Recipe,
        streams: Streams,
        device: torch.device,
        compiling: Compiling | None = None,
    ) -> None:
        """Prepare to train; the model is on the device already, and the examples if they fit."""
        self.model, self.examples, self.recipe = model, examples, recipe
        self.streams, self.device = streams, device
        self.batch = settled(recipe.batch, "batch")
        self.optimizer = make_optimizer(model, recipe)
        self.test_pixels = TEST_PIXELS[device.type]
        self._compiled: CompiledNetwork | None = None
        if compiling and compiling.wanted(model, recipe, len(examples), device):
            self._compiled = CompiledNetwork(model, compiling.note)
        height, width = examples.images.shape[2:]
        self._sizes = torch.tensor([[height, width]]).expand(len(examples), 2)

    @property
    def steps(self) -> int:
        """Return the number of updates in an epoch."""
        return math.ceil(len(self.examples) / self.batch)

    @property
    def compiled(self) -> bool:
        """Say whether the passes are compiled."""
        return self._compiled is not None and self._compiled.compiled

    def epoch(self, epoch: int) -> float:
        """Train one epoch, counted from 0, and return its mean loss."""
        self.model.train()
        with self._own_randomness(epoch):
            return self._epoch(epoch)

    def _epoch(self, epoch: int) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, epoch)
        views = draw_views(self.recipe, self._sizes, self.streams, epoch).to(self.device)
        order = torch.randperm(len(self.examples), generator=self.streams.torch("order", epoch))
        indices = torch.split(order, self.batch)
        fed = batches(self.examples.images, indices, self.device)
        total = torch.zeros((), device=self.device)
        for number, (index, images) in enumerate(zip(indices, fed, strict=True)):
            total += self._step(images, views, index, epoch, number) * len(index)
        return total.item() / len(self.examples)

    @contextmanager
    def _own_randomness(self, epoch: int) -> Iterator[None]:
        """Give dropout its numbers: it draws from torch's global generators, which are put back."""
        cards = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cards):
            torch.manual_seed(self.streams.integer("dropout", epoch))
            yield

    def _step(self, images: Tensor, views: Views, index: Tensor, epoch: int, number: int) -> Tensor:
        """Learn one batch and return its loss, on the device and detached."""
        mixing = draw_mixing(self.recipe, len(index), self.streams, epoch, number)
        # TF32 would round pixels to 11 bits, which the augmentation is tested not to do.
        with precision("fp32", self.device):
            inputs = augment(images, views, index, self.recipe)
            if mixing is not None:
                mixing = mixing.to(self.device)
                inputs = mixing.apply(inputs)
        index = index.to(self.device, non_blocking=True)
        weights = None if self.examples.weights is None else self.examples.weights[index]
        with autocast(self.recipe.numerics, self.device):
            logits = self._forward(inputs)
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
        logits = self._tested(tests.images)
        hits = (logits.argmax(dim=1) == tests.labels).double()
        right = tests.labels.bincount(weights=hits, minlength=logits.shape[1])
        per_class = 100.0 * right / tests.labels.bincount(minlength=logits.shape[1])
        return 100.0 * hits.mean().item(), tuple(per_class.tolist())

    def _tested(self, images: Tensor) -> Tensor:
        """Return the logits of all images; where memory runs out, in ever smaller batches.

        The training's own batch is never changed: that would be another recipe.
        """
        height, width = images.shape[2:]
        while True:
            size = min(len(images), max(1, self.test_pixels // (height * width)))
            try:
                parts = torch.split(torch.arange(len(images)), size)
                fed = batches(images, parts, self.device)
                return torch.cat([self._logits(part, size) for part in fed])
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
            # After the handler, because the error holds on to what was allocated.
            self.test_pixels = size // 2 * height * width
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    def _logits(self, images: Tensor, size: int) -> Tensor:
        missing = size - len(images)
        if missing and self.compiled:  # one shape less to compile; images know nothing of others
            images = torch.cat([images, images[:1].expand(missing, -1, -1, -1)])
        with autocast(self.recipe.numerics, self.device):
            logits = self._forward(normalised(images))
        return logits[: size - missing]

    def _forward(self, images: Tensor) -> Tensor:
        logits: Tensor = (self._compiled or self.model)(images)
        return logits

"""A network in training on images that live on the device: one epoch, one test.

A batch is augmented, mixed, asked about and learned without waiting for the device: losses and hits
are added up there and read once per epoch and once per test.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bench.augment.colour import normalised
from bench.streams import Streams
from bench.training.compiling import CompiledNetwork, Compiling
from bench.training.examples import Examples
from bench.training.feed import batches, streamed
from bench.training.loss import make_optimizer
from bench.training.norms import update_more
from bench.training.numerics import autocast
from bench.training.recipe import Recipe, settled
from bench.training.schedule import learning_rate
from bench.training.sight import Batch, draw_sight, seen
from bench.training.targets import OneHot, Targets

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
        targets: Targets | None = None,
        seeing: Streams | None = None,
    ) -> None:
        """Prepare to train; the model is on the device already, and the examples if they fit.

        `targets` say what is learned, by default the labels of the examples. `seeing` are the
        streams of order, views and mixings, by default those of dropout as well.
        """
        self.model, self.examples, self.recipe = model, examples, recipe
        self.streams, self.seeing, self.device = streams, seeing or streams, device
        self.batch = settled(recipe.batch, "batch")
        self.targets: Targets = targets or OneHot(examples.labels, examples.weights)
        self.optimizer = make_optimizer(model, recipe)
        self.test_pixels = TEST_PIXELS[device.type]
        update_more(model, recipe.norm_updates)
        self._compiled: CompiledNetwork | None = None
        if compiling and compiling.wanted(model, recipe, len(examples), device, self.targets.flops):
            self._compiled = CompiledNetwork(model, compiling.note)
            self.targets.compile(compiling.note)
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
        sight = draw_sight(self.recipe, self._sizes, self.seeing, epoch)
        self.targets.begin(epoch, sight)
        images, mapped = self.examples.images, self.examples.mapped
        total = torch.zeros((), device=self.device)
        for batch in seen(sight, images, self.recipe, self.device, epoch, mapped):
            total += self._learn(batch)
        return total.item() / len(self.examples)

    @contextmanager
    def _own_randomness(self, epoch: int) -> Iterator[None]:
        """Give dropout its numbers: it draws from torch's global generators, which are put back."""
        cards = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cards):
            torch.manual_seed(self.streams.integer("dropout", epoch))
            yield

    def _learn(self, batch: Batch) -> Tensor:
        """Learn one batch and return the sum of its images' losses, on the device and detached."""
        loss_of = self.targets.ask(batch)
        self.optimizer.zero_grad()
        total = torch.zeros((), device=self.device)
        for rows in self._passes(len(batch.images)):
            with autocast(self.recipe.numerics, self.device):
                logits = self._forward(batch.images[rows])
            loss = loss_of(logits.float(), rows)
            (loss / self.recipe.passes).backward()  # type: ignore[no-untyped-call]
            total += loss.detach() * len(logits)
        self.optimizer.step()
        return total

    def _passes(self, num_images: int) -> Iterator[slice]:
        """Yield the rows of every pass; a short batch takes fewer passes and not smaller ones."""
        size = math.ceil(self.batch / self.recipe.passes)
        for start in range(0, num_images, size):
            yield slice(start, min(start + size, num_images))

    @torch.no_grad()
    def test(self, tests: Examples) -> tuple[float, tuple[float, ...]]:
        """Return the accuracy in percent, of all images and of every class.

        The network is put into evaluation mode; nothing of it changes.
        """
        self.model.eval()
        answers, num_classes = self._tested(tests)
        hits = (answers == tests.labels).double()
        right = tests.labels.bincount(weights=hits, minlength=num_classes)
        per_class = 100.0 * right / tests.labels.bincount(minlength=num_classes)
        return 100.0 * hits.mean().item(), tuple(per_class.tolist())

    def _tested(self, tests: Examples) -> tuple[Tensor, int]:
        """Return the answer to every image, int64 `[N]`, and the number of classes.

        Where memory runs out, images are asked about in ever smaller batches. The training's own
        batch is never changed: that would be another recipe.
        """
        height, width = tests.images.shape[2:]
        while True:
            size = min(len(tests), max(1, self.test_pixels // (height * width)))
            try:
                return self._answers(tests, size)
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
            # After the handler, because the error holds on to what was allocated.
            self.test_pixels = size // 2 * height * width
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    def _answers(self, tests: Examples, size: int) -> tuple[Tensor, int]:
        # Logits of 50,000 images and 1,000 classes would take 200 MB.
        parts = torch.split(torch.arange(len(tests)), size)
        answers, num_classes = [], 0
        fed = (streamed if tests.mapped else batches)(tests.images, parts, self.device)
        for images in fed:
            logits = self._logits(images, size)
            answers.append(logits.argmax(dim=1))
            num_classes = logits.shape[1]
        return torch.cat(answers), num_classes

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

"""Train a student on a teacher's answers the way the official scripts do, one image at a time.

Reference: LINs-lab/RDED @ 3f6453d, validation/main.py and validation/utils.py, for the steps and
           their order. The code is new; it shares the recipe with the engine of `bench.training`,
           and nothing else but the switch of TF32: not its augmentation, loss, schedule or loop.
Differs:   loader workers go on over the end of an epoch, which makes loading faster; of the three
           numbers that the scripts read from the device in every step, the loss alone is read.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from torchvision import transforms

from bench.training.recipe import settled
from benchmarks.reference_images import (
    MEAN,
    STD,
    Photos,
    Views,
    num_workers,
    ordered_batches,
    training_batches,
)
from benchmarks.reference_loop import ReferenceRun, script_settings
from benchmarks.reference_mix import draw_paste
from benchmarks.reference_recipe import due
from protocols.soft import SoftLabel

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

FREE = frozenset(
    (
        "resolution", "norm", "patches", "crop_scale", "flip", "mix_probability", "mix_alpha", "lr",
        "weight_decay", "epochs", "batch", "evaluations", "evaluate_after", "temperature",
        "table", "teacher", "uneven", "label_seed",
    )
)  # fmt: skip
"""Fields of a protocol that may have any value; of the others the scripts know the default. The
last four say nothing about a training whose images and teacher are given."""
ALSO: dict[str, tuple[str, ...]] = {"mix": ("none",), "numerics": ("fp32",)}
"""Values beside the default that a field may have."""


def require_known(protocol: SoftLabel) -> None:
    """Raise ValueError if the official scripts know nothing of what a protocol asks for."""
    for field in fields(SoftLabel):
        values = (field.default, *ALSO.get(field.name, ()))
        value = getattr(protocol, field.name)
        if field.name not in FREE and value not in values:
            known = " or ".join(repr(known) for known in values)
            raise ValueError(
                f"The reference loop of soft labels knows `{field.name}` of {known} only, "
                f"got {value!r}: compare with another protocol."
            )


@dataclass(frozen=True)
class ShuffledPatches:
    """Cut an image into vertical strips, join them in random order, and do the same with rows.

    Draws from Python's global generator, which a DataLoader seeds in its workers.
    """

    strips: int
    """Per side; the last one takes the lines that are left over."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return `[3, H, W]` with its patches in another place, or where they were."""
        for axis in (2, 1):
            thickness, left_over = divmod(x.shape[axis], self.strips)
            sizes = [thickness] * (self.strips - 1) + [thickness + left_over]
            parts = list(torch.split(x, sizes, dim=axis))
            random.shuffle(parts)
            x = torch.cat(parts, dim=axis)
        return x


def training_view(protocol: SoftLabel) -> Callable[[Image.Image], Tensor]:
    """Return the random view of a stored image: float32 `[3, R, R]`, normalised."""
    view: Callable[[Image.Image], Tensor] = transforms.Compose(
        [
            transforms.ToTensor(),
            ShuffledPatches(settled(protocol.patches, "patches")),
            transforms.RandomResizedCrop(
                protocol.side,
                scale=settled(protocol.crop_scale, "crop_scale"),
                antialias=True,
            ),
            transforms.RandomHorizontalFlip(protocol.flip),
            transforms.Normalize(MEAN, STD),
        ]
    )
    return view


def plain_view(protocol: SoftLabel) -> Callable[[Image.Image], Tensor]:
    """Return the one view of a test image: float32 `[3, R, R]`, the middle 7/8, normalised."""
    view: Callable[[Image.Image], Tensor] = transforms.Compose(
        [
            transforms.Resize(protocol.side // 7 * 8),
            transforms.CenterCrop(protocol.side),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    return view


def groups_of(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Return the parameters in two groups: named "weight" with two dimensions or more, and not."""
    named = list(model.named_parameters())
    decaying = [p for name, p in named if "weight" in name and p.dim() >= 2]
    others = [p for name, p in named if "weight" not in name or p.dim() < 2]
    return [{"params": decaying, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


class SoftReferenceTraining:
    """A student in training beside its teacher: what can be done next is an epoch or a test.

    Seeds the global generators of torch and Python, as the scripts do. Loader workers run until
    `close`.
    """

    def __init__(
        self,
        model: nn.Module,
        teacher: nn.Module,
        photos: Photos,
        tests: Photos,
        protocol: SoftLabel,
        device: torch.device,
        *,
        seed: int = 0,
        workers: int | None = None,
    ) -> None:
        """Prepare to train `model` (in place) by a resolved protocol; ValueError for one not known.

        The teacher is put into evaluation mode and frozen; it answers with a logit for each class.
        `workers` of None are as many as the scripts would start here.
        """
        require_known(protocol)
        torch.manual_seed(seed)
        random.seed(seed)
        self._rng = np.random.default_rng(seed)
        self.model, self.protocol, self.device = model.to(device), protocol, device
        self.teacher = teacher.to(device).eval().requires_grad_(False)
        batch, epochs = settled(protocol.batch, "batch"), settled(protocol.epochs, "epochs")
        self.steps, self.num_images = math.ceil(len(photos) / batch), len(photos)
        self.temperature = settled(protocol.temperature, "temperature")
        self.optimizer = torch.optim.AdamW(
            groups_of(self.model, settled(protocol.weight_decay, "weight_decay")),
            lr=settled(protocol.lr, "lr"),
            betas=(0.9, 0.999),
        )
        self.schedule = LambdaLR(
            self.optimizer, lambda epoch: 0.5 * (1.0 + math.cos(math.pi * epoch / epochs / 2))
        )
        workers = num_workers() if workers is None else workers
        self._batches = training_batches(
            Views(photos, training_view(protocol)), batch, workers, device
        )
        self._tests: Iterable[tuple[Tensor, Tensor]] = ordered_batches(
            Views(tests, plain_view(protocol)), batch, workers, device
        )

    def epoch(self) -> float:
        """Train one epoch and return its mean loss."""
        self.model.train()
        total = 0.0
        for _ in range(self.steps):
            images, _ = self._to_device(next(self._batches))
            total += self._step(images) * len(images)
        self.schedule.step()
        return total / self.num_images

    def _step(self, images: Tensor) -> float:
        with torch.no_grad():
            self._mix(images)
            self.model(images)  # for the log; it moves running statistics of batch norm
            wanted = functional.softmax(self.teacher(images) / self.temperature, dim=1)
        self.optimizer.zero_grad()
        answers = functional.log_softmax(self.model(images) / self.temperature, dim=1)
        loss = functional.kl_div(answers, wanted, reduction="batchmean")
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.item()

    def _mix(self, images: Tensor) -> None:
        """Paste one box of a random partner into every image of a batch, in place."""
        paste = draw_paste(self.protocol, self.protocol.side, self._rng)
        if paste is not None:
            partner = torch.randperm(len(images)).to(self.device)
            images[:, :, paste.rows, paste.columns] = images[partner, :, paste.rows, paste.columns]

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


def train_soft_reference(
    model: nn.Module,
    teacher: nn.Module,
    photos: Photos,
    tests: Photos,
    protocol: SoftLabel,
    device: torch.device,
    *,
    seed: int = 0,
    workers: int | None = None,
) -> ReferenceRun:
    """Train `model` in place for all epochs of a resolved protocol and return what was seen.

    Raises ValueError if the protocol is not resolved or asks for what the scripts do not have.
    """
    training = SoftReferenceTraining(
        model, teacher, photos, tests, protocol, device, seed=seed, workers=workers
    )
    epochs = settled(protocol.epochs, "epochs")
    tested, accuracy, seconds = [], [], 0.0
    try:
        with script_settings(protocol, device):
            for epoch in range(1, epochs + 1):
                started = time.perf_counter()
                training.epoch()
                seconds += time.perf_counter() - started
                if is_tested(epoch, protocol):
                    tested.append(epoch)
                    accuracy.append(training.test())
    finally:
        training.close()
    return ReferenceRun(tuple(tested), tuple(accuracy), epochs * len(photos) / seconds)


def is_tested(epoch: int, protocol: SoftLabel) -> bool:
    """Say whether the student is tested after `epoch` finished epochs: late ones, and the last."""
    epochs = settled(protocol.epochs, "epochs")
    late = epoch > settled(protocol.evaluate_after, "evaluate_after") or epoch == epochs
    return late and due(epoch, epochs, settled(protocol.evaluations, "evaluations"))

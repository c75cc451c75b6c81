"""How well a teacher answers a set's test images, and whether its classes are in their order.

A teacher whose outputs are in another order teaches every student to fail, at chance, and says
nothing. It is found out by counting its answers under the one-to-one assignment of outputs to
labels that suits them best: the assignment is found on one half of the images of every class and
counted on the other, because the best one for the images it is counted on flatters any teacher
where a class has few of them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np

from bench.errors import BenchError
from bench.teachers.weights import TeacherWeights

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.data.prefix import Prefix
    from bench.sets import ImageSet

BATCH_PIXELS = defaultdict(lambda: 2**24, cpu=2**17)
"""Pixels of the images asked about together; speed and memory, never an answer but for rounding."""

FACTS = "measured.json"


class TeacherFacts(msgspec.Struct, frozen=True):
    """What a teacher's answers to the test images of a set were."""

    top1: float
    """Percent of the images whose largest logit is that of their label."""
    per_class: tuple[float | None, ...]
    """The same of every class in label order; None for a class without images."""
    permuted_top1: float
    """The same if every output stood for the label that suits it best; at least `top1`."""
    permutation: tuple[int, ...]
    """That label for the output of every label."""
    num_images: int
    outputs: int
    """Number of the teacher's own outputs, of which the set's classes are some or all."""
    finite: bool = True
    """Whether all logits were."""


@dataclass(frozen=True)
class MeasuredTeacher:
    """The accuracy of a teacher on a set's test images, as students are tested."""

    revision: ClassVar[int] = 1

    weights: TeacherWeights
    dataset: str
    """Name of the real set in this run."""
    test_revision: str
    resolution: int
    resize: int
    """Pixels of the shorter side before the centre crop to `resolution`."""

    @property
    def words(self) -> str:
        """Return what this is in words."""
        return f"the answers of {self.weights.words} to the test images of {self.dataset!r}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the weights."""
        return (self.weights,)

    def build(self, ctx: Context, out: Path) -> None:
        """Write `measured.json`.

        UsageError if the teacher's classes are not the set's, BenchError for other test images and
        where the device runs out of memory.
        """
        from bench.data.prefix import Prefix
        from bench.training.memory import told_if_full

        real = ctx.real(self.dataset)
        if real.card.test_revision != self.test_revision:
            raise BenchError(
                f"The teacher is to be measured on test images of revision "
                f"{self.test_revision[:12]}..., but {self.dataset!r} has "
                f"{real.card.test_revision[:12]}...: start the run again."
            )
        loaded = ctx.get(self.weights)
        title = self.weights.teacher.title
        network = loaded.answering(real.card, title)
        with told_if_full(
            f"the teacher {title!r} was asked about the test images of {self.dataset!r} at "
            f"{self.resolution} x {self.resolution} pixels",
            "name a smaller teacher, lower `resolution`, or free the device",
        ):
            given = answers(network, real.test, Prefix(self.resize, self.resolution), ctx)
        outputs = len(loaded.classes) or real.card.num_classes
        facts = counted(given, real.test.labels, real.card.num_classes, outputs)
        (out / FACTS).write_bytes(msgspec.json.encode(facts) + b"\n")

    def load(self, path: Path, device: torch.device) -> TeacherFacts:
        """Return the facts."""
        return msgspec.json.decode((path / FACTS).read_bytes(), type=TeacherFacts)


def answers(
    network: nn.Module, images: ImageSet, prefix: Prefix, ctx: Context
) -> NDArray[np.int64]:
    """Return the output of the largest logit of every image `[N]`, -1 where one is not finite.

    `network` is on the context's device and in evaluation mode. Images go through it in float32, a
    batch at a time; nothing of them but the answers is kept.
    """
    import torch

    from bench.augment.colour import normalised
    from bench.training.numerics import precision

    pixels = ctx.pixels(images, prefix)
    size = max(1, BATCH_PIXELS[ctx.device.type] // (pixels.shape[2] * pixels.shape[3]))
    found = []
    with torch.no_grad(), precision("fp32", ctx.device):
        for start in range(0, len(pixels), size):
            batch = torch.from_numpy(np.array(pixels[start : start + size])).to(ctx.device)
            logits = network(normalised(batch))
            whole = logits.isfinite().all(dim=1)
            found.append(torch.where(whole, logits.argmax(dim=1), -1).cpu().numpy())
            ctx.progress(min(start + size, len(pixels)), len(pixels))
    return np.concatenate(found)


def counted(
    answered: NDArray[np.int64], labels: NDArray[np.int64], num_classes: int, outputs: int
) -> TeacherFacts:
    """Return what answers `[N]` to images with labels `[N]` amount to."""
    right = answered == labels
    sizes = np.bincount(labels, minlength=num_classes)
    hits = np.bincount(labels[right], minlength=num_classes)
    top1 = 100.0 * int(right.sum()) / len(labels)
    ranks = _ranks(labels) % 2
    crossed = sum(
        int((_order(answered[ranks == half], labels[ranks == half], num_classes)[a] == y).sum())
        for half in (0, 1)
        for a, y in [_other_half(answered, labels, ranks != half)]
    )
    return TeacherFacts(
        top1=top1,
        per_class=tuple(
            100.0 * int(h) / int(n) if n else None for h, n in zip(hits, sizes, strict=True)
        ),
        permuted_top1=max(top1, 100.0 * crossed / len(labels)),
        permutation=tuple(int(label) for label in _order(answered, labels, num_classes)),
        num_images=len(labels),
        outputs=outputs,
        finite=bool((answered >= 0).all()),
    )


def _other_half(
    answered: NDArray[np.int64], labels: NDArray[np.int64], chosen: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    chosen = chosen & (answered >= 0)
    return answered[chosen], labels[chosen]


def _ranks(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which image of its class every image is, counted from 0."""
    ranks = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ranks[members] = np.arange(len(members))
    return ranks


def _order(
    answered: NDArray[np.int64], labels: NDArray[np.int64], num_classes: int
) -> NDArray[np.int64]:
    """Return for every output the label that it would best stand for, each label once."""
    from scipy.optimize import linear_sum_assignment

    together = np.zeros((num_classes, num_classes))
    said = answered >= 0
    np.add.at(together, (answered[said], labels[said]), 1.0)
    # Where the images do not decide, an output keeps its own label.
    together += np.eye(num_classes) / (2 * num_classes)
    order: NDArray[np.int64] = linear_sum_assignment(together, maximize=True)[1]
    return order

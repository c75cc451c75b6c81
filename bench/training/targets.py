"""What a batch should answer: its one-hot labels, a teacher's answers, or answers that were kept.

Training under hard and under soft labels differs in one of these objects and in nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import BenchError
from bench.training.compiling import CompiledNetwork, forward_flops
from bench.training.loss import mixed_loss
from bench.training.memory import told_if_full
from bench.training.numerics import computing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.training.recipe import Numerics
    from bench.training.sight import Batch, Sight

Note = Callable[[str], None]
Loss = Callable[[Tensor, slice], Tensor]
"""Takes float32 logits `[b, C]` of some rows of a batch; returns the mean loss of these rows."""


class Targets(Protocol):
    """Says what the images of a training should be answered with."""

    def begin(self, epoch: int, sight: Sight) -> None:
        """Get ready for an epoch, counted from 0, whose draws are known."""

    def ask(self, batch: Batch) -> Loss:
        """Return the loss of a batch; called before the student sees it."""

    def compile(self, note: Note) -> None:
        """Compile what is asked, if anything is; `note` hears why it could not be."""

    @property
    def flops(self) -> int:
        """Return the FLOP of asking, per image."""


class Labels(Protocol):
    """Answers of a teacher that were kept, one for every image and epoch."""

    def logits(self, epoch: int) -> NDArray[np.float16]:
        """Return those of an epoch, `[N, C]` by row of the set, mapped from disk if they are."""

    def digest(self, epoch: int) -> bytes:
        """Return `Sight.digest()` of the epoch that the teacher saw."""

    @property
    def entry(self) -> str:
        """Return what `bench cache` calls them."""


def soft_loss(
    logits: Tensor, wanted: Tensor, temperature: float, squared: bool, weights: Tensor | None
) -> Tensor:
    """Return the mean over the rows of KL(q || p) = sum_c q_c (log q_c - log p_c).

    `logits` of the student and `wanted` of the teacher are `[b, C]`; p and q are their softmax at
    the temperature T > 0. The gradient is (p - q) / (T b); `squared` multiplies by T^2. Weights
    `[b]` multiply the rows before the mean.
    """
    log_p = functional.log_softmax(logits / temperature, dim=1)
    log_q = functional.log_softmax(wanted / temperature, dim=1)
    divergence = functional.kl_div(log_p, log_q, reduction="none", log_target=True).sum(dim=1)
    loss = (divergence if weights is None else divergence * weights).mean()
    return temperature**2 * loss if squared else loss


class OneHot:
    """The labels of a set; a mixed image has those of both its parts (`mixed_loss`)."""

    flops = 0

    def __init__(self, labels: Tensor, weights: Tensor | None) -> None:
        """Take int64 `[N]` and float32 `[N]`, both on the device."""
        self.labels, self.weights = labels, weights

    def begin(self, epoch: int, sight: Sight) -> None:
        """Do nothing: labels are the same in every epoch."""

    def ask(self, batch: Batch) -> Loss:
        """Return the cross-entropy with the labels of the images."""
        labels = self.labels[batch.index]
        weights = None if self.weights is None else self.weights[batch.index]
        return lambda logits, rows: mixed_loss(logits, labels, weights, batch.mixing, rows)

    def compile(self, note: Note) -> None:
        """Do nothing: no network is asked."""


class _Soft:
    """What both kinds of soft targets share: temperature, scale, and weights of images."""

    def __init__(self, temperature: float, squared: bool, weights: Tensor | None) -> None:
        self._temperature, self._squared, self._weights = temperature, squared, weights

    def _loss(self, wanted: Tensor, batch: Batch) -> Loss:
        weights = self._weights_of(batch)

        def loss(logits: Tensor, rows: slice) -> Tensor:
            chosen = None if weights is None else weights[rows]
            return soft_loss(logits, wanted[rows], self._temperature, self._squared, chosen)

        return loss

    def _weights_of(self, batch: Batch) -> Tensor | None:
        """Return `[B]`: a mixed image weighs what its parts do, by their shares."""
        if self._weights is None:
            return None
        self._weights = self._weights.to(batch.index.device)
        own, mixing = self._weights[batch.index], batch.mixing
        if mixing is None:
            return own
        return mixing.ratio * own + (1.0 - mixing.ratio) * own[mixing.partner]


class FromTeacher(_Soft):
    """The answers of a teacher to the very images that the student gets, mixed as they are."""

    def __init__(
        self,
        teacher: nn.Module,
        temperature: float,
        squared: bool,
        numerics: Numerics,
        weights: Tensor | None = None,
        resolution: int = 0,
    ) -> None:
        """Take a teacher on the device, which is put into evaluation mode.

        `weights` are those of the set's images, float32 `[N]`; of `resolution` the FLOP are
        counted, and without it none are.
        """
        super().__init__(temperature, squared, weights)
        self._teacher, self._numerics, self._resolution = teacher.eval(), numerics, resolution
        self._compiled: CompiledNetwork | None = None

    def begin(self, epoch: int, sight: Sight) -> None:
        """Do nothing: the teacher is the same in every epoch."""

    def ask(self, batch: Batch) -> Loss:
        """Return the loss against the teacher's answers; BenchError where memory runs out."""
        count, _, height, width = batch.images.shape
        with told_if_full(
            f"the teacher was asked about a batch of {count} images of {height} x {width} pixels",
            "lower `batch` or `resolution`, name a smaller teacher, or free the device",
        ):
            answers = self.answers(batch.images)
        return self._loss(answers, batch)

    @torch.no_grad()
    def answers(self, images: Tensor) -> Tensor:
        """Return the teacher's logits, float32 `[B, C]`."""
        with computing(self._numerics, images.device):
            logits: Tensor = (self._compiled or self._teacher)(images)
        return logits.float()

    def compile(self, note: Note) -> None:
        """Compile the teacher; students that are trained one after another share what is made."""
        self._compiled = CompiledNetwork(self._teacher, note, "The teacher")

    @cached_property
    def flops(self) -> int:
        """Return the FLOP of the teacher's pass, per image."""
        return forward_flops(self._teacher, self._resolution) if self._resolution else 0


class FromStore(_Soft):
    """Answers that a teacher gave to the same views in the same batches, read from a store."""

    flops = 0

    def __init__(
        self, labels: Labels, temperature: float, squared: bool, weights: Tensor | None = None
    ) -> None:
        """Take the store; `weights` are those of the set's images, float32 `[N]`."""
        super().__init__(temperature, squared, weights)
        self._labels = labels

    def begin(self, epoch: int, sight: Sight) -> None:
        """Open the epoch's labels; BenchError if they were made for other images or views."""
        self._logits, self._indices = self._labels.logits(epoch), sight.indices()
        if len(self._logits) != len(sight.order):
            found = f"for {len(self._logits)} images, but the set has {len(sight.order)}"
        elif bytes(self._labels.digest(epoch)) != sight.digest():
            found = f"for other views (epoch {epoch + 1})"
        else:
            return
        raise BenchError(
            f"The stored labels of this set were made {found}: "
            f"`bench cache prune {self._labels.entry} --yes` removes them, then run again."
        )

    def ask(self, batch: Batch) -> Loss:
        """Return the loss against the stored answers."""
        # By the order on the CPU: reading the batch's own rows would wait for the device.
        rows = self._logits[self._indices[batch.number].numpy()]
        return self._loss(_sent(torch.from_numpy(rows), batch.images.device).float(), batch)

    def compile(self, note: Note) -> None:
        """Do nothing: no network is asked."""


def _sent(values: Tensor, device: torch.device) -> Tensor:
    if device.type == "cuda":
        values = values.pin_memory()  # only from there a copy does not wait
    return values.to(device, non_blocking=True)

"""The guidance of IGD: towards the gradients of real images, away from images already made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from bench.guidance import PerBatch, within
from bench.sampling.hook import Delta, Job, Step, Want
from bench.surrogates.gradients import Targets
from bench.surrogates.per_image import as_trained_on, dissimilarity, gradients
from bench.surrogates.trajectory import Surrogate
from bench.training.numerics import precision

GRADIENT_PIXELS = 2**18
"""Pixels of the images decoded together with their graph: 4 of 256 x 256. Memory, never a value."""


class Remembers(Protocol):
    """A memory of finished images."""

    def keep(self, job: Job, latent: Tensor) -> None:
        """Remember a finished latent."""
        ...

    def slope(self, job: Job, x: Tensor) -> Tensor | None:
        """Return the gradient of the cosine to the most similar memory; None without any."""
        ...


@dataclass(frozen=True, eq=False)
class Influence:
    """How unlike an image's gradients are to those of its class, in the course of a training."""

    surrogate: Surrogate
    targets: Targets

    def states(self) -> tuple[dict[str, Tensor], ...]:
        """Return the parameters of the network at the selected checkpoints."""
        return tuple(self.surrogate.state(index) for index in self.targets.indices)


@dataclass(eq=False)
class InfluenceGuidance:
    """Add both displacements to the state after the step, within a window of the schedule."""

    sequential: ClassVar[bool] = True

    influence: float
    deviation: float
    low: float
    """Fraction of the schedule of the last guided step."""
    high: float
    """Fraction of the schedule of the first guided step."""
    base: float
    """Displacement of an element for influence 1, beside one of the predicted noise."""
    repeat: int
    memory: Remembers
    gradients: Influence | None
    """None if influence is 0."""
    _states: tuple[dict[str, Tensor], ...] = field(default=(), init=False, repr=False)
    _targets: PerBatch[tuple[Tensor, Tensor]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Open the checkpoints."""
        if self.gradients is not None:
            self._states = self.gradients.states()
        self._targets = PerBatch(self._targets_of)

    @property
    def strengths(self) -> str:
        """Return both strengths in words."""
        return f"`influence` {self.influence:g} and `deviation` {self.deviation:g}"

    def wants(self, u: float) -> Want:
        """Return the graph of the whole network within the window, if influence needs it."""
        return Want(graph=self.influence != 0.0 and within(u, self.low, self.high))

    def __call__(self, step: Step) -> Delta | None:
        """Return the sum of both displacements; None outside the window or if both are off."""
        off = self.influence == 0.0 and self.deviation == 0.0
        if off or not within(step.level.u, self.low, self.high):
            return None
        terms, values = {}, {}
        if self.deviation != 0.0:
            away = self._away(step)
            if away is not None:
                terms["deviation"] = -self.deviation * away
        if self.influence != 0.0:
            slope, loss = self._slope(step)
            terms["influence"] = -self.influence * self._sized(slope, step)
            values["influence loss"] = loss
        again = self.repeat > step.attempt + 1
        if not terms:  # the first images of their classes, without influence
            return Delta(repeat=True) if again else None
        total = torch.stack(list(terms.values())).sum(dim=0)
        return Delta(x=total, repeat=again, terms=terms, values=values)

    def done(self, job: Job, latent: Tensor) -> None:
        """Remember a finished image."""
        self.memory.keep(job, latent)

    def _away(self, step: Step) -> Tensor | None:
        """Return the slope of the likeness to earlier images; None if no row has any."""
        x = step.x.detach()
        with _float32_products(x), torch.no_grad():
            rows = [self.memory.slope(job, row) for job, row in zip(step.jobs, x, strict=True)]
        if all(row is None for row in rows):
            return None
        return torch.stack([torch.zeros_like(x[0]) if row is None else row for row in rows])

    def _slope(self, step: Step) -> tuple[Tensor, Tensor]:
        """Return the gradient of the influence loss in the state, and that loss `[B]`.

        In two stages: the graph of decoder and surrogate is that of a few images at a time.
        """
        size = max(1, GRADIENT_PIXELS // step.generator.card.image_size**2)
        slopes, losses = [], []
        for rows in torch.split(torch.arange(len(step.x)), size):
            slope, loss = self._decoded_slope(step, rows)
            slopes.append(slope)
            losses.append(loss)
        (slope,) = torch.autograd.grad(step.clean, step.x, torch.cat(slopes))
        return slope, torch.cat(losses)

    def _decoded_slope(self, step: Step, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradient of the loss in the predicted clean latents of some rows."""
        clean = step.clean[rows].detach().requires_grad_()
        images = step.generator.decode(clean)
        leaf = images.detach().to(clean.dtype).requires_grad_()
        with _float32_products(leaf):
            loss = self._loss(step, leaf, rows)
            (slope,) = torch.autograd.grad(loss.sum(), leaf)
        (pulled,) = torch.autograd.grad(images, clean, slope.to(images.dtype))
        return pulled, loss.detach()

    def _loss(self, step: Step, images: Tensor, rows: Tensor) -> Tensor:
        """Return the mean dissimilarity over the checkpoints `[b]`."""
        assert self.gradients is not None
        network, seen = self.gradients.surrogate.network, as_trained_on(images)
        units, norms = (each[rows] for each in self._targets(step))
        labels = torch.tensor([step.jobs[row].label for row in rows.tolist()], device=seen.device)
        total = seen.new_zeros(len(seen))
        for place, state in enumerate(self._states):
            own = gradients(network, _like(state, seen), seen, labels)
            unit = torch.nn.functional.normalize(units[:, place].to(seen), dim=1)
            total = total + dissimilarity(own, unit, norms[:, place].to(seen))
        return total / len(self._states)

    def _targets_of(self, step: Step) -> tuple[Tensor, Tensor]:
        """Return the targets of the batch: unit vectors `[B, Q, P]` in half precision, `[B, Q]`."""
        assert self.gradients is not None
        found = [self.gradients.targets.of_class(job.label) for job in step.jobs]
        units, norms = (
            torch.stack([torch.tensor(each[part]) for each in found]).to(step.x.device)
            for part in (0, 1)
        )
        return units, norms

    def _sized(self, slope: Tensor, step: Step) -> Tensor:
        """Return the direction of the slope, with `base` RMS(e) sqrt(1 - A) for its own RMS.

        e is the predicted noise after guidance. A slope of 0 stays 0.
        """
        tiny = torch.finfo(slope.dtype).tiny
        # Squares of very small slopes would vanish: the largest element is made 1 first.
        direction = slope / slope.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(tiny)
        noise = _rms(step.prediction.noise.detach().to(slope.dtype))
        size = self.base * noise * math.sqrt(1 - step.level.kept)
        return size * direction / _rms(direction).clamp_min(tiny)


def _rms(values: Tensor) -> Tensor:
    """Return the root mean square of every row `[B, 1, 1, 1]`."""
    return values.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()


def _like(state: dict[str, Tensor], other: Tensor) -> dict[str, Tensor]:
    return {name: value.to(other.dtype) for name, value in state.items()}


@contextmanager
def _float32_products(like: Tensor) -> Iterator[None]:
    with precision("fp32", like.device), torch.autocast(like.device.type, enabled=False):
        yield

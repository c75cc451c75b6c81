"""The guidance of DAP: towards real features of the class, as a layer of the network has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from bench.guidance import PerBatch, within
from bench.preparation.block_features import FeaturesOfClasses, Pooling, pooled
from bench.sampling.hook import Delta, Job, Step, Want
from bench.training.numerics import precision

Distances = Callable[[Tensor], Tensor]
"""From features `[b, d]` to their distances `[b, n]` to the real features of a class."""


@dataclass(eq=False)
class TowardsReals:
    """Add the negative gradient of the energy to the state after the step, unscaled.

    The energy of an image is the mean distance E = mean_n D_K(phi(x, t, y), F_n) of its features
    to those of real images of its class. Draws nothing and remembers nothing.
    """

    sequential: ClassVar[bool] = False

    strength: float
    early_stop: float
    """Fraction of the schedule from which on nothing is guided; the step at it still is."""
    layer: str
    pooling: Pooling
    kernel: Callable[[Tensor], Distances]
    """From the real features `[n, d]` of a class to what measures the distances to them."""
    reals: FeaturesOfClasses
    times: tuple[int, ...] = ()
    """Original timesteps of the real features; () if one of them serves all steps."""
    _kept: PerBatch[dict[int, Mapping[int, Distances]]] = field(
        default_factory=lambda: PerBatch(lambda step: {}), init=False, repr=False
    )

    @property
    def strengths(self) -> str:
        """Return the strength in words."""
        return f"`strength` {self.strength:g}"

    def wants(self, u: float) -> Want:
        """Return the features with their graph while guidance is on."""
        return Want(graph=True, layer=self.layer) if self._guides(u) else Want()

    def __call__(self, step: Step) -> Delta | None:
        """Return the step downhill; None where guidance is off."""
        if not self._guides(step.level.u):
            return None
        assert step.prediction.features is not None
        seen = pooled(step.prediction.features, self.pooling).to(step.x.dtype)
        energy, slope = self._energy(seen.detach(), step)
        # In two parts: distances need float32 products, the network keeps its own precision.
        (gradient,) = torch.autograd.grad(seen, step.x, slope)
        return Delta(x=-self.strength * gradient, values={"energy": energy})

    def done(self, job: Job, latent: Tensor) -> None:
        """Do nothing."""

    def _guides(self, u: float) -> bool:
        return self.strength != 0.0 and within(u, self.early_stop, 1.0)

    def _energy(self, seen: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Return the energy `[B]` of features `[B, d]`, and its slope `[B, d]`."""
        rows_of: dict[int, list[int]] = {}
        for row, job in enumerate(step.jobs):
            rows_of.setdefault(job.label, []).append(row)
        energy, slope = torch.empty_like(seen[:, 0]), torch.empty_like(seen)
        device = step.x.device
        with precision("fp32", device), torch.autocast(device.type, enabled=False):
            for label, distances in self._distances(step).items():
                rows = rows_of[label]
                leaf = seen[rows].requires_grad_()
                own = distances(leaf).mean(dim=1)
                (slope[rows],) = torch.autograd.grad(own.sum(), leaf)
                energy[rows] = own.detach()
        return energy, slope

    def _distances(self, step: Step) -> Mapping[int, Distances]:
        """Return what measures distances at this step, for every class of the batch."""
        place = self.times.index(step.level.t) if self.times else 0
        kept = self._kept(step)
        if place not in kept:
            kept.clear()
            labels = dict.fromkeys(job.label for job in step.jobs)
            kept[place] = {label: self._to_reals(label, place, step.x) for label in labels}
        return kept[place]

    def _to_reals(self, label: int, place: int, like: Tensor) -> Distances:
        with torch.no_grad():
            return self.kernel(torch.tensor(self.reals.of_class(label)[place]).to(like))

"""The guided step of ManifoldGD (see `methods.manifoldgd`)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from bench.guidance import PerBatch, above, finite_or_nan, mode_pull, own_modes
from bench.sampling.hook import Delta, Job, Step, Want
from bench.training.numerics import computing
from methods.manifoldgd_plane import basis, cloud, nearest, onto, towards_plane, widened

if TYPE_CHECKING:
    from bench.preparation.latents import LatentsOfClasses
    from bench.preparation.modes import ModesOfClasses
    from methods.manifoldgd import ManifoldGD

_TINY = 1e-8
"""Added to the length of a vector that it is divided by, as in the code."""


class ManifoldGuidance:
    """Pulls every image towards its mode, and towards the plane of noised points around it."""

    sequential = False

    def __init__(
        self, method: ManifoldGD, modes: ModesOfClasses, latents: LatentsOfClasses | None
    ) -> None:
        """Take a resolved method, and the real latents if they are the neighbourhood."""
        if method.manifold is None or method.radius is None or method.bandwidth is None:
            raise ValueError("`manifold`, `radius` and `bandwidth` must be filled in by `resolve`.")
        self.method, self.manifold = method, method.manifold
        self.radius, self.bandwidth = method.radius, method.bandwidth
        self._modes = own_modes(modes)
        self._around = None if latents is None else _around(modes, latents, method.neighbours)

    @property
    def strengths(self) -> str:
        """Return both strengths in words."""
        return f"`strength` {self.method.strength:g} and `manifold` {self.manifold:g}"

    def wants(self, u: float) -> Want:
        """Return nothing: no gradient is taken."""
        return Want()

    def __call__(self, step: Step) -> Delta | None:
        """Return both pulls of one step: DDPM adds them to the mean, DDIM to the clean latent."""
        method = self.method
        if not above(step.level.u, method.stop):
            return None
        modes = self._modes(step)
        terms: dict[str, Tensor] = {}
        if method.strength:
            terms["mode"] = self._mode_term(step, modes)
        if self.manifold and method.projection == "normal":
            terms["manifold"] = finite_or_nan(
                lambda x, modes: self._manifold_term(step, x, modes), step.x, modes
            )
        if not terms:
            return None
        first, *rest = terms.values()
        total = first + rest[0] if rest else first
        if step.schedule.scheduler == "ddpm":
            return Delta(mean=total, terms=terms)
        return Delta(clean=total, terms=terms)

    def done(self, job: Job, latent: Tensor) -> None:
        """Remember nothing."""

    def _mode_term(self, step: Step, modes: Tensor) -> Tensor:
        """Return the pull towards the modes; with `projection="tangent"`, its part in the plane."""
        strength = self.method.strength
        ddpm = step.schedule.scheduler == "ddpm"
        if self.method.projection == "normal":
            return mode_pull(step, modes, strength) if ddpm else strength * (modes - step.clean)
        inside = finite_or_nan(
            lambda x, modes, clean: self._tangent(step, x, modes, modes - clean),
            step.x,
            modes,
            step.clean,
        )
        return strength * step.sigma * inside if ddpm else strength * inside

    def _tangent(self, step: Step, x: Tensor, modes: Tensor, vectors: Tensor) -> Tensor:
        """Return the part of vectors `[B, C, h, w]` that lies in the plane of each row."""
        with computing("fp32", x.device):  # differences of near points
            _, points, _ = self._neighbours(step, x, modes)
            columns = basis(points, self.method.rank, self.method.ridge)
            return onto(columns, vectors.flatten(1)).view_as(vectors)

    def _manifold_term(self, step: Step, x: Tensor, modes: Tensor) -> Tensor:
        """Return manifold * tanh(distance / bandwidth) * w / |w|, w the way to the plane."""
        method = self.method
        with computing("fp32", x.device):  # differences of near points
            states, points, distances = self._neighbours(step, x, modes)
            way = towards_plane(states, points, method.rank, method.ridge)
            weights = self.manifold * torch.tanh(distances / self.bandwidth)
            scaled = weights / (way.norm(dim=1) + _TINY)
            term: Tensor = (scaled[:, None] * way).view_as(x)
        return term

    def _neighbours(self, step: Step, x: Tensor, modes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return states `[B, D]`, the points near them `[B, K, D]` and distances `[B]`.

        All relative to the noised mode of each row.
        """
        count, kept = self.method.neighbours, step.level.kept
        states = (x.detach() - math.sqrt(kept) * modes).flatten(1)
        if self._around is not None:
            points = math.sqrt(kept) * self._around(step) + math.sqrt(1 - kept) * self._noise(step)
            return (states, *nearest(states, points, count))
        if self.method.draws == "shared":
            points = self._cloud(step, step.streams.torch("cloud", step.level.i))
            return (states, *nearest(states, points, count))
        # One row after the other: clouds of all rows would be as large as the batch of images.
        each = [
            nearest(state[None], self._cloud(step, rng), count)
            for state, rng in zip(states, step.rngs, strict=True)
        ]
        return states, torch.cat([n for n, _ in each]), torch.cat([d for _, d in each])

    def _cloud(self, step: Step, rng: torch.Generator) -> Tensor:
        method, level = self.method, step.level
        factor = widened(level.u, method.stop, method.warm, method.widen, method.anneal)
        values = step.x[0].numel()
        points = cloud(method.cloud, values, factor * self.radius, level.kept, rng)
        return points.to(step.x.device, step.x.dtype)

    def _noise(self, step: Step) -> Tensor:
        """Return noise for real latents, `[K, D]` for all rows or `[B, K, D]`."""
        shape = self.method.neighbours, step.x[0].numel()
        if self.method.draws == "shared":
            noise = torch.randn(shape, generator=step.streams.torch("cloud", step.level.i))
        else:
            noise = torch.stack([torch.randn(shape, generator=rng) for rng in step.rngs])
        return noise.to(step.x.device, step.x.dtype)


def _around(modes: ModesOfClasses, latents: LatentsOfClasses, count: int) -> PerBatch[Tensor]:
    """Return what gives every row the `count` real latents nearest to its mode, less the mode.

    `[B, count, D]`.
    """

    def gathered(step: Step) -> Tensor:
        rows = []
        for job in step.jobs:
            of_class = latents.of_class(job.label).astype(np.float32)
            off = (of_class - modes.of_class(job.label)[job.slot]).reshape(len(of_class), -1)
            rows.append(off[np.square(off).sum(axis=1).argsort(kind="stable")[:count]])
        return torch.from_numpy(np.stack(rows)).to(step.x.device, step.x.dtype)

    return PerBatch(gathered)

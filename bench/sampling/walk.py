"""One batch on its way from noise to latents, with or without a hook.

Reference: facebookresearch/DiT, diffusion/gaussian_diffusion.py, `p_sample_loop`, `ddim_sample`.
Differs:   every image has a noise stream of its own, from (seed, class id, k): initial noise first,
           then the noise of every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.errors import BenchError
from bench.sampling.hook import Delta, Hook, Job, Step, Want
from bench.sampling.schedule import (
    Level,
    Schedule,
    clean_of,
    ddim_mean,
    ddpm_mean,
    ddpm_sigma,
    noise_of,
    noised,
)
from bench.sampling.trace import CHANGES, Trace

if TYPE_CHECKING:
    from bench.generators.interface import Cond, Generator, Prediction
    from bench.streams import Streams


@dataclass(frozen=True, eq=False)
class Run:
    """What all batches of one call have in common."""

    generator: Generator
    schedule: Schedule
    cfg: float
    streams: Streams
    hook: Hook | None


class Walk:
    """One batch on its way; a new one starts from the same noise."""

    def __init__(self, run: Run, jobs: tuple[Job, ...], rows: int, cond: Cond) -> None:
        """Take the jobs of all rows, how many of them are images, and their condition."""
        self.run, self.jobs, self.rows, self.cond = run, jobs, rows, cond
        self.trace = None if run.hook is None else Trace(run.schedule, rows)
        self.first_clean: Tensor | None = None
        """What the network took for the clean latent at first, before any guidance."""
        self._noise, self._guidance = (
            tuple(run.streams.torch(name, job.class_id, job.k) for job in jobs)
            for name in ("noise", "guidance")
        )

    def start(self) -> Tensor:
        """Return the initial noise `[B, C, h, w]`; to be called once, before the first step."""
        return self._draw(self._noise)

    def step(self, x: Tensor, level: Level) -> Tensor:
        """Return x_(i-1), after as many repetitions as the hook asks for."""
        noisy = self.run.schedule.scheduler == "ddpm" and not level.last
        rngs, attempt = self._noise, 0
        while True:
            after, again = self._once(x, level, rngs if noisy else None, attempt)
            if not again:
                return after
            # Repetitions draw from the guidance streams, so that they move no noise of the sampler.
            rngs, attempt = self._guidance, attempt + 1
            x = noised(after, self._draw(rngs), level)

    def _draw(self, rngs: Sequence[torch.Generator]) -> Tensor:
        """Return standard normal noise `[B, C, h, w]`, every row from its own stream."""
        generator = self.run.generator
        rows = [torch.randn(generator.card.latent_shape, generator=rng) for rng in rngs]
        noise = torch.stack(rows).to(generator.dtype)
        if generator.device.type == "cuda":
            # Pinned and not waited for: the next rows are drawn while the device still computes.
            return noise.pin_memory().to(generator.device, non_blocking=True)
        return noise.to(generator.device)

    def _once(
        self, x: Tensor, level: Level, rngs: Sequence[torch.Generator] | None, attempt: int
    ) -> tuple[Tensor, bool]:
        """Return x_(i-1) and whether the step is to be repeated."""
        hook = self.run.hook
        want = Want() if hook is None else hook.wants(level.u)
        x = x.detach().requires_grad_(want.graph)
        prediction, clean = self._predicted(x, level, want)
        if self.first_clean is None:
            self.first_clean = clean.detach()
        mean = self._mean(x.detach(), clean.detach(), prediction.noise.detach(), level)
        variance = None if prediction.variance is None else prediction.variance.detach()
        sigma = ddpm_sigma(variance, level, mean)
        noise = None if rngs is None else self._draw(rngs)
        proposal = mean if noise is None else mean + sigma * noise
        if hook is None:
            return proposal, False
        step = Step(
            jobs=self.jobs,
            rows=self.rows,
            schedule=self.run.schedule,
            level=level,
            attempt=attempt,
            x=x,
            cond=self.cond,
            prediction=prediction,
            clean=clean,
            mean=mean,
            sigma=sigma,
            noise=noise,
            proposal=proposal,
            generator=self.run.generator,
            rngs=self._guidance,
            streams=self.run.streams,
        )
        with torch.set_grad_enabled(want.graph):
            delta = hook(step)
        return self._guided(step, delta, hook), delta is not None and delta.repeat

    def _predicted(self, x: Tensor, level: Level, want: Want) -> tuple[Prediction, Tensor]:
        """Return what the network says and the clean latent, with the graph that is wanted.

        That of features is built by a call of its own: the prediction then is the one without a
        hook to the last bit, and no graph is carried through the unconditional branch.
        """
        generator, cfg = self.run.generator, self.run.cfg
        times = torch.full((len(x),), level.t, device=x.device)
        if not want.graph or want.layer is None:
            with torch.set_grad_enabled(want.graph):
                prediction = generator.predict(x, times, self.cond, cfg, want.layer)
                return prediction, clean_of(x, prediction.noise, level)
        prediction = generator.predict(x.detach(), times, self.cond, cfg)
        with torch.enable_grad():
            features = generator.features(x, times, self.cond, want.layer)
        clean = clean_of(x.detach(), prediction.noise, level)
        return replace(prediction, features=features), clean

    def _mean(self, x: Tensor, clean: Tensor, noise: Tensor, level: Level) -> Tensor:
        if self.run.schedule.scheduler == "ddim":
            return ddim_mean(clean, noise, level)
        return ddpm_mean(x, clean, level)

    def _guided(self, step: Step, delta: Delta | None, hook: Hook) -> Tensor:
        """Return the state after the step, with everything changed that `delta` names."""
        if self.trace is not None:
            self.trace.note(step, delta)
        if delta is None:
            return step.proposal
        _check_finite(step, delta, hook)
        x, level = step.x.detach(), step.level
        clean, noise, after = step.clean.detach(), step.prediction.noise.detach(), step.proposal
        if delta.noise is not None:
            noise = noise + delta.noise.detach()
            clean = clean_of(x, noise, level)
        if delta.clean is not None:
            clean = clean + delta.clean.detach()
            noise = noise_of(x, clean, level)
        mean = step.mean
        if delta.noise is not None or delta.clean is not None:
            mean = self._mean(x, clean, noise, level)
        if delta.mean is not None:
            mean = mean + delta.mean.detach()
        if mean is not step.mean:
            after = mean if step.noise is None else mean + step.sigma * step.noise
        return after if delta.x is None else after + delta.x.detach()


def _check_finite(step: Step, delta: Delta, hook: Hook) -> None:
    """Raise BenchError if a change is not finite in a row that is an image."""
    changes = {name: getattr(delta, name) for name in CHANGES}
    named = {name: change for name, change in changes.items() if change is not None}
    flags = [change[: step.rows].isfinite().all() for change in named.values()]
    finite = torch.stack(flags).tolist() if flags else []  # read back once
    for name, fine in zip(named, finite, strict=True):
        if not fine:
            raise BenchError(
                f"The guidance of step {step.level.i} of {len(step.schedule)} (t = "
                f"{step.level.t}) with {hook.strengths} is not finite in `{name}`: lower it."
            )

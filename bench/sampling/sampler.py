"""The one sampler: batches of jobs from noise to latents, with or without a hook.

Reference: facebookresearch/DiT, diffusion/gaussian_diffusion.py, `p_sample_loop`, `ddim_sample`.
Differs:   every image has a noise stream of its own, from (seed, class id, k): initial noise first,
           then the noise of every step. So the batch changes no noise, and neither do the order or
           the number of images; latents agree up to the rounding of batched products.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
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
from bench.training.numerics import autocast, precision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.generators.interface import Cond, Generator
    from bench.sampling import Sampling
    from bench.sets import DatasetCard
    from bench.streams import Streams

Progress = Callable[[int, int], None]

DECODE_PIXELS = 2**20
"""Pixels of the images decoded together: 16 of 256 x 256. Speed and memory only."""


def jobs_of(card: DatasetCard, count: int) -> tuple[Job, ...]:
    """Return `count` jobs of every class of a real set, ordered by class."""
    return tuple(
        Job(class_id, label, k, card.class_names[label])
        for label, class_id in enumerate(card.classes)
        for k in range(count)
    )


def batches_of(jobs: Sequence[Job], most: int, *, one_per_class: bool = False) -> list[list[Job]]:
    """Return the jobs in batches of at most `most`, as equal in size as can be.

    With `one_per_class`, jobs go in rounds of rising k, each with one job of a class.
    """
    rounds: dict[int, list[Job]] = {}
    for job in jobs:
        rounds.setdefault(job.k if one_per_class else 0, []).append(job)
    batches = []
    for _, members in sorted(rounds.items()):
        size = _even(len(members), most)
        batches += [members[start : start + size] for start in range(0, len(members), size)]
    return batches


def sample(
    generator: Generator,
    jobs: Sequence[Job],
    sampling: Sampling,
    streams: Streams,
    *,
    hook: Hook | None = None,
    progress: Progress = lambda done, total: None,
) -> Iterator[tuple[list[Job], Tensor]]:
    """Yield the jobs of every batch with their final latents `[n, C, h, w]`, on the device.

    Every batch goes through the network in one shape: the last is padded by copies of its last
    job. The hook hears of a batch's images before the batch is yielded. UsageError for a class
    the generator does not know, before anything is sampled; BenchError if numbers are not finite.
    """
    sequential = hook is not None and hook.sequential
    batches = batches_of(jobs, sampling.batch, one_per_class=sequential)
    if generator.card.conditioning == "class":
        generator.card.labels([job.class_id for job in jobs])
    rows = max(map(len, batches), default=0)
    run = _Run(generator, sampling, sampling.schedule(generator.card.betas), streams, hook)
    total = len(batches) * len(run.schedule)
    for number, batch in enumerate(batches):
        padded = (*batch, *[batch[-1]] * (rows - len(batch)))
        start = number * len(run.schedule)
        latents = run.batch(padded, progress, start, total)[: len(batch)]
        for job, latent in zip(batch, latents, strict=True):
            if hook is not None:
                hook.done(job, latent)
        yield batch, latents


def decode(generator: Generator, latents: Tensor, sampling: Sampling) -> NDArray[np.uint8]:
    """Return the images of latents, uint8 RGB `[n, H, W, 3]`, decoded a few at a time."""
    size = max(1, DECODE_PIXELS // generator.card.image_size**2)
    parts = []
    with torch.no_grad(), numerics_of(sampling, generator):
        for block in torch.split(latents, size):
            images = generator.decode(block).float().clamp(-1, 1)
            parts.append(((images + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu())
    pixels: NDArray[np.uint8] = torch.cat(parts).contiguous().numpy()
    return pixels


def generate(
    generator: Generator,
    jobs: Sequence[Job],
    sampling: Sampling,
    streams: Streams,
    *,
    hook: Hook | None = None,
    progress: Progress = lambda done, total: None,
) -> NDArray[np.uint8]:
    """Return the images of all jobs, uint8 RGB `[n, H, W, 3]` in the order of `jobs`."""
    import numpy as np

    side = generator.card.image_size
    images = np.empty((len(jobs), side, side, 3), np.uint8)
    place = {(job.class_id, job.k): row for row, job in enumerate(jobs)}
    made = sample(generator, jobs, sampling, streams, hook=hook, progress=progress)
    for batch, latents in made:
        rows = [place[job.class_id, job.k] for job in batch]
        images[rows] = decode(generator, latents, sampling)
    return images


@dataclass(frozen=True, eq=False)
class _Run:
    """What all batches of one call have in common."""

    generator: Generator
    sampling: Sampling
    schedule: Schedule
    streams: Streams
    hook: Hook | None

    def batch(self, jobs: tuple[Job, ...], progress: Progress, start: int, total: int) -> Tensor:
        """Return the final latents of jobs `[B, C, h, w]`."""
        with torch.no_grad(), numerics_of(self.sampling, self.generator):
            walk = _Walk(self, jobs, self.generator.condition(*_asked(jobs)))
            x = walk.draw(walk.noise_rngs)
            for level in reversed(self.schedule.levels):
                x = walk.step(x, level)
                progress(start + len(self.schedule) - level.i, total)
        if not x.isfinite().all():
            raise BenchError(
                f"Sampling with {self.generator.card.name!r} gave latents that are not finite: "
                "lower `cfg`, or use `numerics=fp32`."
            )
        return x


class _Walk:
    """One batch on its way from noise to latents."""

    def __init__(self, run: _Run, jobs: tuple[Job, ...], cond: Cond) -> None:
        self.run, self.jobs, self.cond = run, jobs, cond
        self.noise_rngs, self.guidance_rngs = (
            tuple(run.streams.torch(name, job.class_id, job.k) for job in jobs)
            for name in ("noise", "guidance")
        )

    def draw(self, rngs: Sequence[torch.Generator]) -> Tensor:
        """Return standard normal noise `[B, C, h, w]`, every row from its own stream."""
        generator = self.run.generator
        rows = [torch.randn(generator.card.latent_shape, generator=rng) for rng in rngs]
        noise = torch.stack(rows).to(generator.dtype)
        if generator.device.type == "cuda":
            # Pinned and not waited for: the next rows are drawn while the device still computes.
            return noise.pin_memory().to(generator.device, non_blocking=True)
        return noise.to(generator.device)

    def step(self, x: Tensor, level: Level) -> Tensor:
        """Return x_(i-1), after as many repetitions as the hook asks for."""
        noisy = self.run.schedule.scheduler == "ddpm" and not level.last
        rngs, attempt = self.noise_rngs, 0
        while True:
            after, again = self._once(x, level, rngs if noisy else None, attempt)
            if not again:
                return after
            # Repetitions draw from the guidance streams, so that they move no noise of the sampler.
            rngs, attempt = self.guidance_rngs, attempt + 1
            x = noised(after, self.draw(rngs), level)

    def _once(
        self, x: Tensor, level: Level, rngs: Sequence[torch.Generator] | None, attempt: int
    ) -> tuple[Tensor, bool]:
        """Return x_(i-1) and whether the step is to be repeated."""
        generator, hook = self.run.generator, self.run.hook
        want = Want() if hook is None else hook.wants(level.u)
        with torch.set_grad_enabled(want.graph):
            x = x.detach().requires_grad_(want.graph)
            times = torch.full((len(x),), level.t, device=x.device)
            cfg = self.run.sampling.cfg
            prediction = generator.predict(x, times, self.cond, cfg, want.layer)
            # With a layer, the graph is that of its features alone.
            source = x if want.layer is None else x.detach()
            clean = clean_of(source, prediction.noise, level)
        mean = self._mean(x.detach(), clean.detach(), prediction.noise.detach(), level)
        sigma = ddpm_sigma(_detached(prediction.variance), level, mean)
        noise = None if rngs is None else self.draw(rngs)
        proposal = mean if noise is None else mean + sigma * noise
        if hook is None:
            return proposal, False
        step = Step(
            jobs=self.jobs,
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
            generator=generator,
            rngs=self.guidance_rngs,
        )
        with torch.set_grad_enabled(want.graph):
            delta = hook(step)
        if delta is None:
            return proposal, False
        return self._guided(step, delta), delta.repeat

    def _mean(self, x: Tensor, clean: Tensor, noise: Tensor, level: Level) -> Tensor:
        if self.run.schedule.scheduler == "ddim":
            return ddim_mean(clean, noise, level)
        return ddpm_mean(x, clean, level)

    def _guided(self, step: Step, delta: Delta) -> Tensor:
        """Return the state after the step with everything that `delta` names changed."""
        _check_finite(step, delta)
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


def _check_finite(step: Step, delta: Delta) -> None:
    for name in ("noise", "clean", "mean", "x"):
        change = getattr(delta, name)
        if change is not None and not change.isfinite().all():
            raise BenchError(
                f"The guidance of step {step.level.i} of {len(step.schedule)} (t = "
                f"{step.level.t}) is not finite in `{name}`: lower its strength."
            )


def numerics_of(sampling: Sampling, generator: Generator) -> ExitStack:
    """Return the context in which all networks are called."""
    stack = ExitStack()
    stack.enter_context(precision(sampling.numerics, generator.device))
    stack.enter_context(autocast(sampling.numerics, generator.device))
    return stack


def _asked(jobs: Sequence[Job]) -> tuple[list[str], list[str]]:
    """Return class ids and prompts of jobs, as `Generator.condition` takes them."""
    return [job.class_id for job in jobs], [job.prompt for job in jobs]


def _detached(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach()


def _even(count: int, most: int) -> int:
    """Return the size of the fewest batches of at most `most` that hold `count`, evenly filled."""
    return math.ceil(count / math.ceil(count / most))

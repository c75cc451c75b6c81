"""Estimate how long sampling will take, from a few evaluations of the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from bench.sampling.hook import Job
from bench.sampling.pictures import decode
from bench.streams import Streams
from bench.training.numerics import computing

if TYPE_CHECKING:
    from bench.generators.interface import Generator
    from bench.sampling import Sampling

BUDGET = 0.2
"""Seconds after which one measured call is long enough."""


def estimate_seconds(generator: Generator, jobs: Sequence[Job], sampling: Sampling) -> float:
    """Return the expected seconds to sample and decode the images of all jobs, without a hook.

    One step and one decoding are measured, with ever more images until that takes a while.
    """
    most = min(len(jobs), sampling.batch)
    rng = Streams((0,)).torch("probe")
    latents = torch.randn((most, *generator.card.latent_shape), generator=rng)
    latents = latents.to(generator.device, generator.dtype)
    conditions = [job.shown for job in jobs[:most]], [job.prompt for job in jobs[:most]]

    def step(rows: int) -> None:
        cond = generator.condition(*(texts[:rows] for texts in conditions))
        t = torch.full((rows,), 500, device=generator.device)
        with torch.no_grad(), computing(sampling.numerics, generator.device):
            # Read back, because a device may go on computing after the call has returned.
            generator.predict(latents[:rows], t, cond, sampling.cfg).noise.sum().item()

    def image(rows: int) -> None:
        decode(generator, latents[:rows], sampling)

    return len(jobs) * (sampling.steps * _seconds(step, most) + _seconds(image, most))


def _seconds(work: Callable[[int], None], most: int) -> float:
    """Return the seconds per row of the largest call that was tried; the first is not counted."""
    work(1)
    rows = 1
    while True:
        started = time.perf_counter()
        work(rows)
        seconds = time.perf_counter() - started
        if seconds >= BUDGET or rows == most:
            return seconds / rows
        rows = min(most, 4 * rows)

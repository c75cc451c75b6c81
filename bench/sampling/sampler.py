"""The one sampler: batches of jobs from noise to latents, with or without a hook.

The batch changes no noise of an image, and neither do the order or the number of images; latents
agree up to the rounding of batched products.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.errors import BenchError
from bench.sampling.batches import batches_of, cut
from bench.sampling.hook import Hook, Job
from bench.sampling.pictures import decode, out_of_memory
from bench.sampling.walk import Run, Walk
from bench.training.numerics import computing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.generators.interface import Generator
    from bench.sampling import Sampling
    from bench.streams import Streams

Progress = Callable[[int, int], None]

LARGEST_RMS, LARGEST_GROWTH = 10.0, 3.0
"""Root mean square above which a guided latent is no picture any more (real ones have 1), if it is
also that many times the one that the network saw first: random weights paint on another scale."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Images that were sampled together."""

    jobs: list[Job]
    """Without padding."""
    latents: Tensor
    """Final latents `[n, C, h, w]`, on the device."""
    traces: Mapping[str, Tensor]
    """Norms by name, float32 `[N, n]`, first step first, on the CPU; {} without a hook."""
    values: Mapping[str, Tensor]
    """Values of the hook in the same form, NaN where it gave none."""
    rows: int
    """Rows of the batch it was sampled in, with padding."""


def sample_batches(
    generator: Generator,
    batches: Sequence[Sequence[Job]],
    sampling: Sampling,
    streams: Streams,
    *,
    hook: Hook | None = None,
    progress: Progress = lambda done, total: None,
    rows: int | None = None,
) -> Iterator[Batch]:
    """Yield the batches with their final latents, in order.

    Every batch goes through the network in one shape of `rows` rows, by default those of the
    largest: shorter ones are padded by copies of their last job. The hook hears of a batch's
    images before the batch is yielded. Where memory runs out, this batch and all later ones are cut
    in halves: the images stay the same up to rounding. UsageError for a class the generator does
    not know, before anything is sampled; BenchError if numbers are not finite, or memory does not
    suffice for one image.
    """
    if generator.card.conditioning == "class":
        generator.card.labels([job.shown for batch in batches for job in batch])
    schedule = sampling.schedule(generator.card.betas)
    run = Run(generator, schedule, sampling.cfg, streams, hook)
    most = rows or max(map(len, batches), default=1)
    waiting, finished = deque(list(batch) for batch in batches), 0
    while waiting:
        jobs = waiting.popleft()
        if len(jobs) > most:
            waiting.extendleft(reversed(cut(jobs, most)))
            continue
        heard = _within(progress, finished, finished + 1 + len(waiting), len(schedule))
        batch = _attempt(run, sampling, jobs, most, heard)
        if batch is None:
            if most == 1:
                raise out_of_memory("sampling", generator)
            most //= 2
            waiting.appendleft(jobs)
            continue
        finished += 1
        if hook is not None:
            for job, latent in zip(jobs, batch.latents, strict=True):
                hook.done(job, latent)
        yield batch


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

    Batches are those of `batches_of`; see `sample_batches`.
    """
    sequential = hook is not None and hook.sequential
    batches = batches_of(jobs, sampling.batch, sequential=sequential)
    made = sample_batches(generator, batches, sampling, streams, hook=hook, progress=progress)
    for batch in made:
        yield batch.jobs, batch.latents


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


def _within(progress: Progress, finished: int, batches: int, steps: int) -> Callable[[int], None]:
    """Return what counts the steps of one batch among those of all."""
    return lambda done: progress(finished * steps + done, batches * steps)


def _attempt(
    run: Run, sampling: Sampling, jobs: list[Job], rows: int, heard: Callable[[int], None]
) -> Batch | None:
    """Return one batch of `rows` rows; None if memory ran out."""
    try:
        return _sampled(run, sampling, jobs, rows, heard)
    except torch.OutOfMemoryError:
        pass
    # Outside of the handler, whose traceback holds on to what was computed so far.
    torch.cuda.empty_cache()
    return None


def _sampled(
    run: Run, sampling: Sampling, jobs: list[Job], rows: int, heard: Callable[[int], None]
) -> Batch:
    """Return the final latents of some jobs; `heard` is told of every step."""
    padded = (*jobs, *[jobs[-1]] * (rows - len(jobs)))
    with torch.no_grad(), computing(sampling.numerics, run.generator.device):
        asked = [job.shown for job in padded], [job.prompt for job in padded]
        walk = Walk(run, padded, len(jobs), run.generator.condition(*asked))
        x = walk.start()
        for level in reversed(run.schedule.levels):
            x = walk.step(x, level)
            heard(len(run.schedule) - level.i)
    latents = x[: len(jobs)]
    _check(run, latents, walk.first_clean)
    if walk.trace is None:
        return Batch(jobs, latents, {}, {}, rows)
    return Batch(jobs, latents, walk.trace.norms(), walk.trace.values(), rows)


def _check(run: Run, latents: Tensor, first: Tensor | None) -> None:
    """Raise BenchError for latents that are no pictures."""
    if not latents.isfinite().all():
        raise BenchError(
            f"Sampling with {run.generator.card.name!r} gave latents that are not finite: "
            "lower `cfg`, or use `numerics=fp32`."
        )
    if run.hook is None or first is None:
        return
    reached = _rms(latents)
    limit = (LARGEST_GROWTH * _rms(first[: len(latents)])).clamp_min(LARGEST_RMS)
    if (reached > limit).any():
        raise BenchError(
            f"Sampling with {run.hook.strengths} gave latents of RMS {reached.max().item():.3g}, "
            "real ones have about 1: lower it."
        )


def _rms(latents: Tensor) -> Tensor:
    return latents.square().flatten(1).mean(dim=1).sqrt()

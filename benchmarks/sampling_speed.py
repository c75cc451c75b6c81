"""Print how fast every generating method samples, beside plain `dit`.

    python -m benchmarks.sampling_speed [--generator embedded] [--methods dit,mgd3] [--batch 32]
                                        [--steps 50] [--numerics tf32] [--seconds 20]

`--generator random-dit-xl-2-256` is DiT-XL/2 with random weights, on which speed does not depend,
and noise for real images; it wants a GPU. What a method prepares is built in a folder that is
thrown away, and timed apart.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.artefacts import ArtefactStore, default_cache
from bench.context import Context
from bench.data import open_real_set
from bench.data.folder import real_set
from bench.errors import BenchError
from bench.generating import Generating
from bench.generators import GENERATORS
from bench.generators.hub import HubTransformer
from bench.images import ArrayImages
from bench.runner import device as device_of
from bench.sampling.batches import batches_of, jobs_of
from bench.sampling.pictures import decode
from bench.sampling.sampler import sample
from bench.sets import ImageSet, RealSet
from bench.streams import Streams
from benchmarks.clock import seconds_per_call
from benchmarks.conditions import conditions
from benchmarks.table import markdown
from methods import METHODS

if TYPE_CHECKING:
    from bench.generators.interface import Generator
    from bench.sampling.hook import Hook, Job

RANDOM = "random-dit-xl-2-256"
NUM_CLASSES = 10
IMAGES = 64
"""Noise images of each class that stand for the real set of the random generator."""


@dataclass(frozen=True)
class RandomTransformer(HubTransformer):
    """DiT-XL/2 and its autoencoder as they are initialised: nothing is downloaded."""

    def weights(self) -> str:
        """Return a name in place of a hash."""
        return "random"

    def present(self) -> bool:
        """Return that nothing is missing."""
        return True

    def fetch(self) -> tuple[Path, ...]:
        """Return no file."""
        return ()

    def open(self, device: torch.device) -> Generator:
        """Return the generator with weights drawn from seed 0."""
        from bench.generators.autoencoder import LatentCodec
        from bench.generators.diffusion_transformer import DiffusionTransformer
        from bench.generators.layouts import dit_xl_2, sd_autoencoder

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            codec, network = LatentCodec(sd_autoencoder()), dit_xl_2(self.latent_size)
        codec.autoencoder.to(device)
        return DiffusionTransformer(self.card(), codec, network.to(device))


@dataclass(frozen=True)
class Speed:
    """What one method takes."""

    method: str
    rows: int
    """Images sampled together."""
    preparation: float
    """Seconds for all artefacts but the generator."""
    seconds: float
    """Seconds per image, decoding included."""
    plain: float
    """Seconds per image of `dit` in batches of the same size."""


def measure(
    name: str, method: Generating, real: RealSet, batch: int, ctx: Context, budget: float
) -> Speed:
    """Return the speed of a method, over `budget` seconds for it and for `dit` each."""
    ipc = -(-batch // real.card.num_classes)
    spec = method.resolve(real.card, ipc)
    generator, *others = spec.needs(real.card, ipc)
    ctx.get(generator)
    started = time.perf_counter()
    for artefact in others:
        ctx.get(artefact)
    preparation = time.perf_counter() - started
    hook = spec.hook(real.card, ipc, ctx)
    jobs = jobs_of(real.card, ipc)[:batch]
    sequential = hook is not None and hook.sequential
    rows = len(batches_of(jobs, batch, sequential=sequential)[0])
    seconds = _seconds(spec, jobs, batch, hook, ctx, budget)
    plain = _seconds(spec, jobs, rows, None, ctx, budget)
    return Speed(name, rows, preparation, seconds, plain)


def _seconds(
    spec: Generating,
    jobs: Sequence[Job],
    batch: int,
    hook: Hook | None,
    ctx: Context,
    budget: float,
) -> float:
    """Return the seconds per image of sampling and decoding all jobs."""
    sampling = replace(spec.sampling, batch=batch)
    generator = ctx.get(sampling.pretrained())

    def whole() -> None:
        for _, latents in sample(generator, jobs, sampling, ctx.streams, hook=hook):
            decode(generator, latents, sampling)

    return seconds_per_call(whole, ctx.device, budget=budget, warm_up=1) / len(jobs)


def noise_set(image_size: int) -> RealSet:
    """Return a real set of noise, of the first ImageNet classes."""
    from bench.data.classes import class_list

    classes = class_list("imagenet1k")[:NUM_CLASSES]
    labels = np.repeat(np.arange(NUM_CLASSES), IMAGES)
    shape = (len(labels), image_size, image_size, 3)
    pixels = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    images = ImageSet(ArrayImages(pixels), labels, "noise")
    return real_set(
        "noise", classes, images, images, splits=("noise", "noise"), resolution=image_size
    )


def page(speeds: Sequence[Speed], device: torch.device, generator: str, steps: int) -> list[str]:
    """Return conditions and table as Markdown lines."""
    rows = [
        {
            "method": speed.method,
            "batch": str(speed.rows),
            "images/s": f"{1 / speed.seconds:.2f}",
            "time / dit's": f"{speed.seconds / speed.plain:.2f}",
            "preparation, s": f"{speed.preparation:.1f}",
        }
        for speed in speeds
    ]
    return [*conditions(device), f"- generator {generator}, {steps} steps", "", *markdown(rows)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and return the exit status."""
    parser = argparse.ArgumentParser("benchmarks.sampling_speed", description="Sampling speed.")
    parser.add_argument("--generator", default="embedded", help=f"embedded or {RANDOM}")
    parser.add_argument("--methods", default=",".join(_generating()))
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--numerics", default="tf32", help="tf32, fp32 or bf16")
    parser.add_argument("--seconds", type=float, default=20.0, help="time for each method")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:<number>")
    asked = parser.parse_args(arguments)
    try:
        print("\n".join(_measured(asked)))
    except (BenchError, ValueError) as error:
        parser.error(str(error))
    return 0


def _generating() -> list[str]:
    """Return the methods that sample, but those that would be tuned first."""
    return [
        name
        for name, method in METHODS.items()
        if isinstance(method, Generating) and method.sampling.weights is None
    ]


def _measured(asked: argparse.Namespace) -> list[str]:
    device = device_of(asked.device)
    GENERATORS.setdefault(RANDOM, RandomTransformer(RANDOM, "random weights, for timing", ()))
    if asked.generator == RANDOM:
        real = noise_set(GENERATORS[RANDOM].image_size)
    else:
        real = open_real_set("shapenette", data_root=None, cache=default_cache())
    speeds = []
    with tempfile.TemporaryDirectory() as folder:
        store = ArtefactStore(Path(folder))
        ctx = Context(
            device, Streams((0,)), Path(folder), store, {real.card.name: real}.__getitem__
        )
        for name in asked.methods.split(","):
            method = METHODS[name]
            if not isinstance(method, Generating):
                raise ValueError(f"{name!r} does not sample from a generator.")
            sampling = replace(
                method.sampling,
                generator=asked.generator,
                steps=asked.steps,
                numerics=asked.numerics,
            )
            print(name, file=sys.stderr, flush=True)
            spec = replace(method, sampling=sampling)
            speeds.append(measure(name, spec, real, asked.batch, ctx, asked.seconds / 2))
    return page(speeds, device, asked.generator, asked.steps)


if __name__ == "__main__":
    sys.exit(main())

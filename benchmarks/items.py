"""What the speed baseline measures: small pieces of all that a run spends its time on.

Each takes less than a second, needs nothing that has to be fetched, and works on noise.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from bench.artefacts import ArtefactStore
from bench.augment import augment, draw_views
from bench.context import Context
from bench.features.extractors import find_extractor
from bench.features.passes import features_of
from bench.features.shipped import EMBEDDED
from bench.generators import find_generator
from bench.images import ArrayImages
from bench.metrics.gaussian import Gaussian, frechet_distance
from bench.metrics.neighbours import prdc, radii
from bench.records import Data, Described, Provenance, Record
from bench.sampling import Sampling
from bench.sampling.hook import Job
from bench.sampling.pictures import decode
from bench.sampling.sampler import sample
from bench.streams import Streams
from benchmarks import soft_cases
from benchmarks.cases import Case
from benchmarks.speed import engine_training
from leaderboards import build
from leaderboards.gate import baseline_file, checking

if TYPE_CHECKING:
    from bench.sets import RealSet
    from bench.training.learner import Training
    from benchmarks.calibration import Work

SMALL: Case = soft_cases.SMALL[0]
"""ConvNet-3 of width 64 at 32 pixels, IPC 10 of ten classes."""
DISTANCE, DIMENSION = 1000, 2048
"""Images and features of the distance: those of a distilled set under Inception."""
NEIGHBOURS = 5


def context(device: torch.device, folder: Path) -> Context:
    """Return what items work in: it has no real sets, and keeps artefacts in `folder`."""
    reals: dict[str, RealSet] = {}
    return Context(device, Streams((0,)), folder, ArtefactStore(folder), reals.__getitem__)


def noise(rows: int, columns: int, seed: int, device: torch.device) -> Tensor:
    """Return float64 features `[rows, columns]` from the standard normal distribution."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64).to(device)


def covariance(size: int, device: torch.device) -> Tensor:
    """Return a covariance `[size, size]` of full rank, a few directions of which stand out."""
    rows = noise(256, size, 1, device)
    return rows.T @ rows / len(rows) + torch.eye(size, dtype=torch.float64, device=device)


def hard_epoch(ctx: Context) -> Work:
    """Return an epoch of the eager engine on hard labels."""
    return _epochs(engine_training(SMALL, "fp32", ctx.device))


def soft_epoch(ctx: Context) -> Work:
    """Return an epoch of the eager engine on the answers of a teacher of the student's kind."""
    protocol = soft_cases.protocol_of(SMALL, "fp32")
    return _epochs(soft_cases.engine_training(SMALL, protocol, ctx.device))


def _epochs(training: Training) -> Work:
    epochs = itertools.count()
    return lambda: training.epoch(next(epochs))


def augmented_batch(ctx: Context) -> Work:
    """Return the views of one batch of 64 images."""
    recipe, images = SMALL.recipe("fp32"), SMALL.noise()[0].to(ctx.device)
    sizes = torch.full((len(images), 2), SMALL.resolution)
    views, index = draw_views(recipe, sizes, ctx.streams, 0).to(ctx.device), torch.arange(64)
    return lambda: augment(images[: len(index)], views, index, recipe)


def sampled_images(ctx: Context) -> Work:
    """Return four images of the embedded generator by 20 DDIM steps, decoding included."""
    generator = find_generator(EMBEDDED).open(ctx.device)
    sampling = Sampling(generator=EMBEDDED, scheduler="ddim", steps=20)
    jobs = [Job(name, k, 0) for k, name in enumerate(generator.card.classes[:4])]

    def run() -> None:
        for _, latents in sample(generator, jobs, sampling, ctx.streams):
            decode(generator, latents, sampling)

    return run


def distance(ctx: Context) -> Work:
    """Return the FID of 1,000 images of 2,048 features, with the real statistics at hand."""
    real = Gaussian(noise(1, DIMENSION, 0, ctx.device)[0], covariance(DIMENSION, ctx.device))
    features = noise(DISTANCE, DIMENSION, 2, ctx.device)
    return lambda: frechet_distance(real, features)


def embedded_features(ctx: Context) -> Work:
    """Return the features of 500 images of 32 pixels under the embedded network."""
    pixels = np.random.default_rng(0).integers(256, size=(500, 32, 32, 3), dtype=np.uint8)
    images, extractor = ArrayImages(pixels), find_extractor(EMBEDDED, "noise", "")
    return lambda: features_of(images, extractor, ctx)


def neighbourhoods(ctx: Context) -> Work:
    """Return the PRDC of 1,000 real and 1,000 distilled images of 384 features."""
    real, features = (noise(1000, 384, seed, ctx.device) for seed in (0, 1))
    around = radii(real, NEIGHBOURS)
    return lambda: prdc(real, features, NEIGHBOURS, around)


def boards(ctx: Context) -> Work:
    """Return the boards of 1,000 records: ten methods, two sets, ten seeds, five students."""
    records = [
        _record(f"method{m}", f"set{d}", s, r, m + 0.1 * ((7 * m + 3 * s + 5 * r) % 10))
        for m, d, s, r in itertools.product(range(10), range(2), range(10), range(5))
    ]
    return lambda: build(records)


def gate(ctx: Context) -> Work:
    """Return the check of a run of 24 cells of ranked accuracies, five seeds each."""
    was, now = (
        [
            _record(f"method{m}", f"set{d}", s, 0, 30 + m + 0.1 * ((7 * m + 3 * s + shift) % 10))
            for m, d, s in itertools.product(range(12), range(2), range(5))
        ]
        for shift in (0, 5)
    )
    baseline = baseline_file.from_records(was)
    return lambda: checking.check(baseline, now)


def _record(method: str, dataset: str, seed: int, student: int, score: float) -> Record:
    def described(name: str) -> Described:
        return Described(name, name, name, asked={}, fields={})

    return Record(
        kind="evaluation",
        key=f"{method}/{dataset}/{seed}/{student}",
        data=Data(dataset, "train", "test", "1", "2", 10),
        method=described(method),
        ipc=10,
        seed=seed,
        stochastic=True,
        protocol=described("hard"),
        student=described("convnet3"),
        student_seed=(seed, student),
        distilled=f"{method}/{dataset}/{seed}",
        scores={"top1_last": score, "top1_best": score + 1.0},
        provenance=Provenance("", 1.0, 0.0, 0, "cpu", 1, "", False, {}, "", ""),
    )


ITEMS: dict[str, Callable[[Context], Work]] = {
    "engine/convnet3-32": hard_epoch,
    "soft/convnet3-32": soft_epoch,
    "augment/batch": augmented_batch,
    "sampling/embedded-ddim20": sampled_images,
    "fidelity/distance-1000x2048": distance,
    "fidelity/features-embedded-500": embedded_features,
    "fidelity/prdc-1000": neighbourhoods,
    "leaderboard/1000-records": boards,
    "gate/check": gate,
}
"""What is made ready once and then timed, by name."""

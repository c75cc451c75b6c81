"""How fast the engine, the reference loop and a bare step train one case."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from bench.streams import Streams
from bench.training.compiling import Compiling
from bench.training.examples import Examples
from bench.training.learner import Training
from bench.training.numerics import precision
from benchmarks.bare_step import BareStep
from benchmarks.cases import NUM_TESTS, Case
from benchmarks.clock import seconds_per_call
from benchmarks.reference_images import Photos, num_workers
from benchmarks.reference_loop import ReferenceTraining, script_settings

if TYPE_CHECKING:
    import torch

    from bench.training.recipe import Numerics

PREFETCH = 2
"""Batches that every worker of a DataLoader holds ready: torch's default."""


def engine_training(
    case: Case, numerics: Numerics, device: torch.device, *, compiled: bool = False
) -> Training:
    """Return the engine, ready to train the case's noise on the device."""
    network, examples = case.network().to(device), Examples(*case.noise()).to(device)
    compiling = Compiling("always" if compiled else "never")
    return Training(network, examples, case.recipe(numerics), Streams((0,)), device, compiling)


def reference_training(case: Case, numerics: Numerics, device: torch.device) -> ReferenceTraining:
    """Return the reference loop with its workers, ready to train the case's noise.

    The images have the case's resolution already, so that resizing them costs nothing.
    """
    photos = Photos.of(*case.noise())
    return ReferenceTraining(case.network(), photos, photos, case.recipe(numerics), device)


def prefetched_epochs(training: ReferenceTraining) -> int:
    """Return the epochs after which no batch is left that was ready before the first one."""
    return 1 + math.ceil(PREFETCH * num_workers() / training.steps)


def engine_rate(
    case: Case,
    numerics: Numerics,
    device: torch.device,
    budget: float,
    *,
    compiled: bool = False,
) -> float:
    """Return the images per second of the engine's epochs, over `budget` seconds."""
    training = engine_training(case, numerics, device, compiled=compiled)
    epochs = itertools.count()
    with precision(numerics, device):
        seconds = seconds_per_call(lambda: training.epoch(next(epochs)), device, budget=budget)
    return case.num_images / seconds


def engine_test_seconds(
    case: Case, numerics: Numerics, device: torch.device, budget: float
) -> float:
    """Return the seconds of one of the engine's tests of `NUM_TESTS` images."""
    training = engine_training(case, numerics, device)
    tests = Examples(*case.noise(NUM_TESTS)).to(device)
    with precision(numerics, device):
        return seconds_per_call(lambda: training.test(tests), device, budget=budget)


def reference_rate(case: Case, numerics: Numerics, device: torch.device, budget: float) -> float:
    """Return the images per second of the reference loop's epochs, over `budget` seconds."""
    training = reference_training(case, numerics, device)
    try:
        with script_settings(training.recipe, device):
            warm_up = prefetched_epochs(training)
            seconds = seconds_per_call(training.epoch, device, budget=budget, warm_up=warm_up)
    finally:
        training.close()
    return case.num_images / seconds


def bare_rate(step: BareStep, case: Case, budget: float) -> float:
    """Return the images per second of the batches of an epoch, over `budget` seconds."""
    seconds = seconds_per_call(lambda: step.epoch(case.num_images), step.device, budget=budget)
    return case.num_images / seconds

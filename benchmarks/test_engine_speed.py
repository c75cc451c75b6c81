"""An epoch of the engine, of the reference loop and of bare steps, side by side for every case.

    pytest benchmarks --benchmark-only

All of a group learn the same number of images in batches of the same sizes, so that the factors
beside the times are the ratios. Cases at 224 pixels need a GPU, or BENCH_ALL=1 and patience.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bench.training.numerics import precision
from bench.training.recipe import Numerics
from benchmarks.bare_step import BareStep, NotCompiled, compiled_step
from benchmarks.cases import CASES, Case
from benchmarks.reference_loop import script_settings
from benchmarks.speed import engine_training, prefetched_epochs, reference_training

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
NUMERICS: Numerics = "tf32" if DEVICE.type == "cuda" else "fp32"
ROUNDS = 20

# Loader workers are forked from a process in which torch has threads, as the scripts do it.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture(params=CASES, ids=lambda case: case.label)
def case(request: pytest.FixtureRequest) -> Case:
    wanted: Case = request.param
    if wanted.large and DEVICE.type != "cuda" and os.environ.get("BENCH_ALL") != "1":
        pytest.skip("takes minutes without a GPU: set BENCH_ALL=1")
    return wanted


def timed(
    benchmark: BenchmarkFixture, case: Case, epoch: Callable[[], object], warm_up: int = 1
) -> None:
    """Time whole epochs, and note the images per second."""

    def whole() -> None:
        epoch()
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()

    benchmark.group = case.label
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        whole, rounds=ROUNDS, iterations=1, warmup_rounds=warm_up
    )
    if benchmark.stats is not None:  # None under --benchmark-disable
        benchmark.extra_info["images_per_second"] = case.num_images / benchmark.stats.stats.mean


def test_engine(case: Case, benchmark: BenchmarkFixture) -> None:
    training, epochs = engine_training(case, NUMERICS, DEVICE), itertools.count()
    with precision(NUMERICS, DEVICE):
        timed(benchmark, case, lambda: training.epoch(next(epochs)))


def test_compiled_engine(case: Case, benchmark: BenchmarkFixture) -> None:
    training = engine_training(case, NUMERICS, DEVICE, compiled=True)
    epochs = itertools.count()
    with precision(NUMERICS, DEVICE):
        timed(benchmark, case, lambda: training.epoch(next(epochs)))
    if not training.compiled:
        pytest.skip("torch compiles nothing here")


def test_reference_loop(case: Case, benchmark: BenchmarkFixture) -> None:
    training = reference_training(case, "fp32", DEVICE)
    try:
        with script_settings(training.recipe, DEVICE):
            timed(benchmark, case, training.epoch, prefetched_epochs(training))
    finally:
        training.close()


def test_bare_steps(case: Case, benchmark: BenchmarkFixture) -> None:
    step = BareStep(case.network(), case.recipe(NUMERICS), DEVICE)
    timed(benchmark, case, lambda: step.epoch(case.num_images))


def test_bare_compiled_steps(case: Case, benchmark: BenchmarkFixture) -> None:
    try:
        step = compiled_step(case.network(), case.recipe(NUMERICS), DEVICE)
    except NotCompiled as error:
        pytest.skip(f"torch compiles nothing here: {error}")
    timed(benchmark, case, lambda: step.epoch(case.num_images))

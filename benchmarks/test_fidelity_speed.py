"""One FID from features, by pytorch-fid's function and by ours, real statistics at hand.

    pytest benchmarks/test_fidelity_speed.py --benchmark-only

Without a GPU a call of theirs takes most of a minute; set BENCH_ALL=1 for 2,048 features.
"""

from __future__ import annotations

import os

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bench.metrics.gaussian import Gaussian, frechet_distance
from benchmarks.fidelity_speed import by_pytorch_fid
from benchmarks.items import covariance, noise

CPU = torch.device("cpu")
SIZES = [(1000, 512), (1000, 2048)]
ROUNDS = 3
PROGRAMS = {"ours": frechet_distance, "pytorch-fid": by_pytorch_fid}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{} x {}".format(*size))
@pytest.mark.parametrize("program", PROGRAMS)
def test_distance(program: str, size: tuple[int, int], benchmark: BenchmarkFixture) -> None:
    images, dimension = size
    if dimension > 512 and os.environ.get("BENCH_ALL") != "1":
        pytest.skip("takes minutes: set BENCH_ALL=1")
    real = Gaussian(noise(1, dimension, 0, CPU)[0], covariance(dimension, CPU))
    features = noise(images, dimension, 2, CPU)
    benchmark.group = f"FID of {images:,} images of {dimension:,} features"
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        PROGRAMS[program], args=(real, features), rounds=ROUNDS, iterations=1, warmup_rounds=1
    )

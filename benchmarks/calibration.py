"""A fixed piece of work, and how many times as long other work takes.

Seconds say as much of a machine as of the code. A ratio to work that is the same everywhere says
more of the code: kernel and work take turns, so that a clock that slows down meanwhile slows both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter

import torch
from torch.nn.functional import conv2d, instance_norm

REVISION = 1
"""Raised whenever the kernel changes: ratios to different kernels say nothing of each other."""
LEAST_PAIRS = 5
MOST_CALLS = 1000

Work = Callable[[], object]


@dataclass(frozen=True)
class Measured:
    """How long a call of some work takes."""

    seconds: float
    """Median over the pairs."""
    ratio: float
    """Times the kernel of the same pair; median."""
    low: float
    high: float
    """Quartiles of these ratios."""
    pairs: int
    """Turns that kernel and work have taken."""


def kernel(device: torch.device) -> Work:
    """Return the fixed work, about 0.2 s of one CPU thread.

    Forward and backward passes of four 3 x 3 convolutions of 64 channels with instance norm and
    ReLU on `[8, 64, 32, 32]`, two float32 products of 1,024 x 1,024 matrices, and the eigenvalues
    of a 256 x 256 float64 matrix: what students, feature networks and distances are made of.
    """
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=dtype).to(device)

    weights = [drawn(64, 64, 3, 3).div(24).requires_grad_() for _ in range(4)]
    images, square = drawn(8, 64, 32, 32), drawn(1024, 1024)
    half = drawn(256, 256, dtype=torch.float64)
    symmetric = half + half.T

    def run() -> None:
        maps = images
        for weight in weights:
            maps = instance_norm(conv2d(maps, weight, padding=1)).relu()
        torch.autograd.grad(maps.mean(), weights)
        square @ square @ square
        torch.linalg.eigvalsh(symmetric)

    return run


def kernel_seconds(device: torch.device, budget: float = 1.0) -> float:
    """Return the median seconds of the kernel, over as many calls as start in `budget` seconds."""
    run = kernel(device)
    _seconds(run, 1, device)  # a first call is slower
    taken, started = [_seconds(run, 1, device)], perf_counter()
    while perf_counter() - started < budget:
        taken.append(_seconds(run, 1, device))
    return median(taken)


def ratio(work: Work, device: torch.device, budget: float) -> Measured:
    """Return how long `work` takes beside the kernel, over about `budget` seconds.

    Work that is shorter than the kernel is called as often in a row as the kernel takes, and at
    least five pairs are measured, after a first call of either that does not count.
    """
    run = kernel(device)
    for first in (run, work):
        _seconds(first, 1, device)
    share = _seconds(run, 1, device) / _seconds(work, 1, device)
    calls = min(MOST_CALLS, max(1, round(share)))
    kernels, works, started = list[float](), list[float](), perf_counter()
    while len(works) < LEAST_PAIRS or perf_counter() - started < budget:
        kernels.append(_seconds(run, 1, device))
        works.append(_seconds(work, calls, device) / calls)
    ratios = [mine / its for mine, its in zip(works, kernels, strict=True)]
    low, middle, high = quantiles(ratios, n=4, method="inclusive")
    return Measured(median(works), middle, low, high, len(ratios))


def _seconds(work: Work, calls: int, device: torch.device) -> float:
    """Return the seconds of some calls, with what a GPU has been asked to do."""
    started = perf_counter()
    for _ in range(calls):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter() - started

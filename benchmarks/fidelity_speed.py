"""Print how fast FID and its feature pass are, beside pytorch-fid's functions.

    python -m benchmarks.fidelity_speed [--images 1000] [--dimension 2048] [--network]
                                       [--minutes 8] [--device auto]

Real statistics are at hand on both sides, those of the images are not; the best of three calls
counts. `--network` adds the pass of Inception over image files, with random weights, on which speed
does not depend.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np
import torch

from bench.errors import BenchError
from bench.metrics.gaussian import Gaussian, frechet_distance
from bench.runner import device as device_of
from benchmarks.clock import Deadline
from benchmarks.conditions import conditions
from benchmarks.fidelity_network import measure_network
from benchmarks.items import covariance, noise
from benchmarks.table import markdown

T = TypeVar("T")

MANY = 5000
"""Images of the second row: more than the features, where another form is faster."""
TIMES = 3
TARGET = 4.0
"""Wanted factor at 1,000 images of 2,048 features."""


@dataclass(frozen=True)
class Distance:
    """Seconds of one FID from the features of some images and the statistics of the real ones."""

    images: int
    dimension: int
    theirs: float
    first: float
    """Ours in a process that has not used these real statistics yet."""
    ours: float
    difference: float
    """Of both results, relative to theirs."""

    @property
    def factor(self) -> float:
        """Return how many times as fast ours is."""
        return self.theirs / self.ours


def by_pytorch_fid(real: Gaussian, features: torch.Tensor) -> float:
    """Return the FID as pytorch-fid computes it; BenchError where SciPy does not let it any more.

    Source: mseitzer/pytorch-fid, src/pytorch_fid/fid_score.py (0.3.0).
    """
    from pytorch_fid.fid_score import calculate_frechet_distance

    rows, mean, real_covariance = (
        values.cpu().numpy() for values in (features, real.mean, real.covariance)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `disp` of sqrtm, which SciPy 1.18 takes away
        try:
            own = rows.mean(axis=0), np.cov(rows, rowvar=False)
            return float(calculate_frechet_distance(*own, mean, real_covariance))
        except TypeError as error:
            raise BenchError(
                "pytorch-fid calls sqrtm as SciPy allows it below 1.18 only: install `scipy<1.18` "
                "to compare with it."
            ) from error


def best(
    work: Callable[[], T], device: torch.device, times: int, until: Deadline
) -> tuple[float, T]:
    """Return the least seconds of some calls and what the last gave; one call at least."""
    seconds = []
    while True:
        started = perf_counter()
        result = work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(perf_counter() - started)
        if len(seconds) == times or until.left() < seconds[-1]:
            return min(seconds), result


def measure_distance(
    images: int, dimension: int, device: torch.device, until: Deadline
) -> Distance:
    """Return the time of one FID; pytorch-fid's is always that of the CPU."""
    centre = noise(1, dimension, 0, device)[0]
    real = Gaussian(centre, covariance(dimension, device))
    features = noise(images, dimension, 2, device)
    first, value = best(lambda: frechet_distance(real, features), device, 1, until)
    ours, value = best(lambda: frechet_distance(real, features), device, TIMES, until)
    cpu = torch.device("cpu")
    theirs, expected = best(lambda: by_pytorch_fid(real, features), cpu, TIMES, until)
    difference = abs(value - expected) / expected
    return Distance(images, dimension, theirs, first, ours, difference)


def cells(found: Distance) -> dict[str, str]:
    """Return one line of the table of distances."""
    return {
        "images": f"{found.images:,}",
        "features": f"{found.dimension:,}",
        "pytorch-fid, s": f"{found.theirs:.3g}",
        "ours, s": f"{found.ours:.3g}",
        "ours at first, s": f"{found.first:.3g}",
        "factor": f"{found.factor:.1f}",
        "difference": f"{found.difference:.0e}",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser("benchmarks.fidelity_speed", description="Speed of FID.")
    parser.add_argument("--images", type=int, default=1000, help="of the first row")
    parser.add_argument("--dimension", type=int, default=2048, help="features of an image")
    parser.add_argument("--network", action="store_true", help="the pass of Inception too")
    parser.add_argument("--minutes", type=float, default=8.0, help="time for everything")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:<number>")
    asked = parser.parse_args(arguments)
    try:
        print("\n".join(page(asked)))
    except (BenchError, ValueError) as error:
        parser.error(str(error))
    return 0


def page(asked: argparse.Namespace) -> list[str]:
    """Return conditions and tables as Markdown lines; a table for which no time is left is not."""
    until, device = Deadline(60.0 * asked.minutes), device_of(asked.device)
    lines = [*conditions(device), f"- best of {TIMES}; wanted: a factor of {TARGET:g}", ""]
    rows: list[dict[str, str]] = []
    for images in dict.fromkeys((asked.images, MANY)):
        if rows and until.left() <= 0.0:
            break
        print(f"{images:,} images ({until.left():.0f} s left)", file=sys.stderr, flush=True)
        rows.append(cells(measure_distance(images, asked.dimension, device, until)))
    lines += markdown(rows)
    if asked.network and until.left() > 0.0:
        with tempfile.TemporaryDirectory() as folder:
            lines += ["", *markdown([measure_network(Path(folder), device, until).cells()])]
    return lines


if __name__ == "__main__":
    sys.exit(main())

"""Measure steps per second of the tunings beside plain DiffFit.

    python -m benchmarks.tuning_speed [--generator random-dit-xl-2-256] [--numerics bf16]

Steps are those of `bench.tuning.learner`, on noise in place of latents: speed does not depend on
what is learned. Rounds of all tunings take turns, so that a machine that slows down meanwhile slows
all of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import torch
from torch import Tensor

from bench.errors import BenchError
from bench.generators import GENERATORS, find_generator
from bench.runner import device as device_of
from bench.streams import Streams
from bench.tuning.learner import TuningLearner
from bench.tuning.specs import TUNINGS, Minimax, Tuning
from bench.tuning.transformer import transformer_of
from benchmarks.clock import seconds_per_call
from benchmarks.conditions import conditions
from benchmarks.sampling_speed import RANDOM, RandomTransformer
from benchmarks.table import markdown

CLASSES, IMAGES = 10, 640
ROUNDS = 4


@dataclass(frozen=True, eq=False)
class Noise:
    """A real set of noise."""

    shape: tuple[int, ...]
    labels: Tensor
    numbers: Tensor

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    def posterior(self, index: Tensor, mirrored: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and standard deviations of standard normal numbers."""
        mean = torch.zeros(len(index), *self.shape)
        return mean, torch.ones_like(mean)


def tunings() -> dict[str, Tuning]:
    """Return what is measured, plain DiffFit first."""
    named = {name: tuning for name, tuning in TUNINGS.items() if tuning is not None}
    return {"plain": Minimax(representative=0.0, diverse=0.0), **named}


def measure(asked: argparse.Namespace) -> list[str]:
    """Return conditions and table as Markdown lines."""
    device = device_of(asked.device)
    generator = find_generator(asked.generator).open(device)
    source = Noise(
        generator.card.latent_shape,
        torch.arange(CLASSES).repeat_interleave(IMAGES // CLASSES),
        torch.arange(CLASSES),
    )
    learners = {}
    for name, tuning in tunings().items():
        fixed = replace(tuning, decay=0.9999, tune_batch=asked.batch, tune_numerics=asked.numerics)
        network = transformer_of(generator)
        learners[name] = TuningLearner(network, fixed, source, generator.card.betas, Streams((0,)))
    rounds: dict[str, list[float]] = {name: [] for name in learners}
    for _ in range(ROUNDS):
        for name, learner in learners.items():
            rounds[name].append(_seconds(learner, asked.seconds / ROUNDS / len(learners)))
    fastest = {name: min(seconds) for name, seconds in rounds.items()}
    rows = [
        {
            "tuning": name,
            "steps/s": f"{1 / seconds:.2f}",
            "time / plain": f"{seconds / fastest['plain']:.2f}",
        }
        for name, seconds in fastest.items()
    ]
    what = f"- generator {asked.generator}, batch {asked.batch}, {asked.numerics}"
    return [*conditions(device), what, "", *markdown(rows)]


def _seconds(learner: TuningLearner, budget: float) -> float:
    steps = count()
    with learner.attached():
        return seconds_per_call(lambda: learner.step(next(steps)), learner.device, budget=budget)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and return the exit status."""
    parser = argparse.ArgumentParser("benchmarks.tuning_speed", description="Tuning speed.")
    parser.add_argument("--generator", default="embedded", help=f"embedded or {RANDOM}")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--numerics", default="tf32", help="tf32, fp32 or bf16")
    parser.add_argument("--seconds", type=float, default=60.0, help="time for all tunings")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:<number>")
    asked = parser.parse_args(arguments)
    GENERATORS.setdefault(RANDOM, RandomTransformer(RANDOM, "random weights, for timing", ()))
    try:
        print("\n".join(measure(asked)))
    except BenchError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())

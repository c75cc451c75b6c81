"""Estimate how long a training or a labelling will take, from a few steps on noise."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import nn

from bench.streams import Streams
from bench.training.examples import Examples
from bench.training.learner import Training
from bench.training.numerics import precision
from bench.training.recipe import Recipe, settled
from bench.training.schedule import evaluation_epochs
from bench.training.sight import draw_sight, seen
from bench.training.targets import FromTeacher, Targets

BUDGET, CALLS = 0.5, 10
"""Seconds or calls spent on each of the two measurements, after a first call not counted."""
TEST_IMAGES = 64


def estimate_seconds(
    model: nn.Module,
    recipe: Recipe,
    num_train: int,
    num_test: int,
    num_classes: int,
    device: torch.device,
    targets: Callable[[Examples], Targets] | None = None,
) -> float:
    """Return the expected seconds of a whole training with all its tests.

    Trains `model` on noise for a second at most, so it is of no use afterwards. `targets` make of
    the noise what it should be answered with, such as a teacher's answers; None is its labels.
    """
    batch, side = settled(recipe.batch, "batch"), settled(recipe.resolution, "resolution")
    examples = _noise(min(batch, num_train), side, num_classes).to(device)
    tests = _noise(min(TEST_IMAGES, num_test), side, num_classes).to(device)
    with precision(recipe.numerics, device):
        training = Training(
            model.to(device),
            examples,
            recipe,
            Streams((0,)),
            device,
            targets=targets(examples) if targets else None,
        )
        step = _seconds(lambda: training.epoch(0))
        test = _seconds(lambda: training.test(tests))
    steps = num_train / len(examples) * settled(recipe.epochs, "epochs")
    return steps * step + len(evaluation_epochs(recipe)) * num_test / len(tests) * test


def estimate_labelling(
    teacher: nn.Module, recipe: Recipe, num_images: int, num_classes: int, device: torch.device
) -> float:
    """Return the expected seconds of a teacher's answers to every view of a set in all epochs.

    Half a second of noise is shown to it; no student learns.
    """
    batch, side = settled(recipe.batch, "batch"), settled(recipe.resolution, "resolution")
    examples = _noise(min(batch, num_images), side, num_classes).to(device)
    asked = FromTeacher(teacher.to(device), 1.0, squared=False, numerics=recipe.numerics)
    sizes = torch.tensor([[side, side]]).expand(len(examples), 2)

    def label() -> None:
        sight = draw_sight(recipe, sizes, Streams((0,)), 0)
        for shown in seen(sight, examples.images, recipe, device, 0):
            asked.answers(shown.images).half().cpu()

    with precision(recipe.numerics, device):
        step = _seconds(label)
    return num_images / len(examples) * settled(recipe.epochs, "epochs") * step


def _noise(num_images: int, side: int, num_classes: int) -> Examples:
    rng = Streams((0,)).torch("probe")
    images = torch.randint(256, (num_images, 3, side, side), generator=rng, dtype=torch.uint8)
    return Examples(images, torch.randint(num_classes, (num_images,), generator=rng))


def _seconds(work: Callable[[], object]) -> float:
    """Return the seconds of one call; both kinds of work end by reading from the device."""
    work()
    started, calls = time.perf_counter(), 0
    while calls == 0 or (calls < CALLS and time.perf_counter() - started < BUDGET):
        work()
        calls += 1
    return (time.perf_counter() - started) / calls

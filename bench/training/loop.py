"""Train a network from scratch, test it as it learns, and go on where a killed training was."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from bench.errors import BenchError
from bench.streams import Streams
from bench.training.checkpoint import Parts, read_facts, restore, save_checkpoint
from bench.training.compiling import Compiling
from bench.training.examples import Examples
from bench.training.learner import Training
from bench.training.numerics import precision
from bench.training.recipe import Recipe, settled
from bench.training.schedule import evaluation_epochs
from bench.training.targets import Targets


@dataclass(frozen=True)
class Curves:
    """What was seen while a network was trained; all tuples but the last have one value a test."""

    epochs: tuple[int, ...]
    """Epochs finished at every test, ascending; the last is the last epoch."""
    accuracy: tuple[float, ...]
    """Top-1 accuracy in percent."""
    loss: tuple[float, ...]
    """Mean training loss of the epoch before the test, of mixed images where they are mixed."""
    per_class_last: tuple[float, ...]
    """Accuracy of every class at the last test, in percent; NaN for a class without images."""
    updates: int
    """Optimizer steps in all."""
    earlier_seconds: float = 0.0
    """Time that a killed process spent on the epochs it had kept; 0 if there was none."""
    compiled: bool = False
    """Whether the passes were compiled, which changes nothing but rounding and time."""


@dataclass(frozen=True)
class Keeping:
    """Where a training is kept as it goes, so that a kill costs minutes."""

    path: Path
    """A file that belongs to this training alone, and goes when its result is safe."""
    every: float = 600.0
    """Seconds between two writings."""


def _silent(done: int, total: int) -> None:
    """Report no progress."""


def train(
    model: nn.Module,
    examples: Examples,
    tests: Examples,
    recipe: Recipe,
    streams: Streams,
    device: torch.device,
    progress: Callable[[int, int], None] = _silent,
    keeping: Keeping | None = None,
    compiling: Compiling | None = None,
    targets: Targets | None = None,
    seeing: Streams | None = None,
) -> Curves:
    """Train `model` in place and return its curves.

    `tests` have the recipe's resolution already. `targets` say what the images should be answered
    with; None is their labels. Randomness comes from the streams "order", "augment" and "mix" of
    every epoch, those of `seeing` if it is given, and from "dropout" of `streams`. A last batch
    shorter than the others is kept. `progress` is called after every epoch with the updates done
    and all updates. With `keeping`, a training that was killed goes on from its last writing, to
    the same result as if it had not been. `compiling` says whether the passes are compiled; None is
    no.

    Raises BenchError when the loss is no longer finite, when the device runs out of memory and when
    batch norm meets a last batch of one image whose feature maps are 1 x 1: as in the official
    code, the image is neither dropped nor moved to another batch. ValueError if the recipe is not
    resolved.
    """
    with _plain_errors(recipe, len(examples)), precision(recipe.numerics, device):
        training = Training(
            model.to(device),
            examples.to(device),
            recipe,
            streams,
            device,
            compiling,
            targets,
            seeing,
        )
        return _run(training, tests.to(device), progress, keeping)


@dataclass
class _Seen:
    """How far a training is and what it has seen."""

    epoch: int = 0
    accuracy: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    per_class: tuple[float, ...] = ()
    earlier: float = 0.0
    """Seconds of processes before this one."""
    clock: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Return the time spent so far, by this process and those before it."""
        return self.earlier + time.perf_counter() - self.clock


def _run(
    training: Training,
    tests: Examples,
    progress: Callable[[int, int], None],
    keeping: Keeping | None,
) -> Curves:
    epochs, due = settled(training.recipe.epochs, "epochs"), evaluation_epochs(training.recipe)
    seen = _begun(training, keeping)
    written = seen.seconds
    while seen.epoch < epochs:
        loss = training.epoch(seen.epoch)
        seen.epoch += 1
        if not math.isfinite(loss):
            raise BenchError(
                f"The training loss became {loss} in epoch {seen.epoch} of {epochs}: "
                "lower `lr`, or look for images without content."
            )
        if seen.epoch in due:
            top1, seen.per_class = training.test(tests)
            seen.accuracy.append(top1)
            seen.losses.append(loss)
        progress(seen.epoch * training.steps, epochs * training.steps)
        if keeping and seen.epoch < epochs and seen.seconds - written >= keeping.every:
            _keep(training, seen, keeping)
            written = seen.seconds
    updates, earlier = epochs * training.steps, seen.earlier
    return Curves(
        due,
        tuple(seen.accuracy),
        tuple(seen.losses),
        seen.per_class,
        updates,
        earlier,
        training.compiled,
    )


def _keep(training: Training, seen: _Seen, keeping: Keeping) -> None:
    # The accuracy by class is that of the last test, which is still to come.
    facts = {
        "epoch": seen.epoch,
        "accuracy": seen.accuracy,
        "losses": seen.losses,
        "seconds": seen.seconds,
    }
    keeping.path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(keeping.path, Parts(training.model, training.optimizer), facts)


def _begun(training: Training, keeping: Keeping | None) -> _Seen:
    """Put the training into the state that an earlier process has kept, if there is one."""
    if keeping is None or not keeping.path.exists():
        return _Seen()
    facts = read_facts(keeping.path)
    restore(keeping.path, Parts(training.model, training.optimizer))
    return _Seen(facts["epoch"], facts["accuracy"], facts["losses"], earlier=facts["seconds"])


@contextmanager
def _plain_errors(recipe: Recipe, num_images: int) -> Iterator[None]:
    """Say in one sentence what a user can mend; let every other error pass."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise BenchError(
            f"The device ran out of memory with batches of {recipe.batch} images of "
            f"{recipe.resolution} x {recipe.resolution} pixels: "
            "lower `batch` or `resolution`, or free the device."
        ) from error
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):  # torch's words
            raise
        raise BenchError(
            "A pass of one image with feature maps of 1 x 1 cannot be normalised "
            f"({num_images} images, batch={recipe.batch}, passes={recipe.passes}): choose a "
            "`batch` that leaves no image alone, or a larger `resolution`."
        ) from error

"""Train by the engine and by other loops, and test whether they are equally good.

    python -m benchmarks.accuracy PATH/TO/FOLDER [--arms engine,reference,compiled] [--epochs 300]
                                  [--resolution 32] [--seeds 5]

ConvNet-3 of width 64 on the images that the method `first` takes at IPC 10; all begin with the
same weights for a seed. Printed are all last accuracies, their differences from the first arm with
intervals, and an equivalence test at 2 points of accuracy.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import nn

from bench.artefacts import ArtefactStore, default_cache
from bench.backbones import ConvNet, build_student
from bench.context import Context
from bench.data import open_real_set
from bench.errors import BenchError
from bench.runner import device as device_of
from bench.sets import ImageSet
from bench.streams import Streams
from bench.training.compiling import Compiling, Wish
from bench.training.examples import Examples
from bench.training.loop import train
from benchmarks.conditions import conditions
from benchmarks.equivalence import Difference
from benchmarks.reference_images import Photos
from benchmarks.reference_loop import train_reference
from methods.first import First
from protocols.hard import HardLabel

if TYPE_CHECKING:
    from bench.data.prefix import Prefix
    from bench.images import Images
    from bench.sets import RealSet
    from bench.training.recipe import Numerics

STUDENT = ConvNet(3, width=64)
IPC = 10
MARGIN = 2.0
"""Points of accuracy within which two loops count as equally good."""

REFERENCE = "reference"
"""The arm that is the reference loop; the others are the engine with these settings."""
ENGINES: dict[str, tuple[Wish, Numerics]] = {
    "engine": ("never", "fp32"),
    "compiled": ("always", "fp32"),
    "tf32": ("always", "tf32"),
    "bf16": ("always", "bf16"),
}


@dataclass(frozen=True, eq=False)
class Comparison:
    """The one set of images, decoded for both loops, and the one recipe."""

    protocol: HardLabel
    num_classes: int
    train: ImageSet
    test: ImageSet
    ctx: Context

    def network(self, seed: int) -> nn.Module:
        """Return the untrained student of a seed."""
        return build_student(
            STUDENT,
            num_classes=self.num_classes,
            image_size=self.protocol.resolution or 0,
            seed=Streams((0, seed)).integer("init"),
        )

    def accuracy(self, arm: str, seed: int) -> float:
        """Return the last accuracy of an arm in percent."""
        return self.reference(seed) if arm == REFERENCE else self.engine(seed, *ENGINES[arm])

    def engine(self, seed: int, wish: Wish, numerics: Numerics) -> float:
        """Return the last accuracy of the engine in percent; BenchError if nothing compiles."""
        curves = train(
            self.network(seed),
            self._examples(self.train, self.protocol.train_prefix()),
            self._examples(self.test, self.protocol.test_prefix()),
            replace(self.protocol, numerics=numerics),
            Streams((0, seed)),
            self.ctx.device,
            compiling=Compiling(wish),
        )
        if curves.compiled != (wish == "always"):
            raise BenchError("Torch compiles nothing here: leave out the arms that are compiled.")
        return curves.accuracy[-1]

    def reference(self, seed: int) -> float:
        """Return the last accuracy of the reference loop in percent."""
        run = train_reference(
            self.network(seed),
            _photos(self.train),
            _photos(self.test),
            self.protocol,
            self.ctx.device,
            seed=seed,
        )
        return run.last

    def _examples(self, images: ImageSet, prefix: Prefix) -> Examples:
        pixels = torch.from_numpy(self.ctx.pixels(images, prefix))
        return Examples(pixels, torch.from_numpy(images.labels.copy()))


def _photos(images: ImageSet) -> Photos:
    """Decode a set as it is stored: the reference loop resizes what it loads."""
    return Photos(_decoded(images.images), tuple(images.labels.tolist()))


def _decoded(images: Images) -> tuple[Image.Image, ...]:
    return tuple(Image.fromarray(images.decode(index)) for index in range(len(images)))


def comparison(
    real: RealSet, protocol: HardLabel, device: torch.device, cache: Path, work: Path
) -> Comparison:
    """Return what both loops train on; UsageError if a class has fewer images than the IPC."""
    ctx = Context(device, Streams((0,)), work, ArtefactStore(cache), lambda name: real)
    method = First().resolve(real.card, IPC)
    distilled = method.distill(real, IPC, ctx)
    # Without a revision, because nothing of a few images is cached on disk.
    chosen = ImageSet(distilled.images, distilled.labels, revision="")
    resolved = protocol.resolve(real.card, IPC, STUDENT)
    return Comparison(resolved, real.card.num_classes, chosen, real.test, ctx)


def verdict(accuracies: Mapping[str, Sequence[float]]) -> list[str]:
    """Return all lists, and the differences from the first and their tests, as Markdown."""
    (first, own), *others = accuracies.items()
    lists = [f"- {arm}: {_listed(values)}" for arm, values in accuracies.items()]
    return lists + [
        line for arm, values in others for line in _compared(f"{arm} - {first}", values, own)
    ]


def _compared(title: str, accuracies: Sequence[float], others: Sequence[float]) -> list[str]:
    difference = Difference.of(accuracies, others)
    low, high = difference.interval()
    p = difference.equivalence(MARGIN)
    equal = "equivalent" if p < 0.05 else "not shown to be equivalent"
    return [
        f"- {title}: {difference.mean:+.2f} points, 95% interval (Welch) {low:+.2f} to "
        f"{high:+.2f}; TOST at ±{MARGIN:g} points: p = {p:.2g}, {equal} at the 5% level",
    ]


def _listed(accuracies: Sequence[float]) -> str:
    values = ", ".join(f"{value:.2f}" for value in accuracies)
    return f"{values}; mean {sum(accuracies) / len(accuracies):.2f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print and return the exit status."""
    parser = argparse.ArgumentParser("benchmarks.accuracy", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="holds train/ and val/ by class name")
    parser.add_argument(
        "--arms",
        default="engine,reference,compiled",
        help=f"two or more of {', '.join([REFERENCE, *ENGINES])}",
    )
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each loop, at least 2")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:<number>")
    asked = parser.parse_args(arguments)
    if asked.seeds < 2:
        parser.error(f"`--seeds` must be at least 2, got {asked.seeds}.")
    arms = tuple(dict.fromkeys(asked.arms.split(",")))
    if len(arms) < 2 or not {*arms} <= {REFERENCE, *ENGINES}:
        parser.error(f"`--arms` must name two or more of {', '.join([REFERENCE, *ENGINES])}.")
    try:
        print("\n".join(_measured(asked, arms)))
    except (BenchError, ValueError) as error:
        parser.error(str(error))
    return 0


def _measured(asked: argparse.Namespace, arms: Sequence[str]) -> list[str]:
    device, cache = device_of(asked.device), default_cache()
    real = open_real_set(f"compared=folder:{asked.folder}", data_root=None, cache=cache)
    # One test, at the end: only the last accuracy is compared, and tests change no training.
    protocol = HardLabel(
        resolution=asked.resolution, epochs=asked.epochs, evaluations=1, numerics="fp32"
    )
    with tempfile.TemporaryDirectory() as work:
        compared = comparison(real, protocol, device, cache, Path(work))
        accuracies: dict[str, list[float]] = {arm: [] for arm in arms}
        for seed in range(asked.seeds):
            for arm, values in accuracies.items():
                values.append(compared.accuracy(arm, seed))
            last = ", ".join(f"{arm} {values[-1]:.2f}" for arm, values in accuracies.items())
            print(f"seed {seed}: {last}", file=sys.stderr)
    return [*conditions(device), *verdict(accuracies)]


if __name__ == "__main__":
    sys.exit(main())

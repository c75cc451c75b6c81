"""Train by the engine and by other loops, and test whether they are equally good.

    python -m benchmarks.accuracy PATH/TO/FOLDER [--protocol hard]
                                  [--arms engine,reference,compiled] [--epochs 300]
                                  [--resolution 32] [--seeds 5]

ConvNet-3 of width 64 on the images that the method `first` takes at IPC 10; all begin with the
same weights for a seed, and learn the answers of one teacher if labels are soft. Printed are all
last accuracies, their differences from the first arm with intervals, and an equivalence test at 2
points of accuracy.
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
from bench.teachers.opened import open_teacher
from bench.teachers.trained import Trained
from bench.training.compiling import Compiling, Wish
from bench.training.examples import Examples
from bench.training.loop import train
from bench.training.recipe import settled
from bench.training.targets import FromTeacher
from benchmarks.conditions import conditions
from benchmarks.equivalence import Difference
from benchmarks.reference_images import Photos
from benchmarks.reference_loop import train_reference
from benchmarks.reference_soft import train_soft_reference
from methods.first import First
from protocols.hard import HardLabel
from protocols.soft import SoftLabel

if TYPE_CHECKING:
    from bench.data.prefix import Prefix
    from bench.images import Images
    from bench.sets import RealSet
    from bench.training.recipe import Numerics
    from bench.training.targets import Targets

STUDENT = ConvNet(3, width=64)
IPC = 10
MARGIN = 2.0
"""Points of accuracy within which two loops count as equally good."""
TEACHER = Trained(network="convnet3[width=64]", epochs=10)
PATCHES = 2
"""Strips per side that soft labels shuffle, as at 224 pixels; crops cover half or more."""

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
    """The one set of images, decoded for both loops, the one recipe and the one teacher."""

    protocol: HardLabel | SoftLabel
    teacher: nn.Module | None
    """What soft labels come from."""
    num_classes: int
    train: ImageSet
    test: ImageSet
    ctx: Context

    def network(self, seed: int) -> nn.Module:
        """Return the untrained student of a seed."""
        return build_student(
            STUDENT,
            num_classes=self.num_classes,
            image_size=self.protocol.side,
            norm=settled(self.protocol.norm, "norm"),
            seed=Streams((0, seed)).integer("init"),
        )

    def accuracy(self, arm: str, seed: int) -> float:
        """Return the last accuracy of an arm in percent."""
        return self.reference(seed) if arm == REFERENCE else self.engine(seed, *ENGINES[arm])

    def engine(self, seed: int, wish: Wish, numerics: Numerics) -> float:
        """Return the last accuracy of the engine in percent; BenchError if nothing compiles."""
        curves = train(
            self.network(seed),
            self._examples(self.train, self.protocol.prefix_of(self.train.images)),
            self._examples(self.test, self.protocol.test_prefix()),
            replace(self.protocol, numerics=numerics),
            Streams((0, seed)),
            self.ctx.device,
            compiling=Compiling(wish),
            targets=self._targets(numerics),
        )
        if curves.compiled != (wish == "always"):
            raise BenchError("Torch compiles nothing here: leave out the arms that are compiled.")
        return curves.accuracy[-1]

    def reference(self, seed: int) -> float:
        """Return the last accuracy of the reference loop in percent."""
        network, train, test = self.network(seed), _photos(self.train), _photos(self.test)
        device = self.ctx.device
        if isinstance(self.protocol, HardLabel):
            run = train_reference(network, train, test, self.protocol, device, seed=seed)
        else:
            run = train_soft_reference(
                network, self._taught, train, test, self.protocol, device, seed=seed
            )
        return run.last

    @property
    def _taught(self) -> nn.Module:
        if self.teacher is None:
            raise TypeError("Soft labels need a teacher.")
        return self.teacher

    def _targets(self, numerics: Numerics) -> Targets | None:
        if isinstance(self.protocol, HardLabel):
            return None
        temperature = settled(self.protocol.temperature, "temperature")
        return FromTeacher(self._taught, temperature, squared=False, numerics=numerics)

    def _examples(self, images: ImageSet, prefix: Prefix) -> Examples:
        pixels = torch.from_numpy(self.ctx.pixels(images, prefix))
        return Examples(pixels, torch.from_numpy(images.labels.copy()))


def _photos(images: ImageSet) -> Photos:
    """Decode a set as it is stored: the reference loop resizes what it loads."""
    return Photos(_decoded(images.images), tuple(images.labels.tolist()))


def _decoded(images: Images) -> tuple[Image.Image, ...]:
    return tuple(Image.fromarray(images.decode(index)) for index in range(len(images)))


def comparison(
    real: RealSet, protocol: HardLabel | SoftLabel, device: torch.device, cache: Path, work: Path
) -> Comparison:
    """Return what both loops train on; UsageError if a class has fewer images than the IPC.

    Soft labels need a teacher, which is trained unless the cache has it.
    """
    ctx = Context(device, Streams((0,)), work, ArtefactStore(cache), lambda name: real)
    method = First().resolve(real.card, IPC)
    distilled = method.distill(real, IPC, ctx)
    # Without a revision, because nothing of a few images is cached on disk.
    chosen = ImageSet(distilled.images, distilled.labels, revision="")
    resolved = protocol.resolve(real.card, IPC, STUDENT)
    teacher = None
    if isinstance(resolved, SoftLabel):
        asked = settled(resolved.teacher, "teacher")
        teacher = open_teacher(asked, real, resolved.side, resolved.test_side, ctx).network
    return Comparison(resolved, teacher, real.card.num_classes, chosen, real.test, ctx)


def recipe(labels: str, resolution: int, epochs: int) -> HardLabel | SoftLabel:
    """Return the protocol of "hard" or "soft" labels.

    One test, at the end: only the last accuracy is compared, and tests change no training.
    """
    if labels == "hard":
        return HardLabel(resolution=resolution, epochs=epochs, evaluations=1, numerics="fp32")
    return SoftLabel(
        resolution=resolution,
        epochs=epochs,
        evaluations=1,
        numerics="fp32",
        patches=PATCHES,
        crop_scale=(1.0 / PATCHES, 1.0),
        teacher=TEACHER,
    )


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
    parser.add_argument("--protocol", default="hard", choices=("hard", "soft"))
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
    protocol = recipe(asked.protocol, asked.resolution, asked.epochs)
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

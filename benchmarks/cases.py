"""What is measured: four students at the resolutions they are published with, IPC 10 and 50.

Ten classes, as ImageNette and ImageWoof have; images are noise, because their content changes no
time. Each case trains by the published hard-label recipe of its IPC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bench.backbones import ConvNet, ResNet, ResNetAP, build_student
from bench.training.recipe import Numerics, Recipe
from protocols.hard_tables import published

if TYPE_CHECKING:
    from bench.contracts import Student

NUM_CLASSES = 10
NUM_TESTS = 500
"""Test images of ten ImageNet classes: fifty each."""


@dataclass(frozen=True)
class Case:
    """One student at one resolution, with as many images as one IPC has."""

    student: Student
    resolution: int
    """Pixels per side."""
    ipc: int

    @property
    def student_label(self) -> str:
        """Return the student in words, such as "convnet3 width 64 @ 32"."""
        width = getattr(self.student, "width", None)
        wide = f" width {width}" if isinstance(width, int) and width != ConvNet.width else ""
        return f"{getattr(self.student, 'name', self.student)}{wide} @ {self.resolution}"

    @property
    def label(self) -> str:
        """Return the case in words, such as "convnet6 @ 224, IPC 10"."""
        return f"{self.student_label}, IPC {self.ipc}"

    @property
    def large(self) -> bool:
        """Say whether the case takes minutes without a GPU."""
        return self.resolution > 64

    @property
    def num_images(self) -> int:
        """Return the number of training images."""
        return NUM_CLASSES * self.ipc

    def recipe(self, numerics: Numerics) -> Recipe:
        """Return the published recipe, resolved, in the given precision."""
        row = published("minimax", NUM_CLASSES, self.ipc, "sgd")
        return Recipe(
            resolution=self.resolution,
            lr=row.lr,
            weight_decay=row.weight_decay,
            epochs=row.epochs,
            batch=row.batch,
            evaluations=row.evaluations,
            numerics=numerics,
        )

    def network(self) -> nn.Module:
        """Return the untrained network on the CPU, the same one each time."""
        return build_student(
            self.student, num_classes=NUM_CLASSES, image_size=self.resolution, seed=0
        )

    def noise(self, num_images: int | None = None) -> tuple[Tensor, Tensor]:
        """Return images uint8 `[N, 3, H, W]` and labels int64 `[N]`; N is the case's own for None.

        They are the same each time.
        """
        num = self.num_images if num_images is None else num_images
        generator = torch.Generator().manual_seed(0)
        shape = (num, 3, self.resolution, self.resolution)
        images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        return images, torch.arange(num) % NUM_CLASSES


_STUDENTS: tuple[tuple[Student, int], ...] = (
    (ConvNet(3, width=64), 32),
    (ConvNet(6), 224),
    (ResNetAP(10), 224),
    (ResNet(18), 224),
)
IPCS = (10, 50)
CASES = tuple(Case(student, resolution, ipc) for student, resolution in _STUDENTS for ipc in IPCS)


def chosen(cases: str, device: torch.device) -> tuple[Case, ...]:
    """Return the cases of a request: "all", "small", "large", or "auto".

    "auto" is all on a GPU and the small ones elsewhere. ValueError for another word.
    """
    choices: dict[str, Callable[[Case], bool]] = {
        "all": lambda case: True,
        "small": lambda case: not case.large,
        "large": lambda case: case.large,
        "auto": lambda case: device.type == "cuda" or not case.large,
    }
    if cases not in choices:
        raise ValueError(f"`cases` must be one of {', '.join(choices)}, got {cases!r}.")
    return tuple(case for case in CASES if choices[cases](case))

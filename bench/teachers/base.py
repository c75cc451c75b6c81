"""What every teacher is, and what those have in common whose weights are given."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self, get_args

from bench.errors import UsageError
from bench.training.recipe import Norm

if TYPE_CHECKING:
    from torch import nn

    from bench.contracts import Student
    from bench.sets import DatasetCard
    from bench.teachers.weights import TeacherWeights


@dataclass(frozen=True)
class Teacher(ABC):
    """One or more networks trained on the real set, whose answers students learn."""

    revision: ClassVar[int] = 1

    @property
    def words(self) -> str:
        """Return what stands in the tables, where no path belongs."""
        return type(self).__name__.lower()

    @property
    def title(self) -> str:
        """Return what messages call it."""
        return self.words

    def resolve(self, card: DatasetCard) -> Self:
        """Return the teacher for a set; pure."""
        return self

    def check(self, card: DatasetCard, resolution: int) -> None:
        """Raise UsageError if it cannot teach a set at a resolution; no weights are read."""
        return

    @abstractmethod
    def weights_of(self, card: DatasetCard, resolution: int) -> TeacherWeights:
        """Return the artefact of its weights; UsageError if a file is missing."""

    @abstractmethod
    def blank(self, card: DatasetCard, resolution: int) -> nn.Module:
        """Return it untrained, with one logit for every class of a set: for probes and FLOP."""

    @abstractmethod
    def fresh(self, num_outputs: int, resolution: int, seed: int = 0) -> nn.Module:
        """Return one of its networks untrained, on the CPU, with weights that follow from `seed`.

        UsageError if the network cannot take images of this resolution.
        """

    def given(self) -> Path | None:
        """Return the file of weights that are given, fetched if need be; None: they are trained.

        BenchError if they cannot be had.
        """
        return None

    def stated_classes(self) -> tuple[str, ...]:
        """Return the class id of every output of given weights; () if nothing says it."""
        return ()


@dataclass(frozen=True)
class Given(Teacher):
    """What teachers have in common whose weights are given and which state their classes."""

    def check(self, card: DatasetCard, resolution: int) -> None:
        """Raise UsageError unless all classes of the set are among the teacher's."""
        self._places(card)

    def blank(self, card: DatasetCard, resolution: int) -> nn.Module:
        """Return it untrained, its outputs put into the order of the set's labels."""
        from bench.teachers.mapping import mapped

        count = len(self.stated_classes())
        return mapped(self.fresh(count, resolution), self._places(card), count)

    def _places(self, card: DatasetCard) -> tuple[int, ...]:
        from bench.teachers.mapping import columns

        return columns(self.stated_classes(), card, self.title)


def student_of(network: str) -> Student:
    """Return the student that a teacher's `network` names; UsageError unless it is one."""
    from bench.backbones.requests import requested_students

    found = requested_students(network)
    if len(found) != 1:
        raise UsageError(f"`network` of a teacher must name one student, got {network!r}.")
    return found[0].asked


def built(network: str, norm: Norm, num_outputs: int, resolution: int, seed: int) -> nn.Module:
    """Return a student's network untrained, on the CPU, with weights that follow from `seed`."""
    from bench.backbones import build_student

    return build_student(
        student_of(network), num_classes=num_outputs, image_size=resolution, norm=norm, seed=seed
    )


@functools.lru_cache(maxsize=64)
def buildable(teacher: Teacher, num_outputs: int, resolution: int) -> None:
    """Build the network once and let it go: only it knows which images it can take."""
    teacher.fresh(num_outputs, resolution)


def check_norm(norm: str) -> None:
    """Raise ValueError unless this is a norm."""
    if norm not in get_args(Norm):
        raise ValueError(f"`norm` must be 'instance' or 'batch', got {norm!r}.")

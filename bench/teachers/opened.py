"""A teacher made ready for one set: loaded, mapped to its labels, measured, and judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.artefacts import key
from bench.teachers.base import Teacher
from bench.teachers.measured import MeasuredTeacher
from bench.teachers.verdict import verdict

if TYPE_CHECKING:
    from torch import nn

    from bench.context import Context
    from bench.sets import DatasetCard, RealSet


@dataclass(frozen=True, eq=False)
class OpenTeacher:
    """A teacher that students can learn from."""

    network: nn.Module
    """On the device, in evaluation mode, without gradients; logit k is that of label k."""
    name: str
    """Its words and the beginning of the key of its weights: what tells teachers apart."""
    top1: float
    """Percent of the set's test images that it gets right."""
    bytes: int
    """Of its weights as they are stored."""
    warning: str
    """"" or one sentence."""
    classes: str = ""
    """How many of its classes are the set's, such as "10 of 1000"."""

    @property
    def facts(self) -> dict[str, str | int | float]:
        """Return what the record of a student shall say of its teacher."""
        found: dict[str, str | int | float] = {
            "teacher": self.name,
            "teacher_top1": self.top1,
            "teacher_classes": self.classes,
        }
        return found | ({"teacher_warning": self.warning} if self.warning else {})


def measured_teacher(
    teacher: Teacher, card: DatasetCard, resolution: int, resize: int
) -> MeasuredTeacher:
    """Return the artefact of a resolved teacher's measurement; it needs that of the weights."""
    weights = teacher.weights_of(card, resolution)
    return MeasuredTeacher(weights, card.name, card.test_revision, resolution, resize)


def open_teacher(
    teacher: Teacher, real: RealSet, resolution: int, resize: int, ctx: Context
) -> OpenTeacher:
    """Return a resolved teacher for a set, built and measured if it is not yet.

    Test images are resized to `resize` and cropped to `resolution`. A warning goes to the user too.

    Raises UsageError if its classes are not the set's, BenchError if they are in another order, its
    answers are not finite, or its weights cannot be had.
    """
    measured = measured_teacher(teacher, real.card, resolution, resize)
    loaded = ctx.get(measured.weights)
    network = loaded.answering(real.card, teacher.title)
    facts = ctx.get(measured)
    if warning := verdict(facts, real.card, teacher):
        ctx.note(warning)
    return OpenTeacher(
        network,
        f"{teacher.words} {key(measured.weights)[:8]}",
        facts.top1,
        loaded.bytes,
        warning,
        f"{real.card.num_classes} of {facts.outputs}",
    )

"""What is to be thought of a teacher that has been measured."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.teachers.base import Given, Teacher
from bench.teachers.specs import TorchvisionWeights, Trained, WeightsFile

if TYPE_CHECKING:
    from bench.sets import DatasetCard
    from bench.teachers.measured import TeacherFacts

STATED = {
    "imagenette": 90.00,
    "imagewoof": 75.00,
    "imageidc": 87.40,
    "imagenet100": 83.40,
    "cifar10": 93.86,
    "tiny-imagenet": 61.98,
}
"""Top-1 in percent of RDED's ResNet-18 teachers by the set (LINs-lab/RDED @ 3f6453d, README.md).
That its "imagenet-10" is the list `imageidc` is UNVERIFIED."""

ABOVE, ABOVE_IMAGENET = 5.0, 3.0
"""Points above what is stated from which it is too good to be true, of subsets and of ImageNet."""

LEAST_GAIN = 10.0
ERRORS = 5.0
"""Points and standard errors that another order has to gain before a teacher is refused."""


def verdict(facts: TeacherFacts, card: DatasetCard, teacher: Teacher) -> str:
    """Return a warning in one sentence, "" if there is nothing to say.

    BenchError if the teacher cannot be used: its classes are in another order than the set's, or
    its answers are not finite.
    """
    if not facts.finite:
        raise BenchError(
            f"The teacher {teacher.title!r} answers test images of {card.name!r} with numbers that "
            "are not finite: train or import it anew."
        )
    worst = 50.0 / math.sqrt(facts.num_images)  # the standard error of 50 %, in points
    if facts.permuted_top1 - facts.top1 >= max(LEAST_GAIN, ERRORS * worst):
        raise _wrong_order(facts, card, teacher)
    return _near_chance(facts, card, teacher) or _too_good(facts, card, teacher)


def _wrong_order(facts: TeacherFacts, card: DatasetCard, teacher: Teacher) -> BenchError:
    moved = next(label for label, best in enumerate(facts.permutation) if best != label)
    best = facts.permutation[moved]
    trained = isinstance(teacher, Trained)
    consequence = (
        "its training and test images have their labels in different orders: look at its folders"
        if trained
        else f"its class order is not that of {card.name!r}; import it anew with `--classes`"
    )
    return BenchError(
        f"The teacher {teacher.title!r} gets {facts.top1:.1f} % of {facts.num_images} test images "
        f"of {card.name!r} right as its classes are ordered, and {facts.permuted_top1:.1f} % in "
        f"another order (the output of label {moved} answers {card.classes[best]!r}, label {best})"
        f": {consequence}."
    )


def _near_chance(facts: TeacherFacts, card: DatasetCard, teacher: Teacher) -> str:
    chance = 1.0 / card.num_classes
    error = math.sqrt(chance * (1.0 - chance) / facts.num_images)
    if facts.top1 > 100.0 * (chance + 3.0 * error):
        return ""
    return (
        f"The teacher {teacher.title!r} gets {facts.top1:.1f} % of the test images of "
        f"{card.name!r} right, which is no more than chance: its students learn nothing."
    )


def _too_good(facts: TeacherFacts, card: DatasetCard, teacher: Teacher) -> str:
    """Return why the test images may have been among what the teacher was trained on."""
    if isinstance(teacher, WeightsFile) and _held_out(card):  # of unknown training images
        return (
            f"The teacher {teacher.title!r} was not trained here, and {card.name!r} tests on "
            "images that are held out (they may be among its training images), so its "
            f"{facts.top1:.1f} % may say too much."
        )
    if reason := _known_overlap(card, teacher):
        return (
            f"The teacher {teacher.title!r} was trained on images that {card.name!r} tests on "
            f"({reason}), so its {facts.top1:.1f} % say too much."
        )
    stated, margin = _stated(facts, card, teacher)
    if stated is None or facts.top1 <= stated + margin:
        return ""
    return (
        f"The teacher {teacher.title!r} gets {facts.top1:.1f} % of the test images of "
        f"{card.name!r} right, where {stated:.2f} % are stated: the test images may overlap what "
        "it was trained on (fastai's split tests on training images of ILSVRC2012)."
    )


def _known_overlap(card: DatasetCard, teacher: Teacher) -> str:
    """Return which images it has seen; "" if none are known."""
    if isinstance(teacher, TorchvisionWeights) and card.test_split.startswith("fastai"):
        return "fastai's split has training images of ILSVRC2012 there"
    if isinstance(teacher, Given) and _held_out(card):
        return "they are held out of its own training images"
    return ""


def _held_out(card: DatasetCard) -> bool:
    return ":held-out-" in card.test_split


def _stated(facts: TeacherFacts, card: DatasetCard, teacher: Teacher) -> tuple[float | None, float]:
    """Return the accuracy that was published for such a teacher, and the points allowed above."""
    if facts.outputs != card.num_classes:
        return None, 0.0  # answers among all of ImageNet's classes, restricted to a few
    if isinstance(teacher, TorchvisionWeights):
        from bench.teachers.torchvision_weights import published_top1

        return published_top1(teacher.weights), ABOVE_IMAGENET
    if not isinstance(teacher, WeightsFile):
        return None, 0.0
    return next((top1 for name, top1 in STATED.items() if _is_set(name, card)), None), ABOVE


def _is_set(name: str, card: DatasetCard) -> bool:
    """Say whether a card's classes are those of a set, in whatever order."""
    from bench.data.classes import class_list

    if name in ("cifar10", "tiny-imagenet"):  # whose splits say so
        return card.train_split.partition(":")[0] == name
    return sorted(card.classes) == sorted(class_list(name))

"""What a protocol's `teacher` can be, by name, and which one is meant where none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.teachers.base import Teacher
from bench.teachers.given import IMAGENET, Shipped, TorchvisionWeights
from bench.teachers.trained import Trained
from bench.teachers.weights_file import WeightsFile

if TYPE_CHECKING:
    from bench.sets import DatasetCard

__all__ = [
    "TEACHERS",
    "Shipped",
    "Teacher",
    "TorchvisionWeights",
    "Trained",
    "WeightsFile",
    "published_teacher",
]

TEACHERS: dict[str, Teacher] = {
    "trained": Trained(),
    "embedded": Shipped(),
    "torchvision": TorchvisionWeights(),
    "file": WeightsFile(),
}
"""What a protocol's `teacher` can be, by name."""


def published_teacher(card: DatasetCard, members: int = 1) -> Teacher:
    """Return the teacher that is meant for a set where none is named.

    The shipped one for the procedural sets, torchvision's ResNet-18 (IMAGENET1K_V1) for ImageNet's
    1000 classes, else `members` networks that are trained on the set.
    """
    from bench.data.classes import class_list

    if card.features == "embedded":
        return Shipped()
    if members == 1 and card.num_classes == 1000 and card.classes == class_list(IMAGENET):
        return TorchvisionWeights()
    return Trained(members=members)

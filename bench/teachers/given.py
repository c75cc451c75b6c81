"""The teachers that are there already: the package's own network, and torchvision's weights.

Sources:   LINs-lab/RDED @ 3f6453d, synthesize/utils.py: `pretrained=True` for ImageNet-1K, which is
           IMAGENET1K_V1; pytorch/vision, torchvision/models: the names of the weights.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from bench.errors import UsageError
from bench.teachers.base import Given, buildable, built, student_of

if TYPE_CHECKING:
    from torch import nn

    from bench.sets import DatasetCard
    from bench.teachers.weights import TeacherWeights

IMAGENET = "imagenet1k"


@dataclass(frozen=True)
class Shipped(Given):
    """The small network that comes with the package, for the procedural sets at 32 pixels."""

    revision: ClassVar[int] = 1

    @property
    def words(self) -> str:
        """Return its name."""
        return "embedded"

    def check(self, card: DatasetCard, resolution: int) -> None:
        """Raise UsageError for another size or other classes than it was trained on."""
        from bench.generators.architecture import IMAGE_SIZE
        from bench.shipped import SETS

        if resolution != IMAGE_SIZE or not set(card.classes) <= set(self.stated_classes()):
            raise UsageError(
                f"The teacher `embedded` takes images of {IMAGE_SIZE} x {IMAGE_SIZE} pixels of "
                f"{' and '.join(SETS)}, got {resolution} of {card.name!r}: write "
                "`teacher=trained[...]`."
            )
        super().check(card, resolution)

    def weights_of(self, card: DatasetCard, resolution: int) -> TeacherWeights:
        """Return the artefact, named by the hash in the package's card."""
        from bench.features.shipped import FILE
        from bench.shipped import PACKAGE
        from bench.teachers.weights import TeacherWeights

        return TeacherWeights(self, sha256=PACKAGE.sha256(FILE), resolution=resolution)

    def fresh(self, num_outputs: int, resolution: int, seed: int = 0) -> nn.Module:
        """Return the feature network; its 20 outputs are both sets' classes."""
        from bench.generators.architecture import feature_network, seeded

        return seeded(feature_network, seed)

    def given(self) -> Path | None:
        """Return the file in the package; BenchError if it is not the listed one."""
        from bench.features.shipped import FILE
        from bench.shipped import PACKAGE

        return PACKAGE.checked(FILE)

    def stated_classes(self) -> tuple[str, ...]:
        """Return the classes of both procedural sets."""
        from bench.shipped import CLASS_IDS

        return CLASS_IDS


@dataclass(frozen=True)
class TorchvisionWeights(Given):
    """torchvision's weights of one version, trained on ImageNet's 1000 classes."""

    revision: ClassVar[int] = 1

    weights: str = "ResNet18_Weights.IMAGENET1K_V1"
    """torchvision's exact name; the default is what `pretrained=True` used to mean (RDED, SRe2L).
    DEFAULT is refused: it is IMAGENET1K_V1 for ResNet-18 and IMAGENET1K_V2 for ResNet-50."""

    def __post_init__(self) -> None:
        """Raise ValueError unless the name is of one version."""
        kind, _, version = self.weights.partition(".")
        if not re.fullmatch(r"\w+_Weights", kind) or not version or version == "DEFAULT":
            raise ValueError(
                "`weights` must name one version, such as ResNet50_Weights.IMAGENET1K_V1 or "
                f"IMAGENET1K_V2, got {self.weights!r}: DEFAULT changes between versions of "
                "torchvision."
            )

    @property
    def words(self) -> str:
        """Return the name of the weights."""
        return self.weights

    def check(self, card: DatasetCard, resolution: int) -> None:
        """Raise UsageError for unknown weights, those that cannot be had, or other classes."""
        from bench.artefacts import ArtefactStore, default_cache
        from bench.teachers.torchvision_weights import require_weights

        super().check(card, resolution)
        buildable(self, len(self.stated_classes()), resolution)
        if not ArtefactStore(default_cache()).has(self.weights_of(card, resolution)):
            require_weights(self.weights)

    def weights_of(self, card: DatasetCard, resolution: int) -> TeacherWeights:
        """Return the artefact, named by the weights' own name."""
        from bench.teachers.weights import TeacherWeights

        return TeacherWeights(
            self, network_revision=student_of(self._network).revision, resolution=resolution
        )

    def fresh(self, num_outputs: int, resolution: int, seed: int = 0) -> nn.Module:
        """Return torchvision's network."""
        return built(self._network, "batch", num_outputs, resolution, seed)

    def given(self) -> Path | None:
        """Return the file of the weights, fetched if it is not here."""
        from bench.teachers.torchvision_weights import fetched_weights

        return fetched_weights(self.weights)

    def stated_classes(self) -> tuple[str, ...]:
        """Return ImageNet's ids sorted, which is the order of torchvision's outputs."""
        from bench.data.classes import class_list

        return class_list(IMAGENET)

    @property
    def _network(self) -> str:
        from bench.teachers.torchvision_weights import network_of

        return network_of(self.weights)

"""The teacher that the harness trains on the real set.

Sources:   LINs-lab/RDED @ 3f6453d, README.md: a ResNet-18 trained from scratch on every subset;
           lin-zhao-resoLve/D3HR @ 8ba351d, validation/validate_fiveteacher.py: five, seeds 0 to 4.
Differs:   neither has published how it trained them (LINs-lab/RDED, issue 5): the recipe is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.teachers.base import Teacher, buildable, built, check_norm, student_of
from bench.training.recipe import Norm, Recipe

if TYPE_CHECKING:
    from torch import nn

    from bench.sets import DatasetCard
    from bench.teachers.weights import TeacherWeights


@dataclass(frozen=True)
class Trained(Teacher):
    """A network that the harness trains on the whole real training set, without the test set.

    AdamW at a rate that falls along a whole cosine; random crops of the image resized and
    centre-cropped to the resolution, flips, CutMix in a share of the batches. The recipe is ours.
    """

    revision: ClassVar[int] = 1

    network: str = "resnet18"
    """Request for a student, such as "convnet3[width=64]"; RDED's subsets have ResNet-18."""
    norm: Norm = "batch"
    """Of networks that have a choice; those of libraries keep their own."""
    members: int = 1
    """Networks with seeds of their own, whose logits are averaged; D3HR's ensemble has 5."""
    seed: int = 0
    """Of the first member; the next has one more. All distillation seeds share the teacher."""
    epochs: int = 60
    batch: int = 128
    lr: float = 1e-3
    weight_decay: float = 0.01
    """Decoupled, on the parameters named "weight" of more than one dimension."""
    crop_scale: tuple[float, float] = (0.25, 1.0)
    """Share of the area that a random crop covers."""
    mix_probability: float = 0.5
    """Share of the batches that CutMix (alpha 1) mixes."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        for name in ("members", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if self.seed < 0:
            raise ValueError(f"`seed` must be at least 0, got {self.seed}.")
        check_norm(self.norm)
        self.recipe(1)

    @property
    def words(self) -> str:
        """Return the network and how long it was trained."""
        several = f"{self.members} x " if self.members > 1 else ""
        return f"{several}{self.network} trained {self.epochs} epochs"

    def check(self, card: DatasetCard, resolution: int) -> None:
        """Raise UsageError if there is no such network, or none for images of this size."""
        buildable(self, card.num_classes, resolution)

    def weights_of(self, card: DatasetCard, resolution: int) -> TeacherWeights:
        """Return the artefact: of the training images, so that a hold-out has its own teacher."""
        from bench.teachers.weights import TeacherWeights

        return TeacherWeights(
            self,
            dataset=card.name,
            train_revision=card.train_revision,
            network_revision=student_of(self.network).revision,
            resolution=resolution,
        )

    def fresh(self, num_outputs: int, resolution: int, seed: int = 0) -> nn.Module:
        """Return one member untrained."""
        return built(self.network, self.norm, num_outputs, resolution, seed)

    def blank(self, card: DatasetCard, resolution: int) -> nn.Module:
        """Return all members untrained."""
        from bench.teachers.mapping import united

        return united([self.fresh(card.num_classes, resolution) for _ in range(self.members)])

    def recipe(self, resolution: int) -> Recipe:
        """Return how every member is trained, ValueError for a value out of range."""
        return Recipe(
            resolution=resolution,
            norm=self.norm,
            crop_scale=self.crop_scale,
            jitter=0.0,
            lighting=0.0,
            mix="cutmix",
            mix_probability=self.mix_probability,
            optimizer="adamw",
            lr=self.lr,
            weight_decay=self.weight_decay,
            decay_on="matrices",
            schedule="cosine",
            epochs=self.epochs,
            batch=self.batch,
            evaluations=1,
        )

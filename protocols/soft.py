"""Train a student from scratch on a teacher's answers and test it on real images.

Paper:     Sun et al., "On the Diversity and Realism of Distilled Dataset: An Efficient Dataset
           Distillation Paradigm", CVPR 2024 (RDED), and before it Yin et al., "Squeeze, Recover
           and Relabel", NeurIPS 2023 (SRe2L).
Reference: LINs-lab/RDED @ 3f6453d, argument.py, validation/main.py, validation/utils.py.
Differs:   random numbers come from named streams; what the code looks up by the name of a set
           follows its class count and pixels; the double update of batch norm takes one pass
           (`norm_updates`); students that the code gives a rate of 0 have one of ours; a head has
           as many rows as the set has classes, where the code cuts one of 1000 rows.
Presets:   soft/vlcp       zou-yawen/Dataset-Distillation-via-Vision-Language-Category-Prototype
                           @ d0060eb, 04_evaluation/RDED
           soft/fkd        VILA-Lab/SRe2L @ 8d00cba, relabel/, validate/train_FKD.py;
                           suduo94/D4M @ da35d10, matching/, validate/
           soft/d3hr       lin-zhao-resoLve/D3HR @ 8ba351d, validation/validate.py
           soft/d3hr-five  the same, validation/validate_fiveteacher.py
           What they are and what could not be verified: docs/protocols.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

from bench.studying import Fact, Studying, Uneven, either
from bench.teachers.specs import TEACHERS, Teacher, published_teacher
from bench.training.recipe import CropFrom, DecayOn, Norm, Optimizer, Schedule, TestResize, settled
from protocols.soft_answers import from_teacher, stored_labels, teaching
from protocols.soft_facts import check_mosaic, facts_of_images, facts_of_sizes, lr_source
from protocols.soft_tables import (
    ALPHAS,
    MEMBERS,
    TEMPERATURES,
    Table,
    image_size,
    in_words,
    published,
    tests,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from bench.comparisons import Filling
    from bench.context import Context
    from bench.contracts import Artefact, Outcome, Student
    from bench.footprint import Footprint
    from bench.relabelling import StoredLabels
    from bench.sets import DatasetCard, DistilledSet, RealSet
    from bench.training.examples import Examples
    from bench.training.targets import Targets

Labels = Literal["fresh", "stored"]
LossScale = Literal["none", "squared"]


@dataclass(frozen=True)
class SoftLabel(Studying):
    """Top-1 accuracy of one student per call, taught by the answers of a teacher.

    Teacher and student see the same mixed image, and the loss is the divergence of their softened
    answers: labels of the distilled set are not used, its weights are.
    """

    norm: Norm | None = "batch"
    patches: int | None = None
    crop_from: CropFrom = "stored"
    crop_scale: tuple[float, float] | None = None
    jitter: float = 0.0
    lighting: float = 0.0
    mix_alpha: float | None = None
    optimizer: Optimizer = "adamw"
    lr: float | None = None
    weight_decay: float | None = None
    decay_on: DecayOn = "matrices"
    schedule: Schedule = "half-cosine"
    norm_updates: int = 2
    evaluate_after: int | None = None
    test_resize: TestResize = "8/7"
    uneven: Uneven = "crop"

    table: Table = "rded"
    """Who published the epochs, batch, rate and the other fields that are None."""
    teacher: Teacher | None = field(default=None, metadata={"choices": lambda: TEACHERS})
    """Whose answers students learn: `trained[...]`, `embedded`, `torchvision[weights=...]` or
    `file[path=...]`."""
    labels: Labels = "fresh"
    """The teacher is asked in every update ("fresh"), or once about all epochs, whose answers are
    stored and replayed to every student in the same batches and views ("stored")."""
    temperature: float | None = None
    """Divides the logits of teacher and student before both softmaxes."""
    loss_scale: LossScale = "none"
    """"squared" multiplies the loss by the temperature squared; no paper here does."""
    label_seed: int = 0
    """Of the order, views and mixings behind stored labels; fresh ones have the student's own."""

    revision: ClassVar[int] = 1
    controls: ClassVar[tuple[str, ...]] = ("random",)
    """Methods that every plan has beside the ones that are asked for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kind in (("table", Table), ("labels", Labels), ("loss_scale", LossScale)):
            if getattr(self, name) not in get_args(kind):
                listed = ", ".join(repr(value) for value in get_args(kind))
                raise ValueError(f"`{name}` must be one of {listed}, got {getattr(self, name)!r}.")
        if self.temperature is not None and not 0.0 < self.temperature < float("inf"):
            raise ValueError(f"`temperature` must be above 0, got {self.temperature}.")
        if self.label_seed < 0:
            raise ValueError(f"`label_seed` must be at least 0, got {self.label_seed}.")

    def resolve(self, card: DatasetCard, ipc: int | None, student: Student | None) -> Self:
        """Fill the fields that are None: the teacher that is meant for the set, the published rest.

        `ipc` of None is full data.
        """
        teacher = (self.teacher or published_teacher(card, MEMBERS.get(self.table, 1))).resolve(
            card
        )
        resolution = either(
            self.resolution, image_size(card.resolution, card.num_classes, student, teacher)
        )
        row = published(
            self.table, card.num_classes, resolution, ipc, student, teacher, self.optimizer
        )
        patches, epochs = either(self.patches, row.patches), self.scaled(row.epochs)
        evaluations, tested_from = tests(self.table, epochs)
        return replace(
            self,
            resolution=resolution,
            norm=self.norm or "batch",
            patches=patches,
            crop_scale=either(self.crop_scale, (1.0 / patches, 1.0)),
            mix_alpha=either(self.mix_alpha, ALPHAS[self.mix]),
            lr=either(self.lr, row.lr),
            weight_decay=either(self.weight_decay, row.weight_decay),
            epochs=epochs,
            epochs_scale=1.0,  # the epochs say it now, so that equal trainings are equal results
            batch=either(self.batch, row.batch),
            evaluations=either(self.evaluations, evaluations),
            evaluate_after=either(self.evaluate_after, tested_from),
            teacher=teacher,
            temperature=either(self.temperature, TEMPERATURES[self.mix]),
            label_seed=self.label_seed if self.labels == "stored" else 0,  # nothing reads it else
        )

    def fillings(self) -> dict[str, Filling]:
        """Return what `resolve` fills every field with that is None, for people."""
        from bench.comparisons import Filling

        words = in_words(self.table, self.optimizer, self.mix)
        said = {name: Filling(text, f"table {self.table}") for name, text in words.items()}
        members = MEMBERS.get(self.table, 1)
        others = (
            "torchvision's ResNet-18 (IMAGENET1K_V1) for ImageNet-1K, else one trained on the set"
            if members == 1
            else f"else {members} of ResNet-18 trained on the set"
        )
        said["teacher"] = Filling(f"the shipped network for the procedural sets, {others}")
        return {name: said[name] for name in said if getattr(self, name) is None}

    def needs(self, card: DatasetCard, student: Student | None) -> tuple[Artefact[Any], ...]:
        """Return the teacher's weights, and how well it answers this set's test images.

        Stored labels are no part of it: they need the distilled set, which may not be made yet.
        """
        from bench.teachers.opened import measured_teacher

        teacher = settled(self.teacher, "teacher")
        measured = measured_teacher(teacher, card, self.side, self.test_side)
        return (measured.weights, measured)

    def check(self, card: DatasetCard, student: Student | None) -> None:
        """Raise UsageError if student or teacher cannot serve the set at this resolution."""
        super().check(card, student)
        settled(self.teacher, "teacher").check(card, self.side)

    def evaluate(
        self, distilled: DistilledSet, real: RealSet, student: Student | None, ctx: Context
    ) -> Outcome:
        """Train one student on the teacher's answers and test it on the real test images.

        Scores and series are those of `Studying.study`. Facts name the teacher, its own accuracy
        and all bytes that are needed to train a student so. BenchError if the teacher's classes are
        not those of the set, or if the patches would cut the tiles of a mosaic.
        """
        from bench.contracts import MetricCard
        from bench.teachers.opened import open_teacher

        check_mosaic(distilled, settled(self.patches, "patches"), ctx)
        self.check_images(real.card, len(distilled), student)
        teacher = settled(self.teacher, "teacher")
        opened = open_teacher(teacher, real, self.side, self.test_side, ctx)
        taught = teaching(self, opened, distilled, real.card, ctx)
        facts: dict[str, Fact] = {
            **opened.facts,
            **facts_of_images(self, distilled),
            **facts_of_sizes(distilled, taught.label_bytes, taught.teacher_bytes),
            "labels": self.labels,
            "temperature": settled(self.temperature, "temperature"),
            "lr_source": lr_source(self, real.card, student),
        }
        card = MetricCard({"teacher": opened.name})
        cards = dict.fromkeys(("top1_last", "top1_best"), card)
        how = taught.targets, taught.seeing
        return self.study(distilled, real, student, ctx, *how, facts, cards)

    def probed_targets(
        self, card: DatasetCard, device: torch.device
    ) -> Callable[[Examples], Targets] | None:
        """Return the answers of an untrained teacher; stored labels cost no time to read."""
        if self.labels == "stored":
            return None
        return from_teacher(self, self._blank(card).to(device))

    def labels_of(self, card: DatasetCard, distilled: str) -> tuple[StoredLabels, ...]:
        """Return the labels that are stored for a set of this revision, one of which is made.

        Which one depends on whether its images have one size; none where the teacher is asked in
        every update.
        """
        from bench.data.prefix import Prefix

        if self.labels == "fresh":
            return ()
        prefixes = self.train_prefix(), Prefix(self.stored_side, self.stored_side)
        return tuple(stored_labels(self, card, distilled, prefix) for prefix in prefixes)

    def labelling_seconds(self, card: DatasetCard, num_images: int, device: torch.device) -> float:
        """Estimate the time in which a set's labels are made, from a few batches of noise."""
        from bench.training.probe import estimate_labelling

        return estimate_labelling(self._blank(card), self, num_images, card.num_classes, device)

    def footprint(
        self, card: DatasetCard, num_images: int, student: Student | None, num_test: int
    ) -> Footprint:
        """Return the disk, memory and device bytes of one `evaluate`, by arithmetic."""
        from bench.footprint import LABELS, TEACHER, state_bytes, training_footprint
        from bench.relabelling import BYTES

        teacher, epochs = self._blank(card), settled(self.epochs, "epochs")
        kept = {TEACHER: state_bytes(teacher)}
        if self.labels == "stored":
            kept[LABELS] = epochs * num_images * card.num_classes * BYTES
        return training_footprint(
            self.untrained(student, card.num_classes),
            self,
            num_images,
            num_test,
            self.stored_side,
            None if self.labels == "stored" else teacher,
            kept,
        )

    def _blank(self, card: DatasetCard) -> torch.nn.Module:
        return settled(self.teacher, "teacher").blank(card, self.side)

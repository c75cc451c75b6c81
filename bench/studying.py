"""What all protocols share that train students: build one, train it on the set, test it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from bench.decoded_sets import examples_of, training_images
from bench.errors import BenchError, UsageError
from bench.trainable import check_buildable, learns_alone
from bench.training.recipe import Recipe, settled

if TYPE_CHECKING:
    import torch

    from bench.context import Context
    from bench.contracts import MetricCard, Outcome, Student
    from bench.data.prefix import Prefix
    from bench.footprint import Footprint
    from bench.images import Images
    from bench.sets import DatasetCard, DistilledSet, RealSet
    from bench.streams import Streams
    from bench.training.examples import Examples
    from bench.training.loop import Curves
    from bench.training.targets import Targets

T = TypeVar("T")
Fact = str | int | float
Uneven = Literal["refuse", "crop"]
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Studying(Recipe):
    """A recipe that says how long a published training is cut, and which images it takes."""

    epochs_scale: float = 1.0
    """Factor on the published epochs: 0.1 shortens every IPC's recipe to a tenth of its own."""
    uneven: Uneven = "refuse"
    """What becomes of images of differing sizes where crops are taken from the stored image: they
    are refused, or ("crop") all are first resized and centre-cropped to resolution // 7 * 8 (256
    for 224), the size in which generated images are stored. The soft protocols do so, that
    photographs can be their control; no paper says it."""

    uses_students: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.uneven not in ("refuse", "crop"):
            raise ValueError(f"`uneven` must be one of 'refuse', 'crop', got {self.uneven!r}.")
        if not 0.0 < self.epochs_scale <= 100.0:
            raise ValueError(
                f"`epochs_scale` must be above 0 and at most 100, got {self.epochs_scale}."
            )
        if self.epochs is not None and self.epochs_scale != 1.0:
            raise ValueError(
                f"`epochs_scale` changes the published epochs, but `epochs` is given "
                f"({self.epochs}): leave one of them out."
            )

    def scaled(self, epochs: int) -> int:
        """Return the epochs that are asked for, given the published ones."""
        return either(self.epochs, max(1, round(self.epochs_scale * epochs)))

    def check(self, card: DatasetCard, student: Student | None) -> None:
        """Raise UsageError if the student cannot take images of the protocol's resolution."""
        if self.test_side < self.side:
            raise UsageError(
                f"`test_resize` of '8/7' resizes to resolution // 7 * 8 = {self.test_side} "
                f"pixels, which is less than the resolution {self.side}: choose a multiple of 7, "
                "a larger resolution, or test_resize=resolution."
            )
        chosen: Any = required(student)
        check_buildable(chosen, card.num_classes, self.side, settled(self.norm, "norm"))

    def check_images(self, card: DatasetCard, num_images: int, student: Student | None) -> None:
        """Raise BenchError if the last pass of a batch has one image that cannot be normalised.

        Cheap: only a pass of one image is tried, on noise.
        """
        batch = settled(self.batch, "batch")
        at_once = math.ceil(batch / self.passes)
        sizes = min(batch, num_images), (num_images - 1) % batch + 1  # of most batches, of the last
        if all((size - 1) % at_once for size in sizes):
            return
        chosen: Any = required(student)
        if not learns_alone(chosen, card.num_classes, self.side, settled(self.norm, "norm")):
            raise BenchError(
                "A pass of one image with feature maps of 1 x 1 cannot be normalised "
                f"({num_images} images, batch={batch}, passes={self.passes}): choose a `batch` "
                "that leaves no image alone, or a larger `resolution`."
            )

    def study(
        self,
        distilled: DistilledSet,
        real: RealSet,
        student: Student | None,
        ctx: Context,
        targets: Callable[[Examples], Targets] | None = None,
        seeing: Streams | None = None,
        facts: Mapping[str, Fact] = NOTHING,
        cards: Mapping[str, MetricCard] = NOTHING,
    ) -> Outcome:
        """Train one student on the distilled set and test it on the real test images.

        `targets` says what the student is to answer, given the images on the device (None: their
        labels), `seeing` where order, views and mixings come from (None: the student's own
        streams). `facts` are added to those of every training and win over them.

        Scores: "top1_last", accuracy after the last epoch, and "top1_best", the highest of all
        tests, chosen on the test set; both in percent. Series: "epoch", "top1", "train_loss".
        """
        from bench.contracts import Outcome
        from bench.training.loop import Keeping, train

        student = required(student)
        model = self.untrained(student, len(distilled.classes), ctx.streams.integer("init"))
        examples = self.train_examples(distilled, real, ctx)
        tests = examples_of(real.test, self.test_prefix(), ctx)
        keeping = Keeping(ctx.kept / "student.safetensors") if ctx.kept else None
        if targets is not None:
            examples = examples.to(ctx.device)
        curves = train(
            model,
            examples,
            tests,
            self,
            ctx.streams,
            ctx.device,
            ctx.progress,
            keeping,
            ctx.compiling,
            targets=None if targets is None else targets(examples),
            seeing=seeing,
        )
        series = {"top1": curves.accuracy, "train_loss": curves.loss}
        return Outcome(
            scores={"top1_last": curves.accuracy[-1], "top1_best": max(curves.accuracy)},
            series={"epoch": tuple(float(epoch) for epoch in curves.epochs), **series},
            per_class={"top1_last": curves.per_class_last},
            facts={**self._facts(model, student, curves, distilled), **facts},
            cards=cards,
            earlier_seconds=curves.earlier_seconds,
        )

    def seconds(
        self,
        card: DatasetCard,
        num_images: int,
        student: Student | None,
        num_test: int,
        device: torch.device,
    ) -> float:
        """Estimate the time of one `evaluate`, without decoding, from a few steps on noise."""
        from bench.training.probe import estimate_seconds

        model = self.untrained(student, card.num_classes)
        targets = self.probed_targets(card, device)
        return estimate_seconds(
            model, self, num_images, num_test, card.num_classes, device, targets=targets
        )

    def probed_targets(
        self, card: DatasetCard, device: torch.device
    ) -> Callable[[Examples], Targets] | None:
        """Return what `seconds` trains towards; None for labels."""
        return None

    def footprint(
        self, card: DatasetCard, num_images: int, student: Student | None, num_test: int
    ) -> Footprint:
        """Return the disk, memory and device bytes of one `evaluate`, by arithmetic."""
        from bench.footprint import training_footprint

        model = self.untrained(student, card.num_classes)
        return training_footprint(model, self, num_images, num_test, self.stored_side)

    def train_examples(self, distilled: DistilledSet, real: RealSet, ctx: Context) -> Examples:
        """Return the images of a distilled set as students get them, with their weights."""
        prefix = self.prefix_of(distilled.images)
        return examples_of(training_images(distilled, real, ctx), prefix, ctx, distilled)

    def train_prefix(self) -> Prefix:
        """Return what is done once to every training image of a set of one size."""
        from bench.data.prefix import Prefix

        if self.crop_from == "stored":
            return Prefix(None, None)
        return Prefix(self.resolution, self.resolution)

    def prefix_of(self, images: Images) -> Prefix:
        """Return what is done once to every training image of this set."""
        from bench.data.prefix import Prefix
        from bench.data.sizes import of_one_size

        if self.crop_from != "stored" or self.uneven != "crop" or of_one_size(images):
            return self.train_prefix()
        return Prefix(self.stored_side, self.stored_side)

    def test_prefix(self) -> Prefix:
        """Return what is done once to every test image."""
        from bench.data.prefix import Prefix

        return Prefix(self.test_side, settled(self.resolution, "resolution"))

    @property
    def side(self) -> int:
        """Return the pixels per side that students see; ValueError if that is open still."""
        return settled(self.resolution, "resolution")

    @property
    def stored_side(self) -> int:
        """Return the pixels per side of training images as crops find them, where all have one."""
        return max(self.side, self.side // 7 * 8) if self.crop_from == "stored" else self.side

    @property
    def test_side(self) -> int:
        """Return the pixels of the shorter side of a test image before the centre crop."""
        return self.side // 7 * 8 if self.test_resize == "8/7" else self.side

    def untrained(
        self, student: Student | None, num_classes: int, seed: int = 0
    ) -> torch.nn.Module:
        """Return the student's network with weights that follow from `seed`, on the CPU."""
        from bench.backbones import build_student

        return build_student(
            required(student),
            num_classes=num_classes,
            image_size=self.side,
            norm=settled(self.norm, "norm"),
            seed=seed,
        )

    def _facts(
        self, model: torch.nn.Module, student: Student, curves: Curves, distilled: DistilledSet
    ) -> dict[str, Fact]:
        norm = settled(self.norm, "norm")
        norm_used = getattr(student, "norm_used", None)  # students of third parties may lack it
        return {
            "family": student.family,
            "norm": norm_used(norm) if norm_used else norm,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "updates": curves.updates,
            "compiled": int(curves.compiled),
            "epochs": settled(self.epochs, "epochs"),
            "batch": settled(self.batch, "batch"),
            "resolution": self.side,
            "labels": "one-hot",
            "weighted": int(distilled.weights is not None),
        }


def either(value: T | None, otherwise: T) -> T:
    """Return a value, or another one where it is None."""
    return otherwise if value is None else value


def required(student: Student | None) -> Student:
    """Return the student; UsageError if there is none."""
    if student is None:
        raise UsageError("The protocol trains students and was given none: name one.")
    return student

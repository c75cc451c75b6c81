"""Train a student from scratch on one-hot labels and test it on real images.

Paper:     Gu et al., "Efficient Dataset Distillation via Minimax Diffusion", CVPR 2024, and before
           it Kim et al., "Dataset Condensation via Efficient Synthetic-Data Parameterization",
           ICML 2022 (IDC).
Reference: vimar-gu/MinimaxDiffusion @ 969fc6f, train.py, data.py, argument.py.
Differs:   random numbers come from named streams, so that a student's draws depend on the seeds
           alone and not on the number of loader workers; the resolution is that of the set (224 in
           the paper for every set); an explicit field is never overridden by the class count.
Presets:   hard/igd    mchen725/DD_IGD @ 912e868, train.py
           hard/ims3   Westlake-AGI-Lab/IMS3 @ 2ada72c, run.sh, data.py
           hard/d3hr   lin-zhao-resoLve/D3HR @ 8ba351d, validation/validate_hardlabel.py
           hard/coda   zzzlt422/CoDA @ 0c12e44, test/train.py, scripts/CoDA.sh
           hard/idc    snu-mllab/Efficient-Dataset-Condensation @ ceac95a, argument.py, test.py
           What they are and what could not be verified: docs/protocols.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, get_args

from bench.errors import UsageError
from bench.training.recipe import Norm, Recipe, settled
from protocols.hard_tables import Table, in_words, published

if TYPE_CHECKING:
    import torch

    from bench.comparisons import Filling
    from bench.context import Context
    from bench.contracts import Artefact, Outcome, Student
    from bench.data.prefix import Prefix
    from bench.sets import DatasetCard, DistilledSet, ImageSet, RealSet
    from bench.training.examples import Examples
    from bench.training.loop import Curves


T = TypeVar("T")


@dataclass(frozen=True)
class HardLabel(Recipe):
    """Top-1 accuracy of one student per call, with no teacher and no soft label.

    The fields are those of `Recipe`, and the table that fills the ones left at None. Weights of a
    distilled set enter the loss; its soft labels are not used.
    """

    table: Table = "minimax"
    """Who published the epochs, batch, learning rate and weight decay that are None."""
    epochs_scale: float = 1.0
    """Factor on the published epochs: 0.1 shortens every IPC's recipe to a tenth of its own."""

    revision: ClassVar[int] = 1
    uses_students: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.table not in get_args(Table):
            tables = ", ".join(repr(table) for table in get_args(Table))
            raise ValueError(f"`table` must be one of {tables}, got {self.table!r}.")
        if not 0.0 < self.epochs_scale <= 100.0:
            raise ValueError(
                f"`epochs_scale` must be above 0 and at most 100, got {self.epochs_scale}."
            )
        if self.epochs is not None and self.epochs_scale != 1.0:
            raise ValueError(
                f"`epochs_scale` changes the published epochs, but `epochs` is given "
                f"({self.epochs}): leave one of them out."
            )

    def resolve(self, card: DatasetCard, ipc: int | None, student: Student | None) -> Self:
        """Fill the fields that are None: resolution from the card, the rest from the table.

        `ipc` of None is full data.
        """
        row = published(self.table, card.num_classes, ipc, self.optimizer)
        epochs = _or(self.epochs, max(1, round(self.epochs_scale * row.epochs)))
        tested_from = 0 if row.tested is None else max(0, epochs - row.tested)
        return replace(
            self,
            resolution=_or(self.resolution, card.resolution),
            norm=self.norm or _published_norm(self.table, student),
            lr=_or(self.lr, row.lr),
            weight_decay=_or(self.weight_decay, row.weight_decay),
            epochs=epochs,
            epochs_scale=1.0,  # the epochs say it now, so that equal trainings are equal results
            batch=_or(self.batch, row.batch),
            evaluations=_or(self.evaluations, _or(row.evaluations, epochs)),
            evaluate_after=_or(self.evaluate_after, tested_from),
        )

    def fillings(self) -> dict[str, Filling]:
        """Return what `resolve` fills every field with that is None, for people."""
        from bench.comparisons import Filling

        words = in_words(self.table, self.optimizer)
        said = {name: Filling(text, f"table {self.table}") for name, text in words.items()}
        said["resolution"] = Filling("that of the set")
        return {name: said[name] for name in said if getattr(self, name) is None}

    def needs(self, card: DatasetCard, student: Student | None) -> tuple[Artefact[Any], ...]:
        """Return nothing: images are all that is needed."""
        return ()

    def check(self, card: DatasetCard, student: Student | None) -> None:
        """Raise UsageError if the student cannot take images of the protocol's resolution."""
        resolution = settled(self.resolution, "resolution")
        if self.test_resize == "8/7" and resolution // 7 * 8 < resolution:
            raise UsageError(
                f"`test_resize` of '8/7' resizes to resolution // 7 * 8 = {resolution // 7 * 8} "
                f"pixels, which is less than the resolution {resolution}: choose a multiple of 7, "
                "a larger resolution, or test_resize=resolution."
            )
        chosen: Any = _required(student)
        _buildable(chosen, card.num_classes, resolution, settled(self.norm, "norm"))

    def evaluate(
        self, distilled: DistilledSet, real: RealSet, student: Student | None, ctx: Context
    ) -> Outcome:
        """Train one student on the distilled set and test it on the real test images.

        Scores: "top1_last", accuracy after the last epoch, and "top1_best", the highest of all
        tests, chosen on the test set; both in percent. Series: "epoch", "top1", "train_loss".
        """
        from bench.backbones import build_student
        from bench.contracts import Outcome
        from bench.training.loop import Keeping, train

        student = _required(student)
        model = build_student(
            student,
            num_classes=len(distilled.classes),
            image_size=settled(self.resolution, "resolution"),
            norm=settled(self.norm, "norm"),
            seed=ctx.streams.integer("init"),
        )
        examples = _examples(_training_images(distilled, real), self.train_prefix(), ctx, distilled)
        tests = _examples(real.test, self.test_prefix(), ctx)
        keeping = Keeping(ctx.kept / "student.safetensors") if ctx.kept else None
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
        )
        series = {"top1": curves.accuracy, "train_loss": curves.loss}
        return Outcome(
            scores={"top1_last": curves.accuracy[-1], "top1_best": max(curves.accuracy)},
            series={"epoch": tuple(float(epoch) for epoch in curves.epochs), **series},
            per_class={"top1_last": curves.per_class_last},
            facts=self._facts(model, student, curves, distilled),
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
        from bench.backbones import build_student
        from bench.training.probe import estimate_seconds

        model = build_student(
            _required(student),
            num_classes=card.num_classes,
            image_size=settled(self.resolution, "resolution"),
            norm=settled(self.norm, "norm"),
            seed=0,
        )
        return estimate_seconds(model, self, num_images, num_test, card.num_classes, device)

    def train_prefix(self) -> Prefix:
        """Return what is done once to every training image."""
        from bench.data.prefix import Prefix

        if self.crop_from == "stored":
            return Prefix(None, None)
        return Prefix(self.resolution, self.resolution)

    def test_prefix(self) -> Prefix:
        """Return what is done once to every test image."""
        from bench.data.prefix import Prefix

        resolution = settled(self.resolution, "resolution")
        resize = resolution // 7 * 8 if self.test_resize == "8/7" else resolution
        return Prefix(resize, resolution)

    def _facts(
        self, model: torch.nn.Module, student: Student, curves: Curves, distilled: DistilledSet
    ) -> dict[str, str | int | float]:
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
            "resolution": settled(self.resolution, "resolution"),
            "labels": "one-hot",
            "weighted": int(distilled.weights is not None),
        }


def _or(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value


def _published_norm(table: Table, student: Student | None) -> Norm:
    """Return the norm a paper gave to a student: batch in d3hr, and for ResNets in idc."""
    family = "" if student is None else student.family
    batch = table == "d3hr" or (table == "idc" and family == "resnet")
    return "batch" if batch else "instance"


def _required(student: Student | None) -> Student:
    if student is None:
        raise UsageError("The protocol `hard` trains students and was given none: name one.")
    return student


@functools.lru_cache(maxsize=64)
def _buildable(student: Any, num_classes: int, resolution: int, norm: str) -> None:
    """Build the network once and let it go: only it knows which images it can take."""
    from bench.backbones import build_student

    build_student(student, num_classes=num_classes, image_size=resolution, norm=norm, seed=0)


def _training_images(distilled: DistilledSet, real: RealSet) -> ImageSet:
    """Return the distilled images; without a revision, for nothing of them is cached on disk."""
    from bench.sets import ImageSet

    if distilled.whole:
        return real.train
    return ImageSet(distilled.images, distilled.labels, revision="")


def _examples(
    images: ImageSet, prefix: Prefix, ctx: Context, distilled: DistilledSet | None = None
) -> Examples:
    """Return a set decoded or mapped from the cache, with the weights of a distilled set."""
    import numpy as np
    import torch

    from bench.training.examples import Examples

    pixels = torch.from_numpy(ctx.pixels(images, prefix))
    weights = None if distilled is None else distilled.weights
    return Examples(
        pixels,
        torch.from_numpy(np.array(images.labels)),
        None if weights is None else torch.from_numpy(np.array(weights, dtype=np.float32)),
    )

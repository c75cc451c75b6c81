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

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_args

from bench.studying import Studying, either
from bench.training.recipe import Norm
from protocols.hard_tables import Table, in_words, published

if TYPE_CHECKING:
    from bench.comparisons import Filling
    from bench.context import Context
    from bench.contracts import Artefact, Outcome, Student
    from bench.sets import DatasetCard, DistilledSet, RealSet


@dataclass(frozen=True)
class HardLabel(Studying):
    """Top-1 accuracy of one student per call, with no teacher and no soft label.

    The fields are those of `Recipe`, and the table that fills the ones left at None. Weights of a
    distilled set enter the loss; its soft labels are not used.
    """

    table: Table = "minimax"
    """Who published the epochs, batch, learning rate and weight decay that are None."""

    revision: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.table not in get_args(Table):
            tables = ", ".join(repr(table) for table in get_args(Table))
            raise ValueError(f"`table` must be one of {tables}, got {self.table!r}.")

    def resolve(self, card: DatasetCard, ipc: int | None, student: Student | None) -> Self:
        """Fill the fields that are None: resolution from the card, the rest from the table.

        `ipc` of None is full data.
        """
        row = published(self.table, card.num_classes, ipc, self.optimizer)
        epochs = self.scaled(row.epochs)
        tested_from = 0 if row.tested is None else max(0, epochs - row.tested)
        return replace(
            self,
            resolution=either(self.resolution, card.resolution),
            norm=self.norm or _published_norm(self.table, student),
            patches=either(self.patches, 1),
            crop_scale=either(self.crop_scale, (0.5, 1.0)),
            mix_alpha=either(self.mix_alpha, 1.0),
            lr=either(self.lr, row.lr),
            weight_decay=either(self.weight_decay, row.weight_decay),
            epochs=epochs,
            epochs_scale=1.0,  # the epochs say it now, so that equal trainings are equal results
            batch=either(self.batch, row.batch),
            evaluations=either(self.evaluations, either(row.evaluations, epochs)),
            evaluate_after=either(self.evaluate_after, tested_from),
        )

    def fillings(self) -> dict[str, Filling]:
        """Return what `resolve` fills every field with that is None, for people."""
        from bench.comparisons import Filling

        words = in_words(self.table, self.optimizer)
        said = {name: Filling(text, f"table {self.table}") for name, text in words.items()}
        said["resolution"] = Filling("that of the set")
        for name, text in (("patches", "1"), ("crop_scale", "(0.5, 1.0)"), ("mix_alpha", "1.0")):
            said[name] = Filling(text)
        return {name: said[name] for name in said if getattr(self, name) is None}

    def needs(self, card: DatasetCard, student: Student | None) -> tuple[Artefact[Any], ...]:
        """Return nothing: images are all that is needed."""
        return ()

    def evaluate(
        self, distilled: DistilledSet, real: RealSet, student: Student | None, ctx: Context
    ) -> Outcome:
        """Train one student on the distilled set and test it on the real test images.

        Scores: "top1_last", accuracy after the last epoch, and "top1_best", the highest of all
        tests, chosen on the test set; both in percent. Series: "epoch", "top1", "train_loss".
        """
        self.check_images(real.card, len(distilled), student)
        return self.study(distilled, real, student, ctx)


def _published_norm(table: Table, student: Student | None) -> Norm:
    """Return the norm a paper gave to a student: batch in d3hr, and for ResNets in idc."""
    family = "" if student is None else student.family
    batch = table == "d3hr" or (table == "idc" and family == "resnet")
    return "batch" if batch else "instance"

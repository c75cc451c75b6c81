"""Answers of a teacher to every view of a distilled set, stored once and replayed: an artefact.

    <artefact>/epoch-<eee>.npy    float16 [N, C]: logits before the temperature, by row of the set
    <artefact>/digests.npy        uint8 [E, 32]: which batches of which views they belong to
    <artefact>/labels.json        epochs, images, classes

Paper:     Yin et al., "Squeeze, Recover and Relabel", NeurIPS 2023, and Shen & Xing, "A Fast
           Knowledge Distillation Framework for Visual Recognition", ECCV 2022.
Reference: VILA-Lab/SRe2L @ 8d00cba, relabel/generate_soft_label.py, relabel/utils_fkd.py.
Differs:   crops, flips, partners and boxes are not stored: they are drawn again from the seed, and
           an epoch whose draws differ from the ones that were labelled is refused.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import msgspec

from bench.errors import BenchError
from bench.files import replace_file
from bench.training.recipe import CropFrom, Mix, Numerics, Recipe, settled

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.data.prefix import Prefix
    from bench.teachers.weights import TeacherWeights
    from bench.training.examples import Examples
    from bench.training.sight import Sight

BYTES = 2
"""Of a stored logit."""


@dataclass(frozen=True)
class Relabelling:
    """The part of a resolved recipe that decides which images a teacher is shown.

    Rates, students and temperatures are no part of it, so that they share one store.
    """

    resolution: int
    epochs: int
    batch: int
    patches: int
    crop_from: CropFrom
    crop_scale: tuple[float, float]
    crop_rounding: bool
    flip: float
    randaugment_ops: int
    randaugment_magnitude: int
    jitter: float
    lighting: float
    mix: Mix
    mix_probability: float
    mix_alpha: float
    numerics: Numerics
    stored_size: int = 0
    """Pixels per side that images of differing sizes were first resized and cropped to; 0 for
    images that are taken as they are stored."""

    @classmethod
    def of(cls, recipe: Recipe, prefix: Prefix) -> Self:
        """Return that part of a resolved recipe whose images have gone through `prefix`."""
        names = [field.name for field in fields(cls) if field.name != "stored_size"]
        values: dict[str, Any] = {name: settled(getattr(recipe, name), name) for name in names}
        stored = prefix.crop if recipe.crop_from == "stored" else None
        return cls(**values, stored_size=stored or 0)

    def recipe(self) -> Recipe:
        """Return a recipe that shows the same images."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        del values["stored_size"]
        return Recipe(**values)

    def prefix(self) -> Prefix:
        """Return what was done once to every image of the set."""
        from bench.data.prefix import Prefix

        if self.crop_from == "prefix":
            return Prefix(self.resolution, self.resolution)
        return Prefix(self.stored_size or None, self.stored_size or None)


@dataclass(frozen=True)
class StoredLabels:
    """The logits that a teacher gives to every mixed view of a distilled set, for all epochs."""

    revision: ClassVar[int] = 1
    resumable: ClassVar[bool] = True

    distilled: str
    """Revision of the distilled set."""
    weights: TeacherWeights
    dataset: str
    """Name of the real set in this run, whose class order the logits have."""
    relabelling: Relabelling
    seed: int = 0
    """Of the order, the views and the mixings."""

    @property
    def words(self) -> str:
        """Return what this is in words."""
        return f"stored labels of {self.relabelling.epochs} epochs for a set of {self.dataset!r}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the teacher."""
        return (self.weights,)

    def build(self, ctx: Context, out: Path) -> None:
        """Ask the teacher about every epoch that an earlier build has not finished.

        The set is that of the unit that the context belongs to. BenchError if the disk or the
        device has no room or the teacher answers with numbers that float16 cannot hold.
        """
        from bench.training.memory import told_if_full

        side = self.relabelling.resolution
        with told_if_full(
            f"the teacher {self.weights.teacher.title!r} labelled batches of "
            f"{self.relabelling.batch} images of {side} x {side} pixels",
            "lower `batch` or `resolution`, name a smaller teacher, or free the device",
        ):
            self._label(ctx, out)

    def load(self, path: Path, device: torch.device) -> Replayed:
        """Return the labels, of which one epoch at a time is mapped."""
        import numpy as np

        shape = msgspec.json.decode((path / "labels.json").read_bytes(), type=dict[str, int])
        digests = np.load(path / "digests.npy", allow_pickle=False)
        return Replayed(path, digests, shape["images"], shape["classes"])

    def _label(self, ctx: Context, out: Path) -> None:
        import numpy as np

        examples = self._examples(ctx)
        teacher, num_classes = self._teacher(ctx)
        waiting = [e for e in range(self.relabelling.epochs) if not _epoch_file(out, e).exists()]
        _require_room(out, len(waiting) * len(examples) * num_classes * BYTES)
        digests = []
        for epoch, sight in enumerate(self._sights(ctx, examples)):
            digests.append(np.frombuffer(sight.digest(), np.uint8))
            if epoch in waiting:
                logits = self._answers(teacher, num_classes, sight, examples, epoch, ctx)
                replace_file(_epoch_file(out, epoch), _as_npy(logits))
            ctx.progress(epoch + 1, self.relabelling.epochs)
        replace_file(out / "digests.npy", _as_npy(np.stack(digests)))
        shape = {"epochs": len(digests), "images": len(examples), "classes": num_classes}
        (out / "labels.json").write_bytes(msgspec.json.encode(shape, order="sorted") + b"\n")

    def _examples(self, ctx: Context) -> Examples:
        from bench.decoded_sets import examples_of, training_images

        if ctx.distilled is None or ctx.distilled_revision != self.distilled:
            raise ValueError(
                f"The labels of the distilled set {self.distilled[:12]!r} can be made only where "
                f"that set is evaluated, got {ctx.distilled_revision[:12]!r}."
            )
        images = training_images(ctx.distilled, ctx.real(self.dataset), ctx)
        return examples_of(images, self.relabelling.prefix(), ctx).to(ctx.device)

    def _teacher(self, ctx: Context) -> tuple[nn.Module, int]:
        """Return the teacher with its outputs in the order of the set's classes, and their number.

        Which order that is was measured before: see `bench.teachers.measured`.
        """
        card = ctx.real(self.dataset).card
        network = ctx.get(self.weights).answering(card, self.weights.teacher.title)
        return network, card.num_classes

    def _sights(self, ctx: Context, examples: Examples) -> Iterator[Sight]:
        import torch

        from bench.training.sight import draw_sight

        sizes = torch.tensor([list(examples.images.shape[2:])]).expand(len(examples), 2)
        for epoch in range(self.relabelling.epochs):
            yield draw_sight(self.relabelling.recipe(), sizes, ctx.streams, epoch)

    def _answers(
        self,
        teacher: nn.Module,
        num_classes: int,
        sight: Sight,
        examples: Examples,
        epoch: int,
        ctx: Context,
    ) -> NDArray[np.float16]:
        """Return the logits of one epoch by row of the set, float16 `[N, C]`."""
        import numpy as np
        import torch

        from bench.training.numerics import precision
        from bench.training.sight import seen
        from bench.training.targets import FromTeacher

        recipe = self.relabelling.recipe()
        asked = FromTeacher(teacher, 1.0, squared=False, numerics=recipe.numerics)
        rows = torch.empty(len(examples), num_classes, dtype=torch.float16, device=ctx.device)
        with precision(recipe.numerics, ctx.device):
            for batch in seen(sight, examples.images, recipe, ctx.device, epoch, examples.mapped):
                rows[batch.index] = asked.answers(batch.images).half()
        logits: NDArray[np.float16] = rows.cpu().numpy()
        if not np.isfinite(logits).all():
            raise BenchError(
                "The teacher answers with numbers that are not finite or above 65,504, which is "
                "the most that stored labels hold: train or import it anew, or take `labels=fresh`."
            )
        return logits


@dataclass(frozen=True, eq=False)
class Replayed:
    """Stored labels, opened: what `bench.training.targets.FromStore` reads."""

    folder: Path
    digests: NDArray[np.uint8]
    num_images: int
    num_classes: int

    @property
    def entry(self) -> str:
        """Return what `bench cache` calls them: the kind of what they are, and their folder."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def size(self) -> int:
        """Return the bytes of all arrays, which are what has to be handed on."""
        return sum(path.stat().st_size for path in self.folder.glob("*.npy"))

    def logits(self, epoch: int) -> NDArray[np.float16]:
        """Return the logits of an epoch, float16 `[N, C]`, mapped; BenchError if damaged."""
        import numpy as np

        path = _epoch_file(self.folder, epoch)
        try:
            # Copied on writing, because torch takes no array that cannot be written.
            logits: NDArray[np.float16] = np.load(path, mmap_mode="c", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BenchError(
                f"{path} cannot be read ({error}): remove {self.folder} and run again."
            ) from error
        return logits

    def digest(self, epoch: int) -> bytes:
        """Return 32 bytes that equal those of the draws which were labelled."""
        return bytes(self.digests[epoch])


def _epoch_file(folder: Path, epoch: int) -> Path:
    return folder / f"epoch-{epoch:03d}.npy"


def _as_npy(array: NDArray[Any]) -> bytes:
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _require_room(folder: Path, needed: int) -> None:
    """Refuse what would fill the disk only after hours."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise BenchError(
            f"Stored labels need {needed / 1e6:,.1f} MB in {folder.parent}, where "
            f"{free / 1e6:,.1f} MB are free: free some space, or take `labels=fresh`."
        )

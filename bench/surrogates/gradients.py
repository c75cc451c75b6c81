"""What the real images of a class would teach a surrogate in the course of its training."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from bench.files import replace_file
from bench.preparation.blocks import Blocks
from bench.preparation.per_class import ClassFiles, require_room
from bench.preparation.real import checked_real_set
from bench.surrogates.selection import mean_cosine, selected
from bench.surrogates.trajectory import Trajectory

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from bench.context import Context
    from bench.contracts import Artefact

USUAL = 4
"""Checkpoints that the published selections have (mchen725/DD_IGD, sample.py)."""


class Targets:
    """The gradients of classes at the selected checkpoints, mapped when a class is asked for."""

    def __init__(self, folder: Path) -> None:
        facts = msgspec.json.decode((folder / "targets.json").read_bytes())
        self.indices: tuple[int, ...] = tuple(facts["indices"])
        """Which checkpoints, ascending."""
        self._units, self._norms = _results(folder)

    def of_class(self, label: int) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
        """Return unit vectors `[Q, P]` of a class at Q checkpoints, and their lengths `[Q]`."""
        return self._units.of_class(label), self._norms.of_class(label)


@dataclass(frozen=True)
class ClassGradients:
    """Mean gradient of the cross-entropy of real images, for every class, at some checkpoints.

    Over the first images of a class in their order, resized and cropped at the centre, without
    augmentation: the mean over batches of the mean over each. All parameters make one vector, in
    the order of the network. mchen725/DD_IGD, sample.py, test_ckpts_grad_sim.py.
    """

    revision: ClassVar[int] = 1
    resumable: ClassVar[bool] = True

    trajectory: Trajectory
    count: int = 200
    """Images of a class; all of them where there are fewer."""
    batch: int = 50
    threshold: float = 0.7
    """Cosine below which a checkpoint differs from the last selected one."""
    checkpoints: tuple[int, ...] = ()
    """Which checkpoints are taken; () selects them by `threshold`, from the untrained one on."""

    @property
    def words(self) -> str:
        """Return what this is in words."""
        return f"gradients of the classes of {self.trajectory.dataset!r}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the trajectory."""
        return (self.trajectory,)

    def build(self, ctx: Context, out: Path) -> None:
        """Write `<label>.npy` float16 `[Q, P]`, `<label>.norm.npy` float32 `[Q]`, `targets.json`.

        One class is in memory at a time; a kill costs one class at one checkpoint. What was
        compared on the way is kept in `similarities.json`. BenchError if the disk has no room.
        """
        walk = _Walk(self, ctx, out)
        last = walk.surrogate.num_checkpoints - 1
        indices = self.checkpoints or selected(walk.similarity, last, self.threshold)
        walk.join(indices)
        replace_file(out / "targets.json", msgspec.json.encode({"indices": indices}) + b"\n")
        shutil.rmtree(walk.folder)

    def load(self, path: Path, device: torch.device) -> Targets:
        """Return the gradients."""
        return Targets(path)


class _Walk:
    """The gradients of all classes, one checkpoint after another, in a folder each."""

    def __init__(self, spec: ClassGradients, ctx: Context, out: Path) -> None:
        from bench.features.trained import prefixed

        made = spec.trajectory
        self.spec, self.ctx, self.out, self.folder = spec, ctx, out, out / "walk"
        self.real = checked_real_set(ctx, made.dataset, made.train_revision)
        self.surrogate = ctx.get(made)
        self.pixels = prefixed(self.real.train, made.resolution, ctx)
        numbers = sum(each.numel() for each in self.surrogate.network.parameters())
        kept = len(spec.checkpoints) or USUAL
        needed = self.real.card.num_classes * numbers * (2 * kept + 4 * (kept + 1))
        require_room(out, needed, f"The gradients of {made.network!r}")
        self._known: dict[str, float] = {}
        if self._notes.exists():
            self._known = msgspec.json.decode(self._notes.read_bytes())

    def similarity(self, chosen: int, candidate: int) -> float:
        """Return the mean cosine over classes at two checkpoints.

        Checkpoints that lie between them were not chosen, and their gradients are removed.
        """
        name = f"{chosen}-{candidate}"
        if name not in self._known:
            for index in range(chosen + 1, candidate):
                shutil.rmtree(self._folder(index), ignore_errors=True)
            one, other = self.at(chosen), self.at(candidate)
            labels = range(self.real.card.num_classes)
            self._known[name] = mean_cosine(
                (one.of_class(label), other.of_class(label)) for label in labels
            )
            replace_file(self._notes, msgspec.json.encode(self._known) + b"\n")
        self.ctx.progress(candidate, self.surrogate.num_checkpoints)
        return self._known[name]

    def at(self, index: int) -> ClassFiles:
        """Return the gradients at a checkpoint, float32 `[P]` a class, made where they miss."""
        folder = self._folder(index)
        folder.mkdir(parents=True, exist_ok=True)
        files = ClassFiles(folder)
        missing = files.missing(self.real.card.num_classes)
        state = self.surrogate.state(index) if missing else {}
        for label in missing:
            files.write(label, self._gradient(state, label))
        return files

    def join(self, indices: tuple[int, ...]) -> None:
        """Write the results of every class: directions and lengths at the chosen checkpoints."""
        import numpy as np

        chosen = [self.at(index) for index in indices]
        units, norms = _results(self.out)
        for label in norms.missing(self.real.card.num_classes):
            found = np.stack([files.of_class(label) for files in chosen])
            length = np.linalg.norm(found.astype(np.float64), axis=1)
            # A gradient of zeros has no direction.
            unit = found / np.where(length > 0, length, 1.0)[:, None]
            units.write(label, unit.astype(np.float16))
            norms.write(label, length.astype(np.float32))

    @property
    def _notes(self) -> Path:
        return self.out / "similarities.json"

    def _folder(self, index: int) -> Path:
        return self.folder / f"{index:03d}"

    def _gradient(self, state: Mapping[str, Tensor], label: int) -> NDArray[np.float32]:
        """Return the mean gradient of a class `[P]`."""
        import numpy as np
        import torch

        from bench.augment.colour import normalised
        from bench.training.numerics import precision

        rows = self.real.train.of_class(label)[: self.spec.count]
        parts = [rows[at : at + self.spec.batch] for at in range(0, len(rows), self.spec.batch)]
        total = torch.zeros((), device=self.ctx.device)
        with precision("fp32", self.ctx.device):
            for part in parts:
                pixels = torch.from_numpy(np.array(self.pixels[part])).to(self.ctx.device)
                total = total + batch_gradient(
                    self.surrogate.network, state, normalised(pixels), label
                )
        mean: NDArray[np.float32] = (total / len(parts)).cpu().numpy()
        return mean


def batch_gradient(
    network: nn.Module, state: Mapping[str, Tensor], images: Tensor, label: int
) -> Tensor:
    """Return the gradient `[P]` of the mean cross-entropy of images that are all of one class.

    `state` holds the parameters by name; images are normalised `[B, 3, S, S]`. They are taken in
    smaller parts where the device's memory does not suffice.
    """
    import torch
    from torch.func import functional_call
    from torch.nn.functional import cross_entropy

    leaves = {name: value.detach().requires_grad_() for name, value in state.items()}

    def work(start: int, stop: int) -> Tensor:
        logits: Tensor = functional_call(network, leaves, (images[start:stop],))
        labels = torch.full((len(logits),), label, device=logits.device)
        loss = cross_entropy(logits, labels, reduction="sum") / len(images)
        found = torch.autograd.grad(loss, list(leaves.values()))
        return torch.cat([each.flatten() for each in found])

    parts = list(Blocks(len(images)).over(len(images), work))
    return torch.stack(parts).sum(dim=0)


def _results(folder: Path) -> tuple[ClassFiles, ClassFiles]:
    """Return the files of unit vectors and of their lengths."""
    return ClassFiles(folder), ClassFiles(folder, "norm.npy")

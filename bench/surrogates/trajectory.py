"""A network in the course of its training on the real set: an artefact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from bench.files import replace_file
from bench.training.recipe import Numerics

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.training.examples import Examples
    from bench.training.recipe import Recipe

KEEP_EVERY = 600.0
"""Seconds after which the training is kept, so that a kill costs minutes."""

SHOWN = 10
"""Training images of a class on which the accuracy in `trajectory.json` is measured."""


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A network and what its parameters were after every epoch."""

    network: nn.Module
    """In evaluation mode, on the device; its own parameters mean nothing and take no gradient."""
    num_checkpoints: int
    """One more than epochs: index 0 is before the training."""
    folder: Path

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the parameters, in the order of the network."""
        return tuple(name for name, _ in self.network.named_parameters())

    def state(self, index: int) -> dict[str, Tensor]:
        """Return the parameters after epoch `index` by name, in that order, on the device."""
        from safetensors.torch import load_file

        loaded = load_file(_epoch_file(self.folder, index))
        return {
            name: loaded[name].to(parameter.device)
            for name, parameter in self.network.named_parameters()
        }


@dataclass(frozen=True)
class Trajectory:
    """A student with instance norm, trained on all real images and kept after every epoch.

    Defaults are those of IGD's surrogate: mchen725/DD_IGD, train_ckpt.sh (epochs, no mixing);
    Lokshaw-Chau/MinimaxDiffusion, train_ckpts.py (the rest). Images are normalised by ImageNet's
    statistics as in every training here; the official code maps them to [-1, 1].
    """

    revision: ClassVar[int] = 1
    resumable: ClassVar[bool] = True

    dataset: str
    """Name of the real set in this run."""
    train_revision: str
    network: str
    """Request for the student, such as "convnet3[width=32]"; its norm is "instance"."""
    network_revision: int
    resolution: int
    """Pixels per side: the shorter side is resized, the centre is cropped."""
    epochs: int = 50
    batch: int = 64
    lr: float = 0.01
    """Constant learning rate of SGD."""
    momentum: float = 0.9
    weight_decay: float = 5e-4
    jitter: float = 0.4
    lighting: float = 0.1
    crop_scale: tuple[float, float] = (0.5, 1.0)
    flip: float = 0.5
    numerics: Numerics = "tf32"
    seed: int = 0
    """Of the initial weights, the order and the augmentation."""

    @property
    def words(self) -> str:
        """Return what this is in words."""
        return f"{self.epochs} epochs of {self.network!r} on {self.dataset!r}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return nothing: images are enough."""
        return ()

    def build(self, ctx: Context, out: Path) -> None:
        """Train; write `epoch-<nnn>.safetensors` from 000 (untrained) on, and `trajectory.json`.

        A training that was killed goes on from its last keeping, to the same bytes.
        """
        import torch
        from safetensors.torch import save

        from bench.features.trained import prefixed
        from bench.preparation.real import checked_real_set
        from bench.training.examples import Examples
        from bench.training.loop import Keeping, train

        real = checked_real_set(ctx, self.dataset, self.train_revision)
        pixels = torch.from_numpy(prefixed(real.train, self.resolution, ctx))
        examples = Examples(pixels, torch.tensor(real.train.labels))
        model = self._fresh(real.card.num_classes, ctx.streams.integer("init"))

        def keep(epoch: int) -> None:
            state = {name: p.detach().cpu().contiguous() for name, p in model.named_parameters()}
            replace_file(_epoch_file(out, epoch), save(state))

        def progress(done: int, total: int) -> None:
            keep(done * self.epochs // total)
            ctx.progress(done, total)

        keep(0)
        curves = train(
            model,
            examples,
            _some(examples, real.card.num_classes),
            self._recipe(),
            ctx.streams,
            ctx.device,
            progress=progress,
            keeping=Keeping(out / "training.safetensors", KEEP_EVERY),
        )
        facts = {
            "classes": real.card.num_classes,
            "accuracy": curves.accuracy,
            "loss": curves.loss,
            "updates": curves.updates,
        }
        replace_file(out / "trajectory.json", msgspec.json.encode(facts, order="sorted") + b"\n")
        (out / "training.safetensors").unlink(missing_ok=True)

    def load(self, path: Path, device: torch.device) -> Surrogate:
        """Return the network and its checkpoints."""
        facts = msgspec.json.decode((path / "trajectory.json").read_bytes())
        network = self._fresh(facts["classes"], seed=0).to(device).eval().requires_grad_(False)
        return Surrogate(network, self.epochs + 1, path)

    def _fresh(self, num_classes: int, seed: int) -> nn.Module:
        from bench.backbones import build_student
        from bench.backbones.requests import requested_students

        (student,) = requested_students(self.network)
        return build_student(
            student.asked,
            num_classes=num_classes,
            image_size=self.resolution,
            norm="instance",
            seed=seed,
        )

    def _recipe(self) -> Recipe:
        from bench.training.recipe import Recipe

        return Recipe(
            resolution=self.resolution,
            norm="instance",
            crop_scale=self.crop_scale,
            flip=self.flip,
            jitter=self.jitter,
            lighting=self.lighting,
            mix="none",
            optimizer="sgd",
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            milestones=(),
            epochs=self.epochs,
            batch=self.batch,
            evaluations=self.epochs,
            numerics=self.numerics,
        )


def _epoch_file(folder: Path, index: int) -> Path:
    return folder / f"epoch-{index:03d}.safetensors"


def _some(examples: Examples, num_classes: int) -> Examples:
    """Return the first images of every class, for the accuracy that is written down."""
    import torch

    from bench.training.examples import Examples

    rows = torch.cat([torch.nonzero(examples.labels == c)[:SHOWN, 0] for c in range(num_classes)])
    return Examples(examples.images[rows], examples.labels[rows])

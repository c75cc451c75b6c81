"""Networks that the harness trains on a real set, for embeddings: an artefact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from bench.errors import UsageError
from bench.preparation.real import checked_real_set

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from bench.context import Context
    from bench.contracts import Artefact, Student
    from bench.sets import ImageSet
    from bench.training.examples import Examples
    from bench.training.recipe import Recipe


@dataclass(frozen=True)
class TrainedNetwork:
    """A student trained for a short while on the real training set.

    A part of every class is held out for the accuracy in `network.json`; the test set is not used.
    """

    revision: ClassVar[int] = 2

    dataset: str
    """Name of the real set in this run."""
    train_revision: str
    network: str
    """Request for the student, such as "convnet3[width=64]"; its norm is "instance"."""
    network_revision: int
    resolution: int
    """Pixels per side: the shorter side is resized, the centre is cropped."""
    epochs: int = 15
    hold_out: float = 0.1
    """Share of every class that is not trained on."""
    seed: int = 0
    """Of the hold-out, the initial weights, the order and the augmentation."""

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return nothing: images are enough."""
        return ()

    def build(self, ctx: Context, out: Path) -> None:
        """Train the network; write `network.safetensors` and `network.json`."""
        from safetensors.torch import save_file

        from bench.training.loop import train

        real = checked_real_set(ctx, self.dataset, self.train_revision)
        held = real.hold_out(self.hold_out, self.seed)
        pixels = prefixed(real.train, self.resolution, ctx)
        model = self._fresh(real.card.num_classes, ctx.streams.integer("init"))
        seen, unseen = _examples(pixels, held.train), _examples(pixels, held.test)
        curves = train(
            model, seen, unseen, self._recipe(), ctx.streams, ctx.device, progress=ctx.progress
        )
        weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
        save_file(weights, out / "network.safetensors")
        facts = {
            "classes": real.card.num_classes,
            "held_out_accuracy": curves.accuracy[-1],
            "trained_on": len(seen),
            "updates": curves.updates,
        }
        (out / "network.json").write_bytes(msgspec.json.encode(facts, order="sorted") + b"\n")

    def load(self, path: Path, device: torch.device) -> nn.Module:
        """Return the network in evaluation mode; its parameters take no gradient."""
        from safetensors.torch import load_file

        facts = msgspec.json.decode((path / "network.json").read_bytes())
        model = self._fresh(facts["classes"], seed=0)
        model.load_state_dict(load_file(path / "network.safetensors"))
        return model.to(device).eval().requires_grad_(False)

    def _fresh(self, num_classes: int, seed: int) -> nn.Module:
        from bench.backbones import build_student

        _, student, _ = split_features(f"{self.network}@{self.resolution}")
        return build_student(
            student, num_classes=num_classes, image_size=self.resolution, norm="instance", seed=seed
        )

    def _recipe(self) -> Recipe:
        """Return our own recipe: few epochs, crops and flips, and nothing that needs tuning."""
        from bench.training.recipe import Recipe

        return Recipe(
            resolution=self.resolution,
            norm="instance",
            jitter=0.0,
            lighting=0.0,
            mix="none",
            optimizer="adamw",
            lr=1e-3,
            weight_decay=0.01,
            decay_on="matrices",
            schedule="cosine",
            epochs=self.epochs,
            batch=128,
            evaluations=1,
        )


def split_features(text: str) -> tuple[str, Student, int]:
    """Return the request for the student, the student and the resolution of `text`."""
    from bench.backbones.requests import requested_students

    network, _, pixels = text.rpartition("@")
    if not network or not pixels.isascii() or not pixels.isdigit() or int(pixels) < 1:
        raise UsageError(
            "`features` must be 'auto', 'embedded', 'resnet18-imagenet' or "
            f"`<student>@<resolution>`, such as 'convnet3@32', got {text!r}."
        )
    found = requested_students(network)
    if len(found) != 1:
        raise UsageError(f"`features` must name one network, got {len(found)} in {text!r}.")
    return network, found[0].asked, int(pixels)


def prefixed(images: ImageSet, resolution: int, ctx: Context) -> NDArray[np.uint8]:
    """Return all images of a set uint8 `[N, 3, resolution, resolution]`, from the cache."""
    from bench.data.prefix import Prefix

    return ctx.pixels(images, Prefix(resolution, resolution))


def _examples(pixels: NDArray[np.uint8], part: ImageSet) -> Examples:
    """Return the rows of `pixels` that a part of the training set has chosen, as examples."""
    import numpy as np
    import torch

    from bench.images import Chosen
    from bench.training.examples import Examples

    assert isinstance(part.images, Chosen)
    rows = np.array(part.images.indices)
    return Examples(torch.from_numpy(pixels[rows]), torch.from_numpy(part.labels))

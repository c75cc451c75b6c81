"""The networks whose features image metrics compare, by name, and how each of them sees images.

Five names are fixed; `<student>@<resolution>` is a student trained on the very set. Nothing here
falls back to another network: weights that are missing are an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import artefacts
from bench.artefacts import ArtefactStore, default_cache
from bench.errors import UsageError, unknown_name
from bench.features import (
    IMAGENET,
    IMAGENET_RESOLUTION,
    check_features,
    network_of,
    opened_network,
    weights,
)
from bench.features.imagenet import SHA256, imagenet_file, imagenet_here, require_imagenet
from bench.features.inception import KEPT, InceptionWeights
from bench.features.shipped import EMBEDDED, FILE, ShippedNetwork
from bench.features.trained import TrainedNetwork, split_features
from bench.features.weights import WeightFile, unheard
from bench.shipped import PACKAGE

if TYPE_CHECKING:
    import torch
    from torch import nn

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.features.views import View

INCEPTION, CLEAN, LEGACY = "inception-pytorch-fid", "inception-clean", "inception-clean-legacy"
KNOWN = (INCEPTION, CLEAN, LEGACY, IMAGENET, EMBEDDED)
"""The fixed names."""
RESIZES = {
    INCEPTION: "stretch299-bilinear-in-network",
    CLEAN: "stretch299-bicubic-float",
    LEGACY: "stretch299-bilinear-in-torchscript",
}


@dataclass(frozen=True)
class Extractor:
    """A feature network by name; opened only when it is asked for."""

    name: str
    dataset: str
    """Name of the real set in this run: of a network that is trained on it."""
    train_revision: str

    @property
    def resize(self) -> str:
        """Return how images are brought to the network's size, in a word for cards."""
        if self.name in RESIZES:
            return RESIZES[self.name]
        return f"shorter{self.resolution}-centre{self.resolution}"

    @property
    def resolution(self) -> int:
        """Return the pixels per side of what the network computes on."""
        if self.name in RESIZES:
            return 299
        return IMAGENET_RESOLUTION if (own := self._own()) is None else own.resolution

    @property
    def weights(self) -> str:
        """Return the sha256 of the weights, or "trained-<key>" of those that are trained here."""
        if (file := self.file) is not None:
            return file.sha256
        own = self._own()
        if isinstance(own, TrainedNetwork):
            return f"trained-{artefacts.key(own)}"
        return SHA256 if own is None else own.weights

    @property
    def card_weights(self) -> str:
        """Return the weights as cards print them: 16 digits of the sha256, or "trained-<key>"."""
        return self.weights if self.weights.startswith("trained-") else self.weights[:16]

    @property
    def file(self) -> WeightFile | None:
        """Return the file of Inception's weights; None for the other networks."""
        files = {
            INCEPTION: weights.INCEPTION_PTH,
            CLEAN: weights.INCEPTION_PT,
            LEGACY: weights.INCEPTION_PT,
        }
        file = files.get(self.name)
        return file and replace(file, name=self.name)

    @property
    def embeds(self) -> bool:
        """Say whether `Embeddings` makes its features of training images.

        Not those of ResNet-18, whose weights have no part in the name of `Embeddings`.
        """
        return self.name not in (*RESIZES, IMAGENET)

    def artefacts(self) -> tuple[Artefact[Any], ...]:
        """Return the artefacts of its network; none where a checked file is opened each time."""
        if self.name == INCEPTION:
            return (InceptionWeights(self.weights),)
        own = None if self.name in RESIZES else self._own()
        return () if own is None else (own,)

    def check(self) -> None:
        """Fetch the file of its weights where that may be; UsageError if it can never be had.

        So that a run ends before its first unit. BenchError if it cannot be fetched now.
        """
        from bench.data.download.network import is_offline

        if self.name != IMAGENET and self.file is None:
            return
        if not is_offline():
            self.fetched()
        elif self.name == IMAGENET:
            require_imagenet()
        elif (file := self.file) is not None and self._kept() is None:
            weights.require(file)

    def located(self) -> Path | None:
        """Return the file of its weights on this machine, checked; None if it is not here.

        None for a network that is trained on a set. BenchError if another file has its place.
        """
        if (file := self.file) is not None:
            return self._kept() or weights.found(file)
        if self.name == EMBEDDED:
            return PACKAGE.checked(FILE)
        return imagenet_here() if self.name == IMAGENET else None

    def fetched(self, note: Callable[[str], None] = unheard) -> Path:
        """Return the same file, fetched if it is not here; BenchError if it cannot be had."""
        if (file := self.file) is not None:
            return self._kept() or weights.provided(file, note)
        if self.name == EMBEDDED:
            return PACKAGE.checked(FILE)
        if self.name == IMAGENET:
            return imagenet_file()
        raise UsageError(
            f"{self.name!r} is trained on a set by the run that asks for it: fetch one of "
            f"{', '.join(KNOWN)}."
        )

    def network(self, ctx: Context) -> View:
        """Return the network on the context's device; BenchError if its weights cannot be had."""
        from bench.features import views

        if self.name == INCEPTION:
            return views.of_inception(ctx.get(InceptionWeights(self.weights)), ctx.device)
        if self.name in RESIZES:
            path = self.fetched(ctx.note)
            return views.of_torchscript(path, ctx.device, resize_inside=self.name == LEGACY)
        model, side = opened_network(self.name, self.dataset, self.train_revision, ctx)
        return views.of_classifier(model, side, ctx.device)

    def stand_in(self, device: torch.device) -> View:
        """Return a view of the same arithmetic with weights that mean nothing.

        For estimates of time and of FLOP: nothing has to be here, fetched or trained.
        """
        from bench.features import inception, views

        if self.name in RESIZES:
            return views.of_inception(inception.stages(inception.assembled()).to(device), device)
        return views.of_classifier(_untrained(self.name).to(device), self.resolution, device)

    def _kept(self) -> Path | None:
        """Return the weights in a form of our own, which need no other file any more."""
        if self.name != INCEPTION:
            return None
        store, made = ArtefactStore(default_cache()), InceptionWeights(self.weights)
        return store.path(made) / KEPT if store.has(made) else None

    def _own(self) -> ShippedNetwork | TrainedNetwork | None:
        """Return the artefact of a network of `bench.features`; None of ResNet-18, a file."""
        return network_of(self.name, self.dataset, self.train_revision)


def find_extractor(name: str, dataset: str, train_revision: str) -> Extractor:
    """Return the extractor of a name for a real set; UsageError with the known names."""
    if name not in KNOWN:
        if "@" not in name:
            raise unknown_name("feature network", name, (*KNOWN, "<student>@<resolution>"))
        check_features(name)
    return Extractor(name, dataset, train_revision)


def _untrained(name: str) -> nn.Module:
    """Return a classifier of the make of a network of `bench.features`."""
    from torchvision.models import resnet18

    from bench.backbones import build_student
    from bench.generators.architecture import feature_network

    if name == EMBEDDED:
        return feature_network().eval()
    if name == IMAGENET:
        network: nn.Module = resnet18(weights=None)
        return network.eval()
    _, student, side = split_features(name)
    return build_student(student, num_classes=10, image_size=side, seed=0).eval()

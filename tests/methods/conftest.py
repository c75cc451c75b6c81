"""A real set whose images tell their own index, a tiny generator, and contexts to distil in."""

import copy
import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.artefacts import ArtefactStore
from bench.context import Context
from bench.features import Embeddings
from bench.generators import GENERATORS, Pretrained
from bench.generators.autoencoder import LatentCodec
from bench.generators.card import GeneratorCard
from bench.generators.diffusion_transformer import DiffusionTransformer, block_names
from bench.images import ArrayImages
from bench.sets import DatasetCard, ImageSet, RealSet
from bench.streams import Streams

sys.path.append(str(Path(__file__).parent))  # for `watching`, which is no test


@dataclass
class FixedStore:
    """Gives one content for some kinds of artefact, builds the others and remembers who was asked.

    What an artefact asks for while it is built is not remembered.
    """

    contents: dict[type, Any]
    store: ArtefactStore
    asked: list[Any] = field(default_factory=list)
    depth: int = 0

    def get(self, artefact, ctx):
        if not self.depth:
            self.asked.append(artefact)
        if type(artefact) in self.contents:
            return self.contents[type(artefact)]
        self.depth += 1
        try:
            return self.store.get(artefact, ctx)
        finally:
            self.depth -= 1

    def has(self, artefact):
        return type(artefact) in self.contents or self.store.has(artefact)

    def pixels(self, images, prefix):
        return self.store.pixels(images, prefix)


@dataclass(frozen=True)
class Made:
    """A source of a generator that needs no files."""

    classes: tuple[str, ...]
    layers: tuple[str, ...]
    image_size: int
    latent_shape: tuple[int, int, int]
    uses_imagenet_labels: bool = False
    description: str = "made in a test"
    sets: tuple[str, ...] = ()
    made: Any = None

    def weights(self):
        return "made"

    def open(self, device):
        return copy.deepcopy(self.made)

    def present(self):
        return True


def _real_set(sizes):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    pixels = np.empty((len(labels), 8, 8, 3), np.uint8)
    pixels[:] = np.arange(len(labels))[:, None, None, None]
    pixels.flags.writeable = False
    card = DatasetCard(
        name="tiny",
        classes=tuple(f"n{label:02d}" for label in range(len(sizes))),
        class_names=("tench", "English springer", "cassette player")[: len(sizes)],
        train_split="made",
        test_split="made",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=tuple(sizes),
        resolution=8,
        features="convnet1[width=4]@8",
    )
    images = ImageSet(ArrayImages(pixels), labels, card.train_revision)
    return RealSet(card, images, ImageSet(ArrayImages(pixels[:0]), labels[:0], card.test_revision))


@pytest.fixture
def reals() -> dict[str, RealSet]:
    """Return the sets that contexts know by name: the latest one that was made."""
    return {}


@pytest.fixture
def make_real(reals):
    def make(sizes):
        reals["tiny"] = _real_set(sizes)
        return reals["tiny"]

    return make


@pytest.fixture
def tiny_real(make_real):
    return make_real((6, 6, 6))


@pytest.fixture(scope="session")
def generator():
    """Return a tiny generator of random weights that knows three classes in another order."""
    from diffusers import AutoencoderKL, DiTTransformer2DModel

    card = GeneratorCard(
        name="embedded",
        weights="made",
        conditioning="class",
        classes=("n02", "n00", "n01"),
        image_size=16,
        latent_shape=(4, 8, 8),
        layers=block_names(3),
        uses_imagenet_labels=False,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer = DiTTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=8,
            out_channels=8,
            num_layers=3,
            sample_size=8,
            num_embeds_ada_norm=3,
        )
        autoencoder = AutoencoderKL(
            block_out_channels=(8, 8),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            norm_num_groups=4,
        )
        for network in (transformer, autoencoder):
            for parameter in network.parameters():
                torch.nn.init.normal_(parameter, std=0.2)
    return DiffusionTransformer(card, LatentCodec(autoencoder), transformer)


@pytest.fixture(autouse=True)
def registered(monkeypatch, generator):
    card = generator.card
    made = Made(card.classes, card.layers, card.image_size, card.latent_shape, made=generator)
    monkeypatch.setitem(GENERATORS, "embedded", made)


@pytest.fixture
def make_context(tmp_path, generator, reals) -> Callable[..., Context]:
    """Return a function that makes a context with a cache of its own, or with that of `like`."""
    count = itertools.count()

    def make(seed=0, points=None, like=None):
        if points is None:
            # As wide as what the set's own network gives, which selections embed samples with.
            points = np.random.default_rng(1).normal(size=(18, 64)).astype(np.float32)
        cache = tmp_path / f"cache{next(count)}" if like is None else like.artefacts.store.cache
        contents = {Embeddings: points, Pretrained: generator}
        store: Any = FixedStore(contents, ArtefactStore(cache))
        return Context(torch.device("cpu"), Streams((seed,)), tmp_path, store, reals.__getitem__)

    return make


@pytest.fixture
def chosen_from():
    """Return the indices in the real set of all images of a distilled set, in its order."""

    def read(distilled):
        return [int(distilled.images.decode(index)[0, 0, 0]) for index in range(len(distilled))]

    return read


@pytest.fixture(scope="session")
def double(generator):
    """Return the tiny generator in float64."""
    codec = LatentCodec(copy.deepcopy(generator.codec.autoencoder).double())
    return DiffusionTransformer(
        generator.card, codec, copy.deepcopy(generator.transformer).double()
    )


@pytest.fixture
def watch():
    from watching import Watched

    return Watched


@dataclass(frozen=True)
class FixedModes:
    """Modes of three classes that were drawn at random: eight of each."""

    modes: Any

    def of_class(self, label):
        return self.modes[label]


@pytest.fixture(scope="session")
def some_modes():
    return FixedModes(np.random.default_rng(2).normal(size=(3, 8, 4, 8, 8)).astype(np.float32))

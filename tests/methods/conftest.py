"""A real set whose images tell their own index, a tiny generator, and contexts to distil in."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from bench.context import Context
from bench.features import Embeddings
from bench.generators import GENERATORS, Pretrained
from bench.generators.autoencoder import LatentCodec
from bench.generators.card import GeneratorCard
from bench.generators.diffusion_transformer import DiffusionTransformer, block_names
from bench.images import ArrayImages
from bench.sets import DatasetCard, ImageSet, RealSet
from bench.streams import Streams


@dataclass
class FixedStore:
    """Gives one content for every kind of artefact and remembers what was asked for."""

    contents: dict[type, Any]
    asked: list[Any] = field(default_factory=list)

    def get(self, artefact, ctx):
        self.asked.append(artefact)
        return self.contents[type(artefact)]


@dataclass(frozen=True)
class Made:
    """A source of a generator that needs no files."""

    classes: tuple[str, ...]
    description: str = "made in a test"
    sets: tuple[str, ...] = ()

    def weights(self):
        return "made"

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
def make_real():
    return _real_set


@pytest.fixture
def tiny_real():
    return _real_set((6, 6, 6))


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
    monkeypatch.setitem(GENERATORS, "embedded", Made(generator.card.classes))


@pytest.fixture
def make_context(tmp_path, generator):
    def make(seed=0, points=None):
        if points is None:
            points = np.random.default_rng(1).normal(size=(18, 4)).astype(np.float32)
        store: Any = FixedStore({Embeddings: points, Pretrained: generator})
        return Context(torch.device("cpu"), Streams((seed,)), tmp_path, store, {}.__getitem__)

    return make


@pytest.fixture
def chosen_from():
    """Return the indices in the real set of all images of a distilled set, in its order."""

    def read(distilled):
        return [int(distilled.images.decode(index)[0, 0, 0]) for index in range(len(distilled))]

    return read

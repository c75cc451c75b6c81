"""A real set whose images tell their own index, and contexts to distil it in."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from bench.context import Context
from bench.images import ArrayImages
from bench.sets import DatasetCard, ImageSet, RealSet
from bench.streams import Streams


@dataclass
class FixedStore:
    """Gives the same content for every artefact and remembers what was asked for."""

    content: Any
    asked: list[Any] = field(default_factory=list)

    def get(self, artefact, ctx):
        self.asked.append(artefact)
        return self.content


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


@pytest.fixture
def make_context(tmp_path):
    def make(seed=0, content=None):
        rng = np.random.default_rng(1)
        points = rng.normal(size=(18, 4)).astype(np.float32) if content is None else content
        store: Any = FixedStore(points)
        return Context(torch.device("cpu"), Streams((seed,)), tmp_path, store, {}.__getitem__)

    return make


@pytest.fixture
def chosen_from():
    """Return the indices in the real set of all images of a distilled set, in its order."""

    def read(distilled):
        return [int(distilled.images.decode(index)[0, 0, 0]) for index in range(len(distilled))]

    return read

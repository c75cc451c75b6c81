"""What tests of protocols share: cards without images, tiny sets, and a context of one unit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.artefacts import ArtefactStore
from bench.context import Context
from bench.images import FileImages
from bench.sets import DatasetCard, DistilledSet, ImageSet, RealSet
from bench.streams import Streams


@pytest.fixture
def make_card() -> Callable[..., DatasetCard]:
    return _card


@pytest.fixture
def make_real(tmp_path: Path) -> Callable[..., RealSet]:
    """Return real sets on disk, of classes that differ in brightness."""

    def make(num_classes: int = 2, side: int = 16, per_class: int = 20) -> RealSet:
        folder = tmp_path / f"real-{num_classes}-{side}-{per_class}"
        parts = [
            _images(folder / split, num_classes, side, per_class, seed)
            for seed, split in enumerate(("train", "val"))
        ]
        return RealSet(_card(num_classes, side), *parts)

    return make


@pytest.fixture
def make_context(tmp_path: Path) -> Callable[..., Context]:
    """Return contexts of evaluations; those of one test share their artefacts."""
    store = ArtefactStore(tmp_path / "cache")

    def make(
        real: RealSet, distilled: DistilledSet, seeds: tuple[int, ...] = (0, 0), **fields: object
    ) -> Context:
        (tmp_path / "work").mkdir(exist_ok=True)
        return Context(
            torch.device("cpu"),
            Streams(seeds),
            tmp_path / "work",
            fields.pop("artefacts", store),
            lambda name: real,
            distilled=distilled,
            distilled_revision=f"revision of {len(distilled)} images",
            **fields,
        )

    return make


def _card(num_classes: int = 10, resolution: int = 224) -> DatasetCard:
    names = tuple(f"n{label:08d}" for label in range(num_classes))
    return DatasetCard(
        name="tiny",
        classes=names,
        class_names=names,
        train_split="folder",
        test_split="folder",
        train_revision="a",
        test_revision="b",
        class_sizes=(1300,) * num_classes,
        resolution=resolution,
        features="convnet3@32",
    )


def _images(folder: Path, num_classes: int, side: int, per_class: int, seed: int) -> ImageSet:
    rng, names = np.random.default_rng(seed), []
    folder.mkdir(parents=True)
    labels = np.repeat(np.arange(num_classes), per_class)
    for number, label in enumerate(labels):
        pixels = rng.integers(100, size=(side, side, 3)) + 155 * int(label) // (num_classes - 1)
        names.append(f"{number}.png")
        Image.fromarray(pixels.astype(np.uint8)).save(folder / names[-1])
    return ImageSet(FileImages(folder, tuple(names)), labels, "ab"[seed])

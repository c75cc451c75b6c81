"""What tests of protocols share: the card of a set that has no images."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.sets import DatasetCard


@pytest.fixture
def make_card() -> Callable[..., DatasetCard]:
    def make(num_classes: int = 10, resolution: int = 224) -> DatasetCard:
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

    return make

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from torchvision import transforms
from torchvision.datasets import ImageFolder

from bench.data import open_real_set
from bench.data.pixels import cached_pixels
from bench.data.prefix import Prefix

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
ROOT = Path(os.environ.get("BENCH_TEST_PHOTOGRAPHS", BESIDE)) / "tinynette"

pytestmark = [
    pytest.mark.photographs,
    pytest.mark.skipif(not ROOT.is_dir(), reason="no photographs beside the checkout"),
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def tinynette(cache):
    return open_real_set(f"tinynette=folder:{ROOT}", data_root=None, cache=cache)


def test_tinynette_has_ten_classes_of_five_hundred_and_fifty(tinynette):
    assert tinynette.card.class_sizes == (500,) * 10
    assert np.bincount(tinynette.test.labels).tolist() == [50] * 10
    assert tinynette.card.class_names[:2] == ("goldfish", "golden retriever")
    assert (tinynette.card.resolution, tinynette.card.test_split) == (64, "folder:val")


def test_its_cached_pixels_are_those_of_the_official_pipeline(tinynette, cache):
    theirs = ImageFolder(
        str(ROOT / "train"), transforms.Compose([transforms.Resize(32), transforms.CenterCrop(32)])
    )
    ours = cached_pixels(tinynette.train, Prefix(32, 32), cache)
    assert isinstance(ours, np.memmap)
    assert ours.shape == (5000, 3, 32, 32)
    for index in range(0, 5000, 25):
        image, label = theirs[index]
        assert tinynette.train.labels[index] == label
        assert np.array_equal(ours[index].transpose(1, 2, 0), np.asarray(image))

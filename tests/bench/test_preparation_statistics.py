from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.context import Context
from bench.features import Embeddings
from bench.images import ArrayImages
from bench.preparation.latents import RealLatents
from bench.preparation.statistics import ClassStatistics, moments
from bench.sets import ImageSet
from bench.streams import Streams

LATENTS = RealLatents("tiny", "a" * 64, "tiny", "made")
FEATURES = Embeddings("tiny", "a" * 64, "embedded")
LABELS = np.array([1, 0, 0, 1, 1, 0, 1])


@pytest.fixture
def statistics_of(tmp_path):
    """Return statistics of rows `[7, ...]` in the order of the images."""

    def find(rows, artefact):
        images = ArrayImages(np.zeros((7, 1, 1, 3), np.uint8))
        card = SimpleNamespace(train_revision="a" * 64, classes=("n0", "n1"), num_classes=2)
        real = SimpleNamespace(card=card, train=ImageSet(images, LABELS, "a" * 64))

        def content(asked, ctx):
            if isinstance(asked, Embeddings):
                return rows
            return SimpleNamespace(of_class=lambda label: rows[label == LABELS].astype(np.float16))

        store = SimpleNamespace(get=content)
        ctx = Context(torch.device("cpu"), Streams((0,)), tmp_path, store, lambda name: real)
        artefact.build(ctx, tmp_path)
        return artefact.load(tmp_path, torch.device("cpu"))

    return find


def test_mean_and_variance_are_those_of_the_class(statistics_of):
    rows = np.random.default_rng(0).normal(size=(7, 2, 3, 3))
    found = statistics_of(rows, ClassStatistics(LATENTS))
    for label in range(2):
        own = torch.tensor(rows.astype(np.float16)[label == LABELS]).double()
        assert np.allclose(found.mean[label], own.mean(0), atol=1e-6)
        assert np.allclose(found.variance[label], own.var(0, correction=0), atol=1e-6)
    assert found.mean.dtype == np.float32
    assert found.unit_mean.shape == (2, 18)


def test_features_are_told_apart_by_the_labels_of_their_rows(statistics_of):
    rows = LABELS[:, None].astype(np.float32) * np.array([[3.0, 4.0]], np.float32)
    found = statistics_of(rows, ClassStatistics(FEATURES))
    assert found.mean.tolist() == [[0.0, 0.0], [3.0, 4.0]]
    assert found.unit_mean[1] == pytest.approx([0.6, 0.8])
    assert not found.variance.any()


def test_long_vectors_weigh_no_more_in_the_mean_direction():
    assert moments(np.array([[100.0, 0.0], [0.0, 1.0]]))["unit_mean"] == pytest.approx(
        [np.sqrt(0.5), np.sqrt(0.5)]
    )
    assert moments(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]))["unit_mean"].tolist() == [0, 0]


def test_a_part_of_a_class_is_drawn_from_its_own_stream(statistics_of):
    rows = np.eye(7)
    found = statistics_of(rows, ClassStatistics(FEATURES, count=3))
    for label in range(2):
        chosen = np.flatnonzero(found.mean[label])
        assert len(chosen) == 3
        assert (LABELS[chosen] == label).all()
    again = statistics_of(rows, ClassStatistics(FEATURES, count=3))
    assert (again.mean == found.mean).all()


def test_a_count_above_the_class_takes_all_of_it(statistics_of):
    rows = np.random.default_rng(1).normal(size=(7, 4))
    one, two = (statistics_of(rows, ClassStatistics(FEATURES, count=n)) for n in (0, 99))
    assert (one.mean == two.mean).all()


def test_statistics_need_what_they_are_of():
    assert ClassStatistics(LATENTS).needs() == (LATENTS,)
    assert ClassStatistics(FEATURES).needs() == (FEATURES,)

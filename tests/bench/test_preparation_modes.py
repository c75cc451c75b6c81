import contextlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.context import Context
from bench.errors import BenchError
from bench.preparation.latents import RealLatents
from bench.preparation.modes import Modes, closest, modes_of
from bench.preparation.per_class import ClassFiles
from bench.preparation.tree_modes import TreeModes
from bench.streams import Streams

LATENTS = RealLatents("tiny", "a" * 64, "tiny", "made")
KINDS = ("kmeans", "mixture", "ward", "average", "complete", "single")
PLACES = np.array([[0.0, 0, 0, 0, 9], [20, 0, 0, 0, 0], [0, 20, 0, 0, 0], [0, 0, -20, 7, 0]])


def blobs(seed=0, each=8):
    """Points around four places far apart, in a mixed order, and which place is whose."""
    rng = np.random.default_rng(seed)
    whose = rng.permutation(np.repeat(np.arange(4), each))
    return (PLACES[whose] + rng.normal(scale=0.1, size=(4 * each, 5))).astype(np.float32), whose


def means_of(points, whose):
    return np.stack([points[whose == place].astype(np.float64).mean(axis=0) for place in range(4)])


def in_order(rows):
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("kind", KINDS)
def test_modes_of_separate_blobs_are_their_means(kind):
    points, whose = blobs()
    found = modes_of(points, 4, kind, "centroid", 0)
    assert found.dtype == np.float32
    assert np.allclose(in_order(found), in_order(means_of(points, whose)), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_images_permutes_the_modes_at_most(kind):
    points, _ = blobs()
    shuffled = points[np.random.default_rng(3).permutation(len(points))]
    one, two = (modes_of(some, 4, kind, "centroid", 0) for some in (points, shuffled))
    assert np.allclose(in_order(one), in_order(two), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_mode_is_the_mean_of_the_class(kind):
    points = np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32)
    assert modes_of(points, 1, kind, "centroid", 0)[0] == pytest.approx(points.mean(0), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_modes_as_points_are_the_points(kind):
    points = 50 * np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    found = modes_of(points, 5, kind, "centroid", 0)
    assert np.allclose(in_order(found), in_order(points), atol=1e-3)
    assert (modes_of(points[:1], 1, kind, "centroid", 0) == points[:1]).all()


@pytest.mark.parametrize("represent", ["closest", "pca"])
def test_modes_may_be_real_latents_one_of_every_blob(represent):
    points, whose = blobs()
    found = modes_of(points, 4, "kmeans", represent, 0)
    rows = [int(np.flatnonzero((points == mode).all(axis=1))[0]) for mode in found]
    assert sorted(whose[rows]) == [0, 1, 2, 3]


def test_the_closest_latent_is_the_one_that_brute_force_finds():
    points, whose = blobs()
    expected = {
        min(range(len(points)), key=lambda row: float(((points[row] - mean) ** 2).sum()))
        for mean in means_of(points, whose)
    }
    assert set(closest(points, means_of(points, whose)).tolist()) == expected


def test_equal_points_give_as_many_equal_modes():
    points = np.ones((6, 3), np.float32)
    assert (modes_of(points, 3, "kmeans", "centroid", 0) == 1).all()


def test_more_modes_than_points_are_refused():
    with pytest.raises(ValueError, match=r"^`count` must be at most the 3 points, got 4.$"):
        modes_of(np.zeros((3, 2), np.float32), 4, "kmeans", "centroid", 0)


class Counted:
    """Latents of three classes that count how often they were read, and may be at their end."""

    def __init__(self, last=99):
        self.read, self.last = [], last

    def of_class(self, label):
        if len(self.read) >= self.last:
            raise KeyboardInterrupt
        self.read.append(label)
        rng = np.random.default_rng(label)
        return rng.normal(size=(7 + label, 4, 2, 2)).astype(np.float16)


def context(folder, latents):
    card = SimpleNamespace(train_revision="a" * 64, classes=("n0", "n1", "n2"), num_classes=3)
    real = SimpleNamespace(card=card)
    store = SimpleNamespace(get=lambda artefact, ctx: {LATENTS: latents}[artefact])
    return Context(torch.device("cpu"), Streams((0,)), folder, store, lambda name: real)


@pytest.mark.parametrize("artefact", [Modes(LATENTS, 3), TreeModes(LATENTS, 3)])
def test_the_artefact_holds_the_modes_of_every_class(tmp_path, artefact):
    artefact.build(context(tmp_path, Counted()), tmp_path)
    found = artefact.load(tmp_path, torch.device("cpu"))
    for label in range(3):
        modes, latents = found.of_class(label), Counted().of_class(label).astype(np.float64)
        assert modes.shape == (3, 4, 2, 2)
        assert modes.dtype == np.float32
        assert latents.min() <= modes.min()
        assert modes.max() <= latents.max()
    assert artefact.needs() == (LATENTS,)


@pytest.mark.parametrize("kind", [Modes, TreeModes])
def test_one_mode_is_the_mean_latent_of_the_class(tmp_path, kind):
    artefact = kind(LATENTS, 1)
    artefact.build(context(tmp_path, Counted()), tmp_path)
    for label in range(3):
        mean = Counted().of_class(label).astype(np.float64).mean(axis=0)
        found = artefact.load(tmp_path, torch.device("cpu")).of_class(label)
        assert np.allclose(found[0], mean, atol=1e-5)


@pytest.mark.parametrize("artefact", [Modes(LATENTS, 3), TreeModes(LATENTS, 3)])
def test_classes_that_are_whole_are_not_made_again(tmp_path, artefact):
    with contextlib.suppress(KeyboardInterrupt):
        artefact.build(context(tmp_path, Counted(last=2)), tmp_path)
    latents = Counted()
    artefact.build(context(tmp_path, latents), tmp_path)
    assert latents.read == [2]
    other = tmp_path / "other"
    other.mkdir()
    artefact.build(context(other, Counted()), other)
    for label in range(3):
        one, two = (ClassFiles(folder).path(label) for folder in (tmp_path, other))
        assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("artefact", [Modes(LATENTS, 3), TreeModes(LATENTS, 3)])
def test_a_full_disk_is_told_before_modes_are_sought(tmp_path, monkeypatch, artefact):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10))
    with pytest.raises(BenchError, match=r"^The modes of 'tiny' need 0.0 MB in"):
        artefact.build(context(tmp_path, Counted()), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_tree_modes_may_be_real_latents(tmp_path):
    artefact = TreeModes(LATENTS, 3, pick="multiscale", represent="closest")
    artefact.build(context(tmp_path, Counted()), tmp_path)
    latents = Counted().of_class(0).astype(np.float32)
    for mode in artefact.load(tmp_path, torch.device("cpu")).of_class(0):
        assert (latents == mode).all(axis=(1, 2, 3)).any()


def test_counts_below_one_are_refused():
    for kind in (Modes, TreeModes):
        with pytest.raises(ValueError, match=r"^`count` must be at least 1, got 0.$"):
            kind(LATENTS, 0)
    with pytest.raises(ValueError, match=r"^`level` must be at least 1, got 0.$"):
        TreeModes(LATENTS, 1, level=0)

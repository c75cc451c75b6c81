from statistics import fmean

import numpy as np
import pytest
import torch

from bench.metrics import extrapolation
from bench.metrics.extrapolation import extrapolated_fid, subset_sizes
from bench.metrics.gaussian import Gaussian, frechet_distance, gaussian_of


def labels_of(per_class, num_classes=10):
    return torch.arange(num_classes).repeat_interleave(per_class)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def standard_normal(d):
    return Gaussian(torch.zeros(d, dtype=torch.float64), torch.eye(d, dtype=torch.float64))


def normal(n, d, seed):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, d)))


@pytest.mark.parametrize(
    ("per_class", "sizes"),
    [
        (5, (20, 30, 40, 50)),
        (4, (20, 30, 40)),
        (10, (50, 60, 70, 80, 90, 100)),
        (1, (10,)),
        (2, (10, 20)),
        (300, (1500, 2000, 2500, 3000)),
    ],
)
def test_sizes_are_whole_images_of_every_class(per_class, sizes):
    assert subset_sizes(labels_of(per_class)) == sizes


def test_classes_of_unequal_size_keep_their_shares():
    labels = torch.tensor([0] * 20 + [2] * 10)
    assert subset_sizes(labels, points=3) == (15, 23, 30)  # 10 + 5, 15 + 8 for 7.5, 20 + 10


def test_what_is_a_line_in_one_over_n_has_its_intercept(monkeypatch):
    def exact(real, features):
        return lambda rows: 7.0 + 300.0 / len(rows)

    monkeypatch.setattr(extrapolation, "_distance_of", exact)
    labels = labels_of(10)
    found = extrapolated_fid(standard_normal(4), normal(100, 4, 0), labels, seeded())
    assert found == pytest.approx(7.0)


def test_subsets_hold_distinct_images_and_equal_shares_of_every_class(monkeypatch):
    labels, seen = labels_of(10, 3), []
    monkeypatch.setattr(
        extrapolation, "_distance_of", lambda real, features: lambda rows: seen.append(rows) or 1.0
    )
    extrapolated_fid(standard_normal(4), normal(30, 4, 0), labels, seeded(), draws=4)
    assert [len(rows) for rows in seen] == [15] * 4 + [18] * 4 + [21] * 4 + [24] * 4 + [27] * 4 + [
        30
    ]
    for rows in seen:
        assert len(set(rows.tolist())) == len(rows)
        assert labels[rows].bincount().tolist() == [len(rows) // 3] * 3
    assert len({tuple(rows.tolist()) for rows in seen}) == len(seen)


def test_of_many_images_each_size_is_measured_once(monkeypatch):
    seen = []
    monkeypatch.setattr(
        extrapolation, "_distance_of", lambda real, features: lambda rows: seen.append(rows) or 1.0
    )
    extrapolated_fid(standard_normal(1), normal(3000, 1, 0), labels_of(300), seeded())
    assert [len(rows) for rows in seen] == [1500, 2000, 2500, 3000]


@pytest.mark.parametrize("d", [16, 60], ids=["above the dimension", "below the dimension"])
def test_a_subset_has_the_fid_of_its_images(d):
    real, features = gaussian_of(normal(100, d, 1) + 0.3), normal(40, d, 2).abs()
    rows = torch.tensor([3, 1, 4, 15, 9, 26, 5, 35, 8])
    expected = frechet_distance(real, features[rows])
    assert extrapolation._distance_of(real, features)(rows) == pytest.approx(expected, rel=1e-9)


def test_the_line_is_nearer_to_the_truth_than_the_fid_of_all():
    # Distilled images of the real distribution itself: the true FID is 0.
    real, labels, d = standard_normal(16), labels_of(20), 16
    sets = [normal(200, d, seed) for seed in range(10)]
    fid = fmean(frechet_distance(real, features) for features in sets)
    line = fmean(extrapolated_fid(real, features, labels, seeded(), 4) for features in sets)
    assert abs(line) < fid / 4


@pytest.mark.parametrize("per_class", [1, 2, 3])
def test_too_few_images_of_a_class_have_no_line(per_class):
    features = normal(10 * per_class, 4, 0)
    assert extrapolated_fid(standard_normal(4), features, labels_of(per_class), seeded()) is None


def test_the_generator_is_all_the_chance_there_is():
    real, features, labels = standard_normal(60), normal(50, 60, 3), labels_of(5)
    first, again, other = (
        extrapolated_fid(real, features, labels, seeded(seed)) for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other

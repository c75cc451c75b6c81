import math

import numpy as np
import pytest
import torch

from bench.metrics import means
from bench.metrics.means import diversity, embedding_cosine, embedding_l2, representativeness


def rows(*points):
    return torch.tensor(points, dtype=torch.float64)


def at(*degrees, length=1.0):
    """Return points of a circle."""
    return rows(
        *([length * math.cos(math.radians(a)), length * math.sin(math.radians(a))] for a in degrees)
    )


def test_l2_is_between_the_means():
    features = rows([1.0, 0.0], [3.0, 8.0])  # mean (2, 4)
    assert embedding_l2(torch.tensor([-1.0, 0.0]).double(), features) == pytest.approx(5.0)


def test_the_cosine_is_of_the_means_and_not_of_the_images():
    features = rows([2.0, 0.0], [0.0, 2.0])  # mean (1, 1)
    assert embedding_cosine(torch.tensor([3.0, 0.0]).double(), features) == pytest.approx(
        1 - math.sqrt(0.5)
    )
    assert embedding_cosine(torch.tensor([-2.0, -2.0]).double(), features) == pytest.approx(2.0)


def test_means_of_zero_are_at_right_angles_to_all():
    assert embedding_cosine(torch.zeros(2).double(), rows([1.0, 1.0])) == 1.0


@pytest.mark.parametrize("chunk", [1, 1024])
def test_representativeness_is_of_the_image_least_like_any_real_one(chunk, monkeypatch):
    monkeypatch.setattr(means, "CHUNK", chunk)
    real, features = at(0, 90, 200, length=3.0), at(10, 120, 195)
    expected = math.cos(math.radians(30))  # 10, 30 and 5 degrees from the nearest
    assert representativeness(real, features) == pytest.approx(expected)
    assert representativeness(real.float(), features) == pytest.approx(expected, rel=1e-6)


def test_copies_represent_by_one_and_no_more():
    for seed in range(20):
        real = torch.from_numpy(np.random.default_rng(seed).normal(size=(9, 50)))
        assert 1.0 - 1e-12 < representativeness(real, real[:4]) <= 1.0


@pytest.mark.parametrize("chunk", [1, 2, 1024])
def test_diversity_is_of_the_two_images_most_alike(chunk, monkeypatch):
    monkeypatch.setattr(means, "CHUNK", chunk)
    features = at(0, 100, 140, 260, length=2.0)
    assert diversity(features) == pytest.approx(1 - math.cos(math.radians(40)))


def test_two_copies_have_no_diversity_and_opposites_have_two():
    point = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 50)))
    assert 0.0 <= diversity(torch.cat([point, point, -point])) < 1e-12
    assert diversity(torch.cat([point, -3.0 * point])) == pytest.approx(2.0)


def test_one_image_has_no_diversity():
    with pytest.raises(ValueError, match="at least 2 images for a pair of them, got 1"):
        diversity(at(0))

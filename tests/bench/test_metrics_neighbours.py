import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from bench.metrics import neighbours
from bench.metrics.neighbours import (
    Nearest,
    authenticity,
    nearest_in_class,
    prdc,
    radii,
    squared_distances,
)


def normal(n, d, seed):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, d)))


def line(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


def distance(x, y):
    return float(((x - y) ** 2).sum()) ** 0.5


def by_loops(real, features, k):
    """Return precision, recall, density and coverage by the definitions."""

    def radius(points, i):
        return sorted(distance(points[i], points[j]) for j in range(len(points)) if j != i)[k - 1]

    around_real = [radius(real, i) for i in range(len(real))]
    around = [radius(features, j) for j in range(len(features))]
    inside = [
        [distance(r, f) < R for f in features] for r, R in zip(real, around_real, strict=True)
    ]
    recalled = [
        any(distance(r, f) < R for f, R in zip(features, around, strict=True)) for r in real
    ]
    covered = [
        min(distance(r, f) for f in features) < R for r, R in zip(real, around_real, strict=True)
    ]
    precision = np.any(inside, axis=0).mean()
    density = np.sum(inside, axis=0).mean() / k
    return precision, np.mean(recalled), density, np.mean(covered)


def numbers(found):
    return found.precision, found.recall, found.density, found.coverage


@pytest.mark.parametrize("chunk", [1, 5, 1024])
@pytest.mark.parametrize("k", [1, 3])
def test_prdc_is_as_defined_in_any_chunks(k, chunk, monkeypatch):
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    real, features = normal(24, 3, 0), 0.7 * normal(13, 3, 1) + 0.4
    expected = by_loops(real, features, k)
    assert numbers(prdc(real, features, k)) == pytest.approx(expected)
    assert numbers(prdc(real, features, k, radii(real, k))) == pytest.approx(expected)
    assert 0.0 < min(expected)


def test_prdc_of_more_points_is_that_of_scikit_learns_neighbours():
    real, features, k = normal(300, 8, 2), normal(120, 8, 3) + 0.3, 5
    search = NearestNeighbors(n_neighbors=k, algorithm="brute")
    around_real = search.fit(real).kneighbors()[0][:, -1]
    around = search.fit(features).kneighbors()[0][:, -1]
    pairs = np.linalg.norm(real.numpy()[:, None] - features.numpy(), axis=2)
    found = prdc(real, features, k)
    assert found.precision == pytest.approx((pairs < around_real[:, None]).any(axis=0).mean())
    assert found.recall == pytest.approx((pairs < around).any(axis=1).mean())
    assert found.density == pytest.approx((pairs < around_real[:, None]).sum(axis=0).mean() / k)
    assert found.coverage == pytest.approx((pairs.min(axis=1) < around_real).mean())


def test_radii_are_those_of_scikit_learn():
    points = normal(50, 4, 4)
    expected = NearestNeighbors(n_neighbors=3).fit(points).kneighbors()[0][:, -1]
    np.testing.assert_allclose(radii(points, 3), expected)


def test_the_line_by_hand():
    # Real 0, 1, 3, 7 with k=1: radii 1, 1, 2, 4. Distilled 0.5, 2.5, 20: radii 2, 2, 17.5.
    found = prdc(line(0, 1, 3, 7), line(0.5, 2.5, 20), 1)
    assert found.precision == pytest.approx(2 / 3)  # 0.5 in (-1, 1); 2.5 in (1, 5); 20 in none
    # 0.5 in the balls of 0 and 1; 2.5 in that of 3, and in none of 7's (3, 11).
    assert found.density == pytest.approx((2 + 1 + 0) / 3)
    assert found.coverage == pytest.approx(3 / 4)  # 7 has none nearer than 4
    assert found.recall == pytest.approx(4 / 4)  # 0, 1 near 0.5; 3 near 2.5; 7 in (2.5, 37.5)


def test_balls_are_open_so_that_the_neighbour_itself_lies_outside():
    found = prdc(line(0, 2, 10), line(-2.0, 18.0), 1)  # radii 2, 2, 8: both lie on an edge
    assert numbers(found) == (0.0, 1.0, 0.0, 0.0)
    found = prdc(line(0, 3), line(1, 2), 1)  # distilled radii 1: both real ones lie on an edge
    assert found.recall == 0.0


def test_an_outlier_that_is_real_raises_precision_but_not_density():
    # The figure of Naeem et al.: one real outlier with a large ball around all distilled images.
    real, features = line(0.0, 0.1, 0.2, 0.3, 100.0), line(40.0, 50.0, 60.0, 70.0)
    found = prdc(real, features, 1)
    assert found.precision == 1.0
    assert found.density == 1.0
    assert found.coverage == pytest.approx(1 / 5)


def test_a_set_covers_itself():
    points = normal(40, 6, 5)
    found = prdc(points, points, 4)
    assert (found.precision, found.recall, found.coverage) == (1.0, 1.0, 1.0)


def test_what_lies_far_away_is_in_no_neighbourhood():
    found = prdc(normal(40, 6, 6), normal(20, 6, 7) + 1000.0, 4)
    assert numbers(found) == (0.0, 0.0, 0.0, 0.0)


def test_k_images_have_no_neighbourhoods_and_no_recall():
    real = normal(20, 3, 8)
    assert prdc(real, normal(5, 3, 9), 5).recall is None
    assert prdc(real, normal(6, 3, 9), 5).recall is not None
    with pytest.raises(ValueError, match="`prdc` with k=5 needs more than 5 real images, got 4"):
        prdc(real[:4], real, 5)


@pytest.mark.parametrize("k", [0, 4])
def test_radii_want_more_images_than_neighbours(k):
    with pytest.raises(ValueError, match=f"k={k}"):
        radii(normal(4, 2, 0), k)


def test_distances_of_whole_numbers_are_exact():
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]], dtype=torch.float64)
    expected = [[0.0, 25.0, 25.0], [25.0, 0.0, 0.0], [25.0, 0.0, 0.0]]
    assert squared_distances(points, points).tolist() == expected


def test_nearest_images_are_those_of_the_own_class(monkeypatch):
    monkeypatch.setattr(neighbours, "CHUNK", 4)
    real, features = normal(40, 5, 10), normal(15, 5, 11)
    real_labels, labels = torch.arange(40) % 3, torch.arange(15) % 3
    found = nearest_in_class(real.float(), real_labels, features, labels)
    for j, label in enumerate(labels):
        rows = [i for i in range(40) if real_labels[i] == label]
        row = min(rows, key=lambda i: distance(real[i], features[j]))
        assert found.index[j] == row
        expected = distance(real[row].float().double(), features[j])
        assert float(found.distance[j]) == pytest.approx(expected)


def test_a_copy_is_no_distance_from_its_original_and_not_authentic():
    real = 1000.0 + normal(30, 64, 12)
    labels = torch.arange(30) % 2
    copies = torch.tensor([7, 4, 21])
    found = nearest_in_class(real, labels, real[copies], labels[copies])
    assert found.index.tolist() == [7, 4, 21]
    assert found.distance.tolist() == [0.0, 0.0, 0.0]
    assert authenticity(found, torch.zeros(30, dtype=torch.float64)) == 0.0  # a tie is none


def test_authenticity_compares_with_the_gap_around_the_nearest_real_image():
    nearest = Nearest(torch.tensor([0, 0, 1, 2]), torch.tensor([0.5, 2.0, 2.0, 3.0]).double())
    assert authenticity(nearest, torch.tensor([1.0, 2.0, 2.9]).double()) == 2 / 4


def test_a_class_of_one_real_image_says_nothing_of_authenticity():
    nearest = Nearest(torch.tensor([0, 1]), torch.tensor([2.0, 9.0]).double())
    gap = torch.tensor([1.0, torch.inf], dtype=torch.float64)
    assert authenticity(nearest, gap) == 1.0
    assert np.isnan(authenticity(nearest, torch.full_like(gap, torch.inf)))


def test_a_class_without_real_images_is_refused():
    with pytest.raises(ValueError, match="images of class 1, got none"):
        nearest_in_class(normal(2, 2, 0), torch.tensor([0, 0]), normal(1, 2, 1), torch.tensor([1]))

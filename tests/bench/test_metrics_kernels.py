import math
from statistics import fmean, stdev

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel

from bench.metrics import kernels
from bench.metrics.kernels import kid, kid_within, mmd_rbf


def normal(n, d, seed):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, d)))


def unbiased(kernel, real, features):
    """Return the estimate over all pairs, by loops."""
    m, n = len(real), len(features)
    within = sum(kernel(real[i], real[j]) for i in range(m) for j in range(m) if i != j)
    own = sum(kernel(features[i], features[j]) for i in range(n) for j in range(n) if i != j)
    between = sum(kernel(r, f) for r in real for f in features)
    return within / (m * (m - 1)) + own / (n * (n - 1)) - 2 * between / (m * n)


@pytest.mark.parametrize("chunk", [1, 4, 1024])
def test_kid_is_the_mean_over_all_pairs_in_any_chunks(chunk, monkeypatch):
    monkeypatch.setattr(kernels, "CHUNK", chunk)
    real, features = normal(11, 5, 0), normal(6, 5, 1) + 0.5
    expected = unbiased(lambda x, y: float(x @ y / 5 + 1) ** 3, real, features)
    assert kid(real, features) == pytest.approx(expected, rel=1e-12)
    assert kid(real, features, kid_within(real)) == pytest.approx(expected, rel=1e-12)


def test_kid_of_one_whole_subset_is_that_of_clean_fid():
    from cleanfid.fid import kernel_distance

    real, features = normal(40, 7, 2), 1.5 * normal(40, 7, 3)
    expected = kernel_distance(real.numpy(), features.numpy(), num_subsets=1)
    assert kid(real, features) == pytest.approx(expected, rel=1e-10)


def test_kid_of_equal_numbers_is_that_of_torchmetrics():
    from torchmetrics.image.kid import poly_mmd

    real, features = normal(40, 7, 4), normal(40, 7, 5) + 1.0
    assert kid(real, features) == pytest.approx(float(poly_mmd(real, features)), rel=1e-10)


@pytest.mark.parametrize("n", [5, 40])
def test_kid_of_one_distribution_is_zero_on_average_at_any_number(n):
    values = [kid(normal(60, 4, 2 * seed), normal(n, 4, 2 * seed + 1)) for seed in range(200)]
    error = stdev(values) / math.sqrt(len(values))
    assert abs(fmean(values)) < 3.5 * error  # passed by chance in 0.05 % of all seeds only
    assert min(values) < 0.0


@pytest.mark.parametrize("ipc", [1, 2, 5, 10, 50])
def test_a_fair_set_with_equally_many_of_every_class_comes_out_below_zero(ipc):
    # Four classes whose images are all alike, one corner each: k is 1.25^3 within a class, else 1.
    # Of all pairs 1/4 are of one class, of those within N balanced images (N/4 - 1) / (N - 1) are.
    corners = torch.eye(4, dtype=torch.float64)
    real, features = corners.repeat(1000, 1), corners.repeat(ipc, 1)
    n = len(features)
    expected = (1.25**3 - 1) * ((n / 4 - 1) / (n - 1) - 1 / 4)
    assert expected == pytest.approx(-(1.25**3 - 1) * 0.75 / (n - 1))
    assert kid(real, features) == pytest.approx(expected, abs=2e-4)  # of 4,000 real images
    assert mmd_rbf(real[:2000], features)[0] == 0.0


def by_sklearn(real, features, gamma):
    """Return the MMD over all pairs with scikit-learn's kernel."""
    real, features = real.numpy(), features.numpy()
    m, n = len(real), len(features)
    within = rbf_kernel(real, gamma=gamma)[~np.eye(m, dtype=bool)].mean()
    own = rbf_kernel(features, gamma=gamma)[~np.eye(n, dtype=bool)].mean()
    return math.sqrt(within + own - 2 * rbf_kernel(real, features, gamma=gamma).mean())


def median_square(points):
    squares = euclidean_distances(points.numpy(), squared=True)
    return np.median(squares[np.triu_indices(len(points), k=1)])


@pytest.mark.parametrize("chunk", [3, 1024])
def test_mmd_is_that_of_scikit_learns_kernel(chunk, monkeypatch):
    monkeypatch.setattr(kernels, "CHUNK", chunk)
    real, features = normal(30, 6, 6), normal(12, 6, 7) + 1.0
    mmd, gamma = mmd_rbf(real, features)
    assert gamma == pytest.approx(1 / median_square(torch.cat([real, features])), rel=1e-10)
    assert mmd == pytest.approx(by_sklearn(real, features, gamma), rel=1e-10)


def test_mmd_of_points_on_a_line_by_hand():
    real, features = torch.tensor([[0.0], [1.0]]).double(), torch.tensor([[3.0], [6.0]]).double()
    squares = [1.0, 9.0, 36.0, 4.0, 25.0, 9.0]  # of all six pairs; the middle two are both 9
    mmd, gamma = mmd_rbf(real, features)
    assert gamma == pytest.approx(1 / np.median(squares))
    between = (math.exp(-1) + math.exp(-4) + math.exp(-4 / 9) + math.exp(-25 / 9)) / 4
    expected = math.exp(-1 / 9) + math.exp(-1) - 2 * between
    assert mmd == pytest.approx(math.sqrt(expected))


def test_mmd_is_zero_where_the_estimate_is_negative():
    points = normal(20, 3, 8)
    assert mmd_rbf(points, points.flip(0))[0] == 0.0


def test_the_median_distance_of_many_images_is_that_of_evenly_spaced_ones(monkeypatch):
    monkeypatch.setattr(kernels, "POOLED", 10)
    real, features = normal(25, 4, 9), normal(5, 4, 10)
    _, gamma = mmd_rbf(real, features)
    assert gamma == pytest.approx(1 / median_square(torch.cat([real, features])[::3]), rel=1e-10)


def test_images_of_equal_features_have_no_scale():
    point = normal(1, 3, 11)
    with pytest.raises(ValueError, match="`features` must differ"):
        mmd_rbf(point.expand(4, -1), point.expand(3, -1))


@pytest.mark.parametrize("metric", [kid, mmd_rbf])
@pytest.mark.parametrize(("m", "n", "name"), [(1, 3, "real"), (3, 1, "features")])
def test_one_image_makes_no_pair(metric, m, n, name):
    with pytest.raises(ValueError, match=f"`{name}` must hold at least 2 images"):
        metric(normal(m, 3, 0), normal(n, 3, 1))

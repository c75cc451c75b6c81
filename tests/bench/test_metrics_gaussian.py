import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import sqrtm

from bench.metrics import gaussian
from bench.metrics.gaussian import Gaussian, frechet_distance, frechet_of_features, gaussian_of

SIZES = [(200, 30, 16), (200, 17, 16), (200, 6, 16), (9, 6, 16), (9, 200, 16), (200, 900, 16)]
"""Real images, distilled images, dimension: n above, just above and below d, and m below it."""


def drawn(n, d, seed):
    """Return features like those of networks: positive, correlated, of unequal variances."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(d, d)) * np.geomspace(1.0, 0.01, d)
    return torch.from_numpy(np.abs(rng.normal(0.3, 1.0, (n, d)) @ mixing))


def moments(features):
    return features.numpy().mean(axis=0), np.cov(features.numpy(), rowvar=False)


def by_scipy(real, features):
    (mean, covariance), (other_mean, other) = moments(real), moments(features)
    root = sqrtm(covariance @ other).real
    return (
        np.sum((mean - other_mean) ** 2)
        + np.trace(covariance)
        + np.trace(other)
        - 2 * np.trace(root)
    )


def by_pytorch_fid(real, features):
    from pytorch_fid.fid_score import calculate_frechet_distance

    return calculate_frechet_distance(*moments(real), *moments(features))


def by_clean_fid(real, features):
    from cleanfid.fid import frechet_distance as theirs

    return theirs(*moments(real), *moments(features))


def by_torchmetrics(real, features):
    from torchmetrics.image.fid import _compute_fid

    parts = (torch.from_numpy(part) for part in (*moments(real), *moments(features)))
    return float(_compute_fid(*parts))


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("oracle", [by_scipy, by_pytorch_fid, by_clean_fid, by_torchmetrics])
def test_fid_is_that_of_other_programs(oracle, sizes):
    m, n, d = sizes
    real, features = drawn(m, d, 1), 1.3 * drawn(n, d, 2) + 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # singular products; `disp`, which SciPy takes away in 1.18
        try:
            expected = oracle(real, features)
        except TypeError:
            pytest.skip("this program calls sqrtm as SciPy no longer allows")
    # A matrix root of a singular product is exact to the root of the rounding.
    accuracy = 1e-6 if min(m, n) > d else 1e-5
    assert frechet_distance(gaussian_of(real), features) == pytest.approx(expected, rel=accuracy)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_two_small_sets_have_the_fid_of_their_gaussians(sizes):
    m, n, d = sizes
    real, features = drawn(m, d, 3), drawn(n, d, 4)
    expected = frechet_distance(gaussian_of(real), features)
    assert frechet_of_features(real, features) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_the_gaussian_is_numpys_in_any_chunks_and_from_float32(chunk, monkeypatch):
    monkeypatch.setattr(gaussian, "CHUNK", chunk)
    features = drawn(20, 5, 5).float()
    mean, covariance = moments(features.double())
    ours = gaussian_of(features)
    np.testing.assert_allclose(ours.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(ours.covariance, covariance, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("n", [3, 40])
def test_a_set_and_its_copy_are_no_distance_apart(n):
    features = drawn(n, 8, 6)
    scale = float(gaussian_of(features).covariance.trace())
    assert 0.0 <= frechet_distance(gaussian_of(features), features) < 1e-6 * scale


@pytest.mark.parametrize("n", [3, 40])
def test_a_shifted_set_is_its_squared_shift_away(n):
    features, shift = drawn(n, 8, 7), torch.linspace(-1.0, 2.0, 8, dtype=torch.float64)
    expected = float(shift.square().sum())
    distance = frechet_distance(gaussian_of(features), features + shift)
    assert distance == pytest.approx(expected, rel=1e-6)
    assert frechet_of_features(features, features + shift) == pytest.approx(expected, rel=1e-6)


def test_a_set_scaled_in_one_dimension_differs_by_the_standard_deviations():
    features = torch.tensor([[-3.0], [0.0], [3.0]], dtype=torch.float64)
    assert frechet_distance(gaussian_of(features), 4.0 * features) == pytest.approx((3 * 3.0) ** 2)


def test_independent_coordinates_add_the_squared_differences_of_standard_deviations():
    # Rows +-e_i: mean 0, covariance diagonal.
    sides = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)
    others = torch.tensor([2.0, 0.5, 5.0], dtype=torch.float64)
    rows, other_rows = (torch.cat([side.diag(), -side.diag()]) for side in (sides, others))
    expected = float((sides - others).square().sum()) * 2 / 5
    assert frechet_distance(gaussian_of(rows), other_rows) == pytest.approx(expected)


@pytest.mark.parametrize("n", [5, 50])
def test_rotation_and_order_change_nothing(n):
    real, features = drawn(40, 12, 8), drawn(n, 12, 9)
    rotation, _ = torch.linalg.qr(drawn(12, 12, 10) - 0.5)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    distance = frechet_distance(gaussian_of(real), features)
    turned = frechet_distance(gaussian_of(real @ rotation), features[order] @ rotation)
    assert turned == pytest.approx(distance, rel=1e-6)


def test_fid_is_symmetric():
    first, second = drawn(40, 12, 11), drawn(7, 12, 12)
    forth = frechet_distance(gaussian_of(first), second)
    back = frechet_distance(gaussian_of(second), first)
    assert forth == pytest.approx(back, rel=1e-6)


def test_one_image_many_times_is_a_point():
    real, point = drawn(40, 6, 13), drawn(1, 6, 14)
    gaussian_real = gaussian_of(real)
    shift = (gaussian_real.mean - point[0]).square().sum()
    expected = float(shift + gaussian_real.covariance.trace())
    for times in (3, 30):
        distance = frechet_distance(gaussian_real, point.expand(times, -1))
        assert distance == pytest.approx(expected, rel=1e-6)


numbers = st.floats(-100, 100, allow_nan=False, width=32)


@given(
    arrays(np.float64, (4, 3), elements=numbers),
    st.integers(2, 5).flatmap(lambda n: arrays(np.float64, (n, 3), elements=numbers)),
)
@settings(max_examples=50, deadline=None)
def test_fid_is_never_negative(real, features):
    real, features = torch.from_numpy(real), torch.from_numpy(features)
    assert frechet_distance(gaussian_of(real), features) >= 0.0
    assert frechet_of_features(real, features) >= 0.0


def test_the_root_is_made_once_and_squares_to_the_covariance():
    model = gaussian_of(drawn(5, 8, 15))  # singular
    torch.testing.assert_close(model.root @ model.root.T, model.covariance)
    assert model.root is model.root
    assert isinstance(model, Gaussian)


@pytest.mark.parametrize(
    "function", [gaussian_of, lambda f: frechet_of_features(drawn(3, 4, 0), f)]
)
def test_one_image_has_no_covariance(function):
    with pytest.raises(ValueError, match="at least 2 images for a covariance, got 1"):
        function(drawn(1, 4, 16))

"""The two numbers of `benchmarks.coverage`, against cases in which they are known."""

import numpy as np
import pytest

from benchmarks.coverage import Points, coverage, spread

LABELS = np.repeat([0, 1], 40)


@pytest.fixture
def real():
    features = np.random.default_rng(0).normal(size=(80, 5)).astype(np.float32)
    features[40:] += 100.0
    return Points(features, LABELS)


def test_the_spread_is_the_trace_of_the_covariance_of_a_class_averaged_over_classes(real):
    traces = [np.trace(np.cov(real.of_class(label).T, ddof=0)) for label in (0, 1)]
    assert spread(real) == pytest.approx(np.mean(traces), rel=1e-5)


def test_images_twice_as_far_from_their_centre_have_four_times_the_spread(real):
    wide = Points(2.0 * real.features, LABELS)
    assert spread(wide) == pytest.approx(4.0 * spread(real), rel=1e-5)


def test_the_real_images_cover_themselves(real):
    assert coverage(real, real) == 1.0


def test_images_of_another_class_cover_nothing(real):
    swapped = Points(real.features[::-1].copy(), LABELS)
    assert coverage(real, swapped) == 0.0


def test_one_image_covers_those_that_have_it_among_their_five_nearest(real):
    one = Points(real.features[[0, 40]], np.array([0, 1]))
    distances = np.linalg.norm(real.of_class(0) - real.features[0], axis=1)
    others = np.linalg.norm(real.of_class(0)[:, None] - real.of_class(0)[None], axis=2)
    near = distances <= np.sort(others, axis=1)[:, 5]
    expected = [near.mean()]
    distances = np.linalg.norm(real.of_class(1) - real.features[40], axis=1)
    others = np.linalg.norm(real.of_class(1)[:, None] - real.of_class(1)[None], axis=2)
    expected.append((distances <= np.sort(others, axis=1)[:, 5]).mean())
    assert coverage(real, one) == pytest.approx(np.mean(expected), abs=0.03)

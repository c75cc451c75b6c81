import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import UsageError
from methods.herding import Herding
from methods.kcenter import KCenter

SEEDS = st.integers(0, 2**32 - 1)


def cloud(count, dimensions=3, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dimensions))


def radius(points, picks):
    """Return the largest distance of any point to the nearest chosen one."""
    distances = np.linalg.norm(points[:, None] - points[list(picks)], axis=2)
    return distances.min(axis=1).max()


# Herding ----------------------------------------------------------------------------------------


def test_herding_begins_with_the_point_nearest_to_the_mean():
    points = cloud(40)
    distances = [np.linalg.norm(point - points.mean(axis=0)) for point in points]
    assert Herding().choose(points, 1, 0).tolist() == [int(np.argmin(distances))]


def test_each_choice_is_the_best_next_one_by_brute_force():
    points = cloud(15, seed=3)
    picks = Herding().choose(points, 6, 0).tolist()
    for k in range(6):
        rest = [i for i in range(15) if i not in picks[:k]]
        errors = {
            i: np.linalg.norm(points[[*picks[:k], i]].mean(axis=0) - points.mean(axis=0))
            for i in rest
        }
        assert errors[picks[k]] == pytest.approx(min(errors.values()))


def test_the_mean_of_herded_images_is_nearer_than_that_of_random_ones():
    def error(points, picks):
        return np.linalg.norm(points[picks].mean(axis=0) - points.mean(axis=0))

    herded, random = [], []
    for seed in range(20):
        points = cloud(200, 16, seed)
        herded.append(error(points, Herding().choose(points, 10, 0)))
        random.append(error(points, np.random.default_rng(seed).permutation(200)[:10]))
    assert np.mean(herded) < 0.5 * np.mean(random)
    assert max(herded) < min(random)


def test_herding_a_whole_class_takes_everything():
    points = cloud(12)
    picks = Herding().choose(points, 12, 0)
    assert sorted(picks.tolist()) == list(range(12))


# k-center ---------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 4), st.sampled_from(["random", "mean"]))
def test_no_choice_of_so_many_covers_twice_as_well(seed, count, start):
    points = cloud(11, 2, seed)
    picks = KCenter(start=start).choose(points, count, seed)
    best = min(radius(points, some) for some in itertools.combinations(range(11), count))
    assert radius(points, picks) <= 2 * best + 1e-9


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_every_choice_is_the_farthest_from_those_before(seed):
    points = cloud(30, 4, seed)
    picks = KCenter().choose(points, 8, seed).tolist()
    radii = [radius(points, picks[:k]) for k in range(1, 9)]
    assert radii == sorted(radii, reverse=True)
    for k in range(1, 8):
        nearest = np.linalg.norm(points[picks[k]] - points[picks[:k]], axis=1).min()
        assert nearest == pytest.approx(radii[k - 1])


def test_a_start_at_the_mean_has_no_randomness_and_a_random_one_has():
    points = cloud(50)
    assert KCenter(start="mean").choose(points, 3, 1).tolist() == (
        KCenter(start="mean").choose(points, 3, 2).tolist()
    )
    first = {int(KCenter().choose(points, 1, seed)[0]) for seed in range(200)}
    assert len(first) > 40  # of 50
    assert not KCenter(start="mean").stochastic
    assert KCenter().stochastic


def test_a_start_that_is_neither_is_refused():
    with pytest.raises(ValueError, match="`start` must be 'random' or 'mean', got 'middle'"):
        KCenter(start="middle")  # type: ignore[arg-type]


# Both -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [Herding(), KCenter(), KCenter(start="mean")])
def test_equal_images_still_give_distinct_ones(method, tiny_real, make_context, chosen_from):
    same = np.ones((18, 4), np.float32)
    assert len(set(chosen_from(method.distill(tiny_real, 4, make_context(points=same))))) == 12


@pytest.mark.parametrize("method", [Herding(), KCenter(), KCenter(start="mean")])
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_a_smaller_choice_is_a_prefix_of_a_larger_one(method, seed):
    points = cloud(20, 3, seed)
    larger = method.choose(points, 9, seed).tolist()
    assert method.choose(points, 4, seed).tolist() == larger[:4]


@pytest.mark.parametrize("method", [Herding, KCenter])
def test_features_that_name_no_embedding_are_refused(method, tiny_real):
    with pytest.raises(UsageError, match="`features` must be 'auto'"):
        method(features="convnet3").resolve(tiny_real.card, 2)

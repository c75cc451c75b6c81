"""Blocks by hand; the pair test against scipy and statsmodels, pair by pair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from leaderboards.ranks.blocks import Blocks, blocks_of
from leaderboards.ranks.separation import holm, separate
from leaderboards.ranks.statistics import Value, summarise


def cell(numbers, label="m"):
    """Return the cell of `{(s, r): number}`, with a set for every s."""
    return summarise(Value(f"{label}{at[0]}", at[0], at, x) for at, x in numbers.items())


def still(numbers, label="one"):
    """Return the cell of a method without randomness."""
    return summarise(Value(label, at[0], at, x) for at, x in numbers.items())


def of_sets(numbers, label="m"):
    """Return the cell of `{s: number}`, of scores without students."""
    return summarise(Value(f"{label}{s}", s, (), x) for s, x in numbers.items())


def blocks(numbers, moving=None) -> Blocks:
    numbers = np.array(numbers, dtype=float)
    moving = np.ones(len(numbers), dtype=bool) if moving is None else np.array(moving)
    return Blocks(numbers, moving, tuple(range(len(numbers))), "sets")


# Blocks ------------------------------------------------------------------------------------------


def test_students_of_one_seed_are_averaged():
    first = cell({(0, 0): 1.0, (0, 1): 3.0, (1, 0): 5.0})
    second = cell({(0, 0): 7.0, (1, 0): 8.0, (1, 1): 10.0})
    found = blocks_of([first, second], [True, True])
    assert found.numbers.tolist() == [[2.0, 5.0], [7.0, 9.0]]
    assert (found.tested, found.kind, found.moving.tolist()) == ((0, 1), "sets", [True, True])


def test_without_any_randomness_every_students_seed_is_a_block():
    first = still({(0, 0): 1.0, (0, 1): 3.0, (1, 0): 5.0})
    second = still({(1, 0): 9.0, (0, 1): 8.0, (0, 0): 7.0})
    found = blocks_of([first, second], [False, False])
    assert found.numbers.tolist() == [[1.0, 3.0, 5.0], [7.0, 8.0, 9.0]]
    assert found.kind == "students"


def test_beside_a_method_with_randomness_a_seed_is_a_block_for_all():
    found = blocks_of(
        [still({(0, 0): 1.0, (0, 1): 3.0, (1, 0): 5.0}), cell({(0, 0): 1.0, (1, 0): 2.0})],
        [False, True],
    )
    assert found.numbers.tolist() == [[2.0, 5.0], [1.0, 2.0]]
    assert found.moving.tolist() == [True, True]


def test_only_the_seeds_that_all_methods_have_count():
    found = blocks_of(
        [of_sets({0: 1.0, 1: 2.0, 2: 9.0}), of_sets({3: 9.0, 1: 4.0, 0: 3.0})], [True, True]
    )
    assert found.numbers.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_method_of_one_set_is_left_out_however_many_students_it_has():
    many = cell({(0, r): float(r) for r in range(9)})
    pair = [cell({(0, 0): 1.0, (1, 0): 2.0}), cell({(0, 0): 1.5, (1, 0): 2.5})]
    found = blocks_of([pair[0], many, pair[1]], [True] * 3)
    assert found.tested == (0, 2)
    assert found.numbers.tolist() == [[1.0, 2.0], [1.5, 2.5]]


@pytest.mark.parametrize(
    "cells",
    [
        [],
        [{0: 1.0, 1: 2.0}],
        [{0: 1.0}, {0: 2.0}],
        [{0: 1.0}, {0: 2.0, 1: 2.5}],
        [{0: 1.0, 1: 2.0}, {2: 1.0, 3: 2.0}],
        [{0: 1.0, 1: 2.0}, {1: 1.0, 2: 2.0}],
    ],
    ids=["nothing", "one method", "one seed", "one of two", "other seeds", "one common seed"],
)
def test_fewer_than_two_methods_or_blocks_are_no_evidence(cells):
    assert blocks_of([of_sets(numbers) for numbers in cells], [True] * len(cells)) is None


def test_a_score_of_a_set_without_randomness_stands_in_every_block():
    fixed = summarise([Value("only", 0, (), 3.0)])
    found = blocks_of([of_sets({0: 1.0, 1: 2.0, 2: 4.0}), fixed], [True, False])
    assert found.numbers.tolist() == [[1.0, 2.0, 4.0], [3.0, 3.0, 3.0]]
    assert found.moving.tolist() == [True, False]


def test_scores_of_sets_without_randomness_need_no_repetition():
    found = blocks_of(
        [summarise([Value(n, 0, (), x)]) for n, x in (("a", 3.0), ("b", 4.0))], [0, 0]
    )
    assert found.numbers.tolist() == [[3.0], [4.0]]
    assert separate(found).separated.tolist() == [[False, True], [True, False]]


def test_numbers_without_randomness_are_not_ranked_where_all_others_have_one_block():
    fixed = [summarise([Value(n, 0, (), x)]) for n, x in (("a", 3.0), ("b", 4.0))]
    assert blocks_of([*fixed, of_sets({0: 1.0})], [False, False, True]) is None


# The test ----------------------------------------------------------------------------------------

SMALL = st.integers(0, 40).map(lambda number: number / 5)  # accuracies of a small test set


@st.composite
def layouts(draw, most: int = 6) -> np.ndarray:
    rows, size = draw(st.integers(2, most)), draw(st.integers(2, 4))
    numbers = draw(st.lists(SMALL, min_size=rows * size, max_size=rows * size))
    return np.array(numbers).reshape(rows, size)


@settings(deadline=None)
@given(layouts(most=2))
def test_two_methods_are_compared_by_scipys_paired_t_test(numbers):
    difference = numbers[0] - numbers[1]
    if np.ptp(difference) < 1e-9:
        expected = 1.0 if abs(difference[0]) < 1e-9 else 0.0
    else:
        expected = stats.ttest_rel(*numbers).pvalue
    assert separate(blocks(numbers)).p[0, 1] == pytest.approx(expected, abs=1e-9)


def test_with_equal_noise_the_shared_variance_is_twice_the_error_of_the_two_way_layout():
    import pandas
    from statsmodels.formula.api import ols

    residuals = np.array([[1.0, -3.0, 2.0], [2.0, 1.0, -3.0], [-3.0, 2.0, 1.0]])
    numbers = residuals + np.array([[10.0], [20.0], [40.0]]) + np.array([5.0, 0.0, -2.0])
    frame = pandas.DataFrame(
        [(f"m{m}", f"s{s}", y) for (m, s), y in np.ndenumerate(numbers)], columns=["m", "s", "y"]
    )
    fitted = ols("y ~ m + s", frame).fit()
    found = separate(blocks(numbers))
    assert found.degrees == fitted.df_resid
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(found.shared[off], 2 * fitted.mse_resid)


def pair_by_pair(numbers) -> np.ndarray:
    """Return p of both tests as the text of the module says it, in loops, with scipy's t."""
    from statsmodels.stats.multitest import multipletests

    rows, size = numbers.shape
    pairs = list(combinations(range(rows), 2))
    own = {pair: np.var(numbers[pair[0]] - numbers[pair[1]], ddof=1) for pair in pairs}
    mean = {pair: abs(numbers[pair[0]].mean() - numbers[pair[1]].mean()) for pair in pairs}
    first = []
    for pair in pairs:
        candidates = [
            np.mean([own[other] for other in pairs]),
            *(np.mean([own[other] for other in pairs if row in other]) for row in pair),
        ]
        t = mean[pair] / np.sqrt(max(candidates) / size)
        first.append(2 * stats.t.sf(t, (rows - 1) * (size - 1)))
    second = [2 * stats.t.sf(mean[p] / np.sqrt(own[p] / size), size - 1) for p in pairs]
    p = np.eye(rows)
    for pair, value in zip(
        pairs, np.maximum(multipletests(first, method="holm")[1], second), strict=True
    ):
        p[pair] = p[pair[::-1]] = value
    return p


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("rows", "size"), [(3, 2), (4, 3), (7, 4)])
def test_every_p_is_the_larger_one_of_two_tests(seed, rows, size):
    generator = np.random.default_rng(seed)
    noise = np.linspace(0.2, 2.0, rows)[:, None]
    means = np.arange(rows)[:, None] * 3.0
    numbers = means + noise * generator.standard_normal((rows, size))
    found = separate(blocks(numbers))
    np.testing.assert_allclose(found.p, pair_by_pair(numbers), rtol=1e-9)
    np.testing.assert_array_equal(found.separated, found.p < 0.05)


def test_holm_corrects_the_shared_test_for_the_number_of_pairs():
    """With residuals that make all own tests sharp, the shared test decides: by statsmodels."""
    from statsmodels.stats.multitest import multipletests

    noise = np.array([1.0, -1.0] * 6)
    numbers = np.array([0.0 * noise, 2.0 + 0 * noise, 4.0 + 0 * noise, 4.0 + 6 * noise])
    found = separate(blocks(numbers))
    sharp = [(0, 1), (0, 2), (1, 2)]
    raw = [
        2 * stats.t.sf(gap / np.sqrt(found.shared[pair] / 12), found.degrees)
        for pair, gap in zip([*sharp, (0, 3), (1, 3), (2, 3)], (2, 4, 2, 4, 2, 0), strict=True)
    ]
    adjusted = multipletests(raw, method="holm")[1]
    np.testing.assert_allclose([found.p[pair] for pair in sharp], adjusted[:3])
    assert all(found.p[pair] > 0 for pair in sharp)


@pytest.mark.parametrize("p", [[0.04], [0.0, 0.0], [0.01, 0.04, 0.03], [0.5, 0.2, 1.0, 0.001]])
def test_holms_correction_is_that_of_statsmodels(p):
    from statsmodels.stats.multitest import multipletests

    np.testing.assert_allclose(holm(np.array(p)), multipletests(p, method="holm")[1])


@settings(deadline=None)
@given(layouts(), st.data())
def test_naming_methods_otherwise_changes_nothing_but_their_places(numbers, data):
    order = data.draw(st.permutations(range(len(numbers))))
    one, other = separate(blocks(numbers)), separate(blocks(numbers[order]))
    np.testing.assert_allclose(other.p, one.p[np.ix_(order, order)], atol=1e-9)


@settings(deadline=None)
@given(layouts(), st.floats(-50, 50))
def test_what_all_methods_share_in_a_seed_changes_nothing(numbers, shift):
    moved = numbers + shift * np.arange(numbers.shape[1])
    np.testing.assert_allclose(
        separate(blocks(moved)).p, separate(blocks(numbers)).p, rtol=1e-6, atol=1e-6
    )


@settings(deadline=None)
@given(layouts())
def test_the_relation_is_symmetric_and_nothing_differs_from_itself(numbers):
    found = separate(blocks(numbers))
    np.testing.assert_array_equal(found.p, found.p.T)
    assert not found.separated.diagonal().any()
    assert np.isfinite(found.p).all()


def test_methods_with_equal_numbers_are_not_separated_though_nothing_varies():
    found = separate(blocks(np.full((3, 3), 7.0)))
    assert not found.separated.any()
    assert found.resolvable == 0.0


def test_means_that_differ_by_rounding_alone_are_equal():
    """(1.1 + 1.3) / 2 is not 1.2 as a float, and the difference would not vary."""
    assert (1.1 + 1.3) / 2 != 1.2
    found = separate(blocks([[(1.1 + 1.3) / 2] * 3, [1.2] * 3]))
    assert not found.separated.any()


# Numbers that do not vary ------------------------------------------------------------------------


def test_a_number_that_does_not_vary_is_compared_by_the_t_test_of_the_other():
    numbers = np.array([[1.0, 2.0, 4.0], [9.0, 9.0, 9.0]])
    found = separate(blocks(numbers, [True, False]))
    expected = stats.ttest_1samp(numbers[0], 9.0).pvalue
    assert found.p[0, 1] == pytest.approx(expected)
    assert found.resolvable is None


def test_the_noise_of_others_is_no_matter_of_a_number_that_does_not_vary():
    """Numbers as of a real board: 31.6 is far from 33.2 by its own deviations."""
    numbers = np.array([[31.5, 31.6, 31.65], [33.2] * 3, [60.0, 75.0, 42.0], [20.0, 5.0, 39.0]])
    found = separate(blocks(numbers, [True, False, True, True]))
    assert found.separated[0, 1]
    assert found.shared[0, 1] == pytest.approx(np.var(numbers[0], ddof=1))


def test_two_numbers_that_do_not_vary_differ_if_they_are_not_equal_and_cost_no_correction():
    numbers = np.array([[1.0, 2.0, 4.0], [9.0] * 3, [9.0] * 3, [40.0] * 3])
    found = separate(blocks(numbers, [True, False, False, False]))
    assert (found.p[1, 2], found.p[1, 3], found.p[2, 3]) == (1.0, 0.0, 0.0)
    # Three tests of the one that varies, in the steps of Holm.
    near, far = (stats.ttest_1samp(numbers[0], at).pvalue for at in (9.0, 40.0))
    np.testing.assert_allclose(found.p[0, 1:], [2 * near, 2 * near, 3 * far])


# What can be resolved ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 3, 5, 10])
def test_of_two_methods_the_resolvable_difference_is_that_of_statsmodels_power(size):
    from statsmodels.stats.power import TTestPower

    numbers = np.random.default_rng(size).standard_normal((2, size))
    deviation = np.std(numbers[0] - numbers[1], ddof=1)
    # The other tail, which would find the difference the wrong way round, is not counted.
    power = TTestPower().power(
        separate(blocks(numbers)).resolvable / deviation, size, 0.025, alternative="larger"
    )
    assert power == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(("rows", "size"), [(5, 3), (10, 3), (10, 5), (4, 2)])
def test_a_resolvable_difference_is_found_by_both_tests(rows, size):
    numbers = np.random.default_rng(rows).standard_normal((rows, size))
    found = separate(blocks(numbers))
    pairs = list(combinations(range(rows), 2))
    variance = np.mean([np.var(numbers[i] - numbers[j], ddof=1) for i, j in pairs])
    center = found.resolvable / np.sqrt(variance / size)
    powers = [
        stats.nct.sf(stats.t.isf(alpha / 2, n), n, center)
        for n, alpha in (((rows - 1) * (size - 1), 0.05 / len(pairs)), (size - 1, 0.05))
    ]
    assert min(powers) == pytest.approx(0.8, abs=1e-6)

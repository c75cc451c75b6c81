"""Between which ranks a method lies: by hand, and against the letters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from leaderboards.ranks.blocks import Blocks
from leaderboards.ranks.intervals import rank_intervals
from leaderboards.ranks.separation import separate
from leaderboards.ranks.ties import letters


def blocks(numbers, moving=None) -> Blocks:
    numbers = np.array(numbers, dtype=float)
    moving = np.ones(len(numbers), dtype=bool) if moving is None else np.array(moving)
    return Blocks(numbers, moving, tuple(range(len(numbers))), "sets")


def intervals(given_blocks, better="higher") -> list[tuple[int, int]]:
    lows, highs = rank_intervals(given_blocks, separate(given_blocks), better)
    return list(zip(lows.tolist(), highs.tolist(), strict=True))


NOISE = np.array([[0.1, -0.2, 0.1, 0.0], [-0.1, 0.1, 0.2, -0.2], [0.2, 0.0, -0.1, -0.1]])


def test_methods_that_lie_far_apart_have_one_rank_each():
    numbers = NOISE + np.array([[10.0], [30.0], [20.0]])
    assert intervals(blocks(numbers)) == [(3, 3), (1, 1), (2, 2)]
    assert intervals(blocks(numbers), "lower") == [(1, 1), (3, 3), (2, 2)]


def test_methods_that_lie_within_the_noise_may_have_any_rank():
    assert intervals(blocks(NOISE)) == [(1, 3)] * 3


def test_equal_numbers_may_have_any_rank():
    assert intervals(blocks(np.ones((3, 3)))) == [(1, 3)] * 3


def test_a_difference_without_any_noise_is_certain():
    base = np.array([3.0, 5.0, 4.0])
    assert intervals(blocks([base, base + 1.0])) == [(2, 2), (1, 1)]


def test_numbers_without_randomness_have_their_ranks():
    fixed = blocks([[3.0], [1.0], [3.0]], [False] * 3)
    assert intervals(fixed) == [(1, 2), (3, 3), (1, 2)]


def test_one_method_that_varies_is_held_against_numbers_that_do_not():
    numbers = [[50.1, 49.9, 50.0], [60.0] * 3, [50.0] * 3]
    assert intervals(blocks(numbers, [True, False, False])) == [(2, 3), (1, 1), (2, 3)]


def test_equal_blocks_give_equal_intervals():
    first, second = (rank_intervals(blocks(NOISE), separate(blocks(NOISE)), "higher") for _ in "ab")
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("t", "expected"), [(2.4, [(1, 2)] * 2), (3.1, [(2, 2), (1, 1)])])
def test_an_interval_allows_for_the_largest_of_all_differences(t, expected):
    """Holm needs no correction for the last pair; an interval that holds for all ranks does.

    For normal noise the bound is the studentised range, over the root of two: about 2.75 here.
    """
    rows, size = 5, 60
    bound = stats.studentized_range.ppf(0.95, rows, (rows - 1) * (size - 1)) / 2**0.5
    assert 2.5 < bound < 3.0
    noise = np.random.default_rng(1).standard_normal((rows, size))
    noise -= noise.mean(axis=1, keepdims=True)
    unit = np.sqrt(separate(blocks(noise)).shared[0, 1] / size)
    numbers = noise + np.array([[0.0], [t * unit], [-100.0], [-200.0], [-300.0]])
    assert separate(blocks(numbers)).separated[0, 1]
    assert intervals(blocks(numbers))[:2] == expected


NUMBERS = st.integers(2, 6).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, 8).map(float), min_size=3, max_size=3),
        min_size=size,
        max_size=size,
    )
)


@settings(deadline=None, max_examples=60)
@given(NUMBERS, st.data())
def test_an_interval_never_claims_an_order_that_the_letters_deny(numbers, data):
    still = data.draw(st.lists(st.booleans(), min_size=len(numbers), max_size=len(numbers)))
    drawn = blocks(
        [[row[0]] * 3 if fixed else row for row, fixed in zip(numbers, still, strict=True)],
        [not fixed for fixed in still],
    )
    found = separate(drawn)
    ties = letters(found.separated, range(len(numbers)))
    lows, highs = rank_intervals(drawn, found, "higher")
    for first in range(len(numbers)):
        for second in range(len(numbers)):
            assert lows[first] <= highs[first]
            if highs[first] < lows[second]:
                assert not set(ties[first]) & set(ties[second])


@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_what_is_common_to_a_block_changes_no_interval(shift):
    spread = NOISE + np.array([[0.0], [0.5], [2.0]])
    moved = spread + np.array([[0.0, shift, -shift, 2 * shift]])
    assert intervals(blocks(moved)) == intervals(blocks(spread))

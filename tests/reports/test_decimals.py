from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.paper.decimals import decimals_of


@pytest.mark.parametrize(
    ("uncertainty", "decimals"),
    [(0.12, 2), (1.2, 1), (3.4, 0), (0.034, 2), (0.29, 2), (0.31, 1), (0.96, 1), (12.0, 0)],
)
def test_an_uncertainty_keeps_one_digit_or_two_that_begin_with_1_or_2(uncertainty, decimals):
    assert decimals_of([uncertainty], 3) == decimals


def test_a_digit_that_is_rounded_up_to_the_next_counts_as_that():
    assert decimals_of([0.298], 3) == 1
    assert decimals_of([0.996], 3) == 1


def test_the_median_decides_so_that_one_odd_cell_does_not():
    assert decimals_of([1.1, 1.3, 400.0], 1) == 1


def test_without_any_uncertainty_the_score_decides():
    assert decimals_of([], 3) == 3
    assert decimals_of([0.0, float("nan"), float("inf")], 1) == 1


@given(st.lists(st.floats(1e-12, 1e12), min_size=1), st.integers(0, 4))
def test_there_is_at_most_one_decimal_more_than_the_score_has(uncertainties, fallback):
    assert 0 <= decimals_of(uncertainties, fallback) <= fallback + 1

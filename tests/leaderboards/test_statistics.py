from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from leaderboards.statistics import Value, interval, ranks, summarise

NUMBERS = st.floats(0, 100)


def _values(sets: list[list[float]]) -> list[Value]:
    return [
        Value(f"set {s}", s, (s, r), number)
        for s, students in enumerate(sets)
        for r, number in enumerate(students)
    ]


@settings(deadline=None)
@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_mean_and_deviation_are_those_of_numpy_over_all_students(sets):
    numbers = np.array([number for students in sets for number in students])
    cell = summarise(_values(sets))
    assert cell.mean == pytest.approx(numbers.mean(), abs=1e-9)
    if len(numbers) > 1:
        assert cell.std == pytest.approx(numbers.std(ddof=1), abs=1e-9)
    else:
        assert cell.std is None
    assert (cell.n_sets, cell.n_students) == (len(sets), len(numbers))


@settings(deadline=None)
@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=4), min_size=2, max_size=5))
def test_interval_of_several_sets_is_scipys_over_the_means_of_the_sets(sets):
    means = np.array([np.mean(students) for students in sets])
    cell = summarise(_values(sets))
    margin = stats.t.ppf(0.975, len(means) - 1) * stats.sem(means)
    assert cell.low == pytest.approx(means.mean() - margin, abs=1e-6)
    assert cell.high == pytest.approx(means.mean() + margin, abs=1e-6)


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=2, max_size=6))
def test_interval_of_one_set_is_scipys_over_its_students(students):
    cell = summarise(_values([students]))
    margin = stats.t.ppf(0.975, len(students) - 1) * stats.sem(students)
    assert cell.low == pytest.approx(np.mean(students) - margin, abs=1e-6)
    assert cell.high == pytest.approx(np.mean(students) + margin, abs=1e-6)


def test_a_single_student_has_neither_deviation_nor_interval():
    cell = summarise(_values([[41.5]]))
    assert (cell.mean, cell.std, cell.low, cell.high) == (41.5, None, None, None)
    assert interval([41.5]) is None


def test_values_without_students_count_sets_alone():
    cell = summarise([Value("a", 0, (), 1.0), Value("b", 1, (), 3.0)])
    assert (cell.n_sets, cell.n_students, cell.mean) == (2, 0, 2.0)


def test_students_of_one_set_under_several_seeds_are_students_of_one_set():
    cell = summarise([Value("only", s, (s, r), s + r) for s in range(3) for r in range(2)])
    assert (cell.n_sets, cell.n_students) == (1, 6)


@given(st.permutations(_values([[1.5, 2.25], [0.1, 0.2, 0.3], [99.9]])))
def test_the_order_of_values_changes_nothing(values):
    assert summarise(values) == summarise(sorted(values))


@given(st.lists(st.integers(0, 5).map(float), max_size=8))
def test_ranks_are_scipys_with_ties_sharing_the_smaller_rank(means):
    assert ranks(means, "lower") == stats.rankdata(means, method="min").tolist()
    assert ranks(means, "higher") == stats.rankdata([-m for m in means], method="min").tolist()

"""Mean, deviations, components and interval of a cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from leaderboards.ranks.statistics import Value, components, summarise, t_interval

NUMBERS = st.floats(0, 100)


def values_of(sets) -> list[Value]:
    return [
        Value(f"set {s}", s, (s, r), float(number))
        for s, students in enumerate(sets)
        for r, number in enumerate(students)
    ]


@settings(deadline=None)
@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_mean_is_that_of_the_means_of_sets_and_deviation_that_of_all_students(sets):
    numbers = np.array([number for students in sets for number in students])
    cell = summarise(values_of(sets))
    assert cell.mean == pytest.approx(np.mean([np.mean(students) for students in sets]), abs=1e-9)
    if len(numbers) > 1:
        assert cell.std == pytest.approx(numbers.std(ddof=1), abs=1e-9)
    else:
        assert cell.std is None
    assert (cell.n_sets, cell.n_students) == (len(sets), len(numbers))


@settings(deadline=None)
@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=4), min_size=2, max_size=5))
def test_interval_of_several_sets_is_scipys_over_the_means_of_the_sets(sets):
    means = np.array([np.mean(students) for students in sets])
    cell = summarise(values_of(sets))
    margin = stats.t.ppf(0.975, len(means) - 1) * stats.sem(means)
    assert cell.low == pytest.approx(means.mean() - margin, abs=1e-6)
    assert cell.high == pytest.approx(means.mean() + margin, abs=1e-6)
    assert cell.over == "sets"


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=2, max_size=6))
def test_interval_of_one_set_is_scipys_over_its_students(students):
    cell = summarise(values_of([students]))
    margin = stats.t.ppf(0.975, len(students) - 1) * stats.sem(students)
    assert cell.low == pytest.approx(np.mean(students) - margin, abs=1e-6)
    assert cell.high == pytest.approx(np.mean(students) + margin, abs=1e-6)
    assert cell.over == "students"


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=2, max_size=6), st.sampled_from([0.5, 0.9, 0.99]))
def test_an_interval_of_any_level_is_scipys(numbers, level):
    low, high = t_interval(numbers, level)
    margin = stats.t.ppf((1 + level) / 2, len(numbers) - 1) * stats.sem(numbers)
    assert (high - low) / 2 == pytest.approx(margin, abs=1e-6)
    assert (high + low) / 2 == pytest.approx(np.mean(numbers), abs=1e-6)


def test_a_single_student_has_neither_deviation_nor_interval():
    cell = summarise(values_of([[41.5]]))
    assert (cell.mean, cell.std, cell.low, cell.high) == (41.5, None, None, None)
    assert (cell.over, cell.std_sets, cell.std_students) == ("nothing", None, None)
    assert t_interval([41.5]) is None


def test_equal_values_have_no_deviation_and_an_interval_of_no_width():
    cell = summarise(values_of([[0.1, 0.1], [0.1, 0.1], [0.1, 0.1]]))
    assert (cell.std, cell.std_students) == (0.0, 0.0)
    assert cell.std_sets == pytest.approx(0.0, abs=1e-12)
    assert cell.low == cell.mean == cell.high


def test_values_without_students_count_sets_alone():
    cell = summarise([Value("a", 0, (), 1.0), Value("b", 1, (), 3.0)])
    assert (cell.n_sets, cell.n_students, cell.mean, cell.over) == (2, 0, 2.0, "sets")
    assert (cell.std_sets, cell.std_students) == (pytest.approx(2**0.5), None)


def test_students_of_one_set_under_several_seeds_are_students_of_one_set():
    cell = summarise([Value("only", s, (s, r), s + r) for s in range(3) for r in range(2)])
    assert (cell.n_sets, cell.n_students, cell.over) == (1, 6, "students")


def test_numbers_of_one_set_without_students_are_evidence_of_nothing():
    """They are the same number: an interval of no width would say that nothing can vary."""
    cell = summarise([Value("only", s, (), 7.0) for s in range(3)])
    assert (cell.n_sets, cell.low, cell.high, cell.over) == (1, None, None, "nothing")
    assert (cell.std_sets, cell.std_students) == (None, None)


def test_two_seeds_that_gave_equal_sets_are_two_draws():
    cell = summarise([Value("a", 0, (), 1.0), Value("a", 1, (), 1.0), Value("b", 2, (), 4.0)])
    assert (cell.n_sets, cell.mean) == (3, 2.0)


@given(st.permutations(values_of([[1.5, 2.25], [0.1, 0.2, 0.3], [99.9]])))
def test_the_order_of_values_changes_nothing(values):
    assert summarise(values) == summarise(sorted(values))


# Components --------------------------------------------------------------------------------------

BALANCED = [[30.0, 31.0, 29.5], [35.0, 33.5, 34.0], [28.0, 28.5, 30.5], [33.0, 31.5, 32.0]]


def test_components_of_a_balanced_layout_are_those_of_statsmodels_anova():
    import pandas
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    frame = pandas.DataFrame(
        [(f"s{s}", number) for s, row in enumerate(BALANCED) for number in row], columns=["s", "y"]
    )
    squares = anova_lm(ols("y ~ s", frame).fit())["mean_sq"]
    between, within = components(values_of(BALANCED))
    assert within**2 == pytest.approx(squares["Residual"], rel=1e-9)
    assert between**2 == pytest.approx((squares["s"] - squares["Residual"]) / 3, rel=1e-9)


def test_components_of_a_balanced_layout_are_those_of_restricted_maximum_likelihood():
    import pandas
    from statsmodels.regression.mixed_linear_model import MixedLM

    frame = pandas.DataFrame(
        [(s, number) for s, row in enumerate(BALANCED) for number in row], columns=["s", "y"]
    )
    fitted = MixedLM.from_formula("y ~ 1", frame, groups="s").fit(reml=True, method="powell")
    between, within = components(values_of(BALANCED))
    assert within**2 == pytest.approx(fitted.scale, rel=1e-4)
    assert between**2 == pytest.approx(fitted.cov_re.iloc[0, 0], rel=1e-4)


def test_components_of_an_unbalanced_layout_by_hand():
    """Sets (0, 2) and (4): MSW 2, MSB 6, n0 (3 - 5/3) / 1 = 4/3; so between is (6 - 2) / (4/3)."""
    between, within = components(values_of([[0.0, 2.0], [4.0]]))
    assert within**2 == pytest.approx(2.0)
    assert between**2 == pytest.approx(3.0)


def test_sets_that_are_closer_than_their_students_allow_have_no_component():
    between, within = components(values_of([[0.0, 10.0], [1.0, 9.0]]))
    assert between == 0.0
    assert within**2 == pytest.approx((50 + 32) / 2)


def test_one_student_a_set_confounds_the_two_sources():
    assert components(values_of([[1.0], [2.0], [4.0]])) == (None, None)


def test_one_set_tells_of_its_students_alone():
    between, within = components(values_of([[1.0, 3.0]]))
    assert (between, within) == (None, pytest.approx(2**0.5))

"""Marks of an axis, and how far it reaches."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.ticker import MaxNLocator

from bench.scores import SCORES
from reports.drawings.chart import Axis
from reports.drawings.ticks import padded, ticks, written
from reports.drawings.wording import reach

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


def places(low, high, log=False, **parts) -> list[float]:
    return [place for place, _ in ticks(Axis("", low, high, log=log), **parts)]


def test_marks_of_percentages_are_those_a_person_would_take():
    assert ticks(Axis("", 0, 100)) == tuple((float(n), f"{n}") for n in (0, 20, 40, 60, 80, 100))
    assert places(29.6, 50.4) == [30, 35, 40, 45, 50]
    assert [text for _, text in ticks(Axis("", 0.0, 0.31))] == [
        *("0.0", "0.1", "0.2", "0.3"),
    ]


@settings(deadline=None)
@given(NUMBERS, NUMBERS)
def test_marks_lie_within_the_axis_in_steps_of_1_2_or_5(one, other):
    low, high = sorted((one, other))
    if high - low < 1e-6 * max(1.0, abs(low), abs(high)):
        return
    found = places(low, high)
    assert all(low <= place <= high for place in found)
    steps = [after - before for before, after in pairwise(found)]
    assert steps
    leading = steps[0] / 10 ** math.floor(math.log10(steps[0]) + 1e-6)
    assert min(abs(leading - wanted) for wanted in (1, 2, 5)) < 1e-3
    assert max(steps) - min(steps) <= 1e-3 * max(steps)
    reference = [
        x for x in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= x <= high
    ]
    assert abs(len(found) - len(reference)) <= 3


@settings(deadline=None)
@given(st.floats(1e-9, 1e9), st.floats(1.05, 1e12))
def test_logarithmic_marks_lie_within_the_axis(low, factor):
    found = places(low, low * factor, log=True)
    assert all(low <= place <= low * factor for place in found)
    assert found == sorted(set(found))
    assert len(found) >= 2


def test_decades_are_marked_and_parts_of_them_where_they_are_few():
    assert places(0.5, 20_000, log=True) == [1, 10, 100, 1_000, 10_000]
    assert places(0.9, 55, log=True) == [1, 2, 5, 10, 20, 50]
    assert len(places(1e-3, 1e15, log=True)) <= 8


def test_given_marks_and_categories_are_kept():
    assert ticks(Axis("", 0.9, 55, log=True, ticks=(1.0, 10.0, 50.0, 100.0))) == (
        *((1.0, "1"), (10.0, "10"), (50.0, "50")),
    )
    assert ticks(Axis("", -0.5, 1.5, names=("a", "b"))) == ((0.0, "a"), (1.0, "b"))


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1))
def test_an_axis_holds_its_values_with_room(values):
    low, high = padded(values)
    assert low < high
    assert low <= min(values) <= max(values) <= high


@settings(deadline=None)
@given(st.lists(st.floats(1e-6, 1e9), min_size=1))
def test_a_logarithmic_axis_holds_its_values_and_stays_above_zero(values):
    low, high = padded(values, log=True)
    assert 0 < low < high
    assert low <= min(values) * (1 + 1e-12)
    assert high >= max(values) * (1 - 1e-12)


def test_a_constant_gets_a_unit_on_either_side():
    assert padded([3.0, 3.0]) == (2.0, 4.0)
    assert padded([3.0], log=True) == (1.5, 6.0)


@pytest.mark.parametrize("log", [False, True])
def test_an_axis_of_nothing_can_be_drawn(log):
    low, high = padded([], log)
    assert low < high
    assert ticks(Axis("", low, high, log=log))


def test_numbers_are_written_as_people_read_them():
    assert written(12_000.0, 0) == "12,000"
    assert written(-0.0001, 2) == "0.00"
    assert written(-1.5, 1) == "-1.5"
    assert written(3e12, 0) == "3e+12"


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1))
def test_an_axis_of_percentages_has_five_points_or_more_where_percentages_can_be(values):
    low, high = reach(values, SCORES["top1_last"])
    assert high - low >= 5 - 1e-9
    assert low <= min(values) <= max(values) <= high
    if max(values) - min(values) < 4:
        assert -1e-9 <= low < high <= 100 + 1e-9
        assert high - low == pytest.approx(5)


def test_an_axis_of_other_scores_is_as_short_as_their_values():
    low, high = reach([48.6, 48.8], SCORES["fid"])
    assert high - low < 1

"""The tests behind the gate, against scipy's and statsmodels' own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from leaderboards.gate.power import found_with, half_width, stated_power, undecided
from leaderboards.gate.statistics import Drawn, judge, judge_cells

BLOCKS = st.lists(st.floats(-20, 20), min_size=2, max_size=8).filter(lambda x: np.std(x) > 1e-3)


@given(blocks=BLOCKS, margin=st.floats(0, 5), level=st.sampled_from([0.01, 0.05, 0.1]))
@settings(max_examples=100, deadline=None)
def test_the_verdict_is_that_of_a_one_sided_t_test_and_its_interval(blocks, margin, level):
    found = judge(blocks, margin, level)
    test = stats.ttest_1samp(blocks, -margin, alternative="less")
    assert found.p == pytest.approx(test.pvalue, abs=1e-9)
    assert (found.t, found.degrees) == (pytest.approx(test.statistic, rel=1e-9), test.df)
    ends = stats.t.interval(1 - 2 * level, test.df, np.mean(blocks), stats.sem(blocks))
    assert (found.low, found.high) == pytest.approx(ends, rel=1e-9, abs=1e-9)
    assert (found.outcome == "regression") == (test.pvalue < level)
    better = stats.ttest_1samp(blocks, 0, alternative="greater").pvalue < level
    smaller = stats.ttest_1samp(blocks, -margin, alternative="greater").pvalue < level
    assert (found.outcome == "improvement") == better
    assert (found.outcome == "unchanged") == (smaller and not better)


@pytest.mark.parametrize(
    ("blocks", "margin", "outcome"),
    [
        ((0.0, 0.0, 0.0), 2.0, "unchanged"),
        ((0.0, 0.0, 0.0), 0.0, "unchanged"),
        ((-1.0, -1.0), 2.0, "unchanged"),
        ((-2.0, -2.0), 2.0, "undecidable"),
        ((-3.0, -3.0), 2.0, "regression"),
        ((1.0, 1.0), 2.0, "improvement"),
        ((-50.0, 50.0), 2.0, "undecidable"),
    ],
)
def test_blocks_without_spread_are_taken_at_their_word_and_wide_ones_decide_nothing(
    blocks, margin, outcome
):
    assert judge(blocks, margin, 0.05).outcome == outcome


def test_one_block_is_no_evidence():
    assert judge([-30.0], 2.0, 0.05) is None
    assert judge([], 2.0, 0.05) is None


def drawn(rng, cells, blocks, margin, shift=0.0):
    numbers = rng.normal(shift, 1.0, (cells, blocks)) * rng.uniform(0.5, 2, (cells, 1))
    return Drawn(numbers, np.full(cells, margin))


def test_cells_are_judged_by_their_own_t_and_by_the_shared_one_after_holm():
    rng = np.random.default_rng(3)
    groups = [drawn(rng, 4, 5, 1.0, -5.0), drawn(rng, 3, 4, 0.1, -0.5)]
    own, shared = [], []
    for group in groups:
        pooled = group.blocks.var(1, ddof=1).mean()
        for row, margin in zip(group.blocks, group.margins, strict=True):
            test = stats.ttest_1samp(row, -margin, alternative="less")
            own.append(test.pvalue)
            variance = max(pooled, row.var(ddof=1))
            t = (row.mean() + margin) / math.sqrt(variance / len(row))
            shared.append(stats.t.cdf(t, group.blocks.shape[0] * test.df))
    expected = np.maximum(multipletests(shared, method="holm")[1], own)
    found = [one for group in judge_cells(groups, 0.05) for one in group]
    assert [one.p for one in found] == pytest.approx(expected, rel=1e-9)
    assert [one.outcome == "regression" for one in found] == (expected < 0.05).tolist()
    assert 0 < sum(one.outcome == "regression" for one in found) < 7


def test_one_cell_alone_is_judged_as_the_mean_is():
    rng = np.random.default_rng(5)
    for shift in (-6.0, -2.0, 0.0, 6.0):
        group = drawn(rng, 1, 5, 2.0, shift)
        ((found,),) = judge_cells([group], 0.05)
        expected = judge(group.blocks[0].tolist(), 2.0, 0.05)
        assert (found.outcome, found.low, found.high) == (
            expected.outcome,
            expected.low,
            expected.high,
        )
        assert found.p == pytest.approx(expected.p, rel=1e-12)


def test_more_cells_make_every_single_one_harder_to_condemn():
    rng = np.random.default_rng(7)
    group = drawn(rng, 1, 5, 1.0, -3.0)
    ((alone,),) = judge_cells([group], 0.05)
    others = Drawn(rng.normal(0, 1, (9, 5)) * group.blocks.std(), np.full(9, 1.0))
    among = judge_cells([group, others], 0.05)[0][0]
    assert among.p > alone.p


def test_no_cell_gives_no_verdict():
    assert judge_cells([], 0.05) == []


@pytest.mark.parametrize("size", [2, 3, 5, 10])
@pytest.mark.parametrize("margin", [0.0, 1.0, 2.0])
def test_the_stated_power_is_that_of_a_t_test_at_the_upper_bound_of_the_noise(size, margin):
    noise = np.random.default_rng(size).normal(0, 1, size)
    spread = noise.std(ddof=1)
    bound = spread * math.sqrt((size - 1) / stats.chi2.ppf(0.2, size - 1))
    power = TTestPower().power(
        (5 - margin) / (math.sqrt(2) * bound), size, 0.05, alternative="larger"
    )
    assert stated_power(noise.tolist(), margin, 5.0, 0.05) == pytest.approx(power, abs=1e-6)


def test_the_drop_that_is_found_with_a_power_has_that_power():
    noise = [0.3, -1.1, 0.9, -0.4, 0.3]
    drop = found_with(noise, 2.0, 0.05, power=0.8)
    assert stated_power(noise, 2.0, drop, 0.05) == pytest.approx(0.8, abs=1e-6)


def test_noise_that_is_none_finds_everything_and_a_drop_within_the_margin_is_refused():
    assert stated_power([1.0, 1.0, 1.0], 2.0, 2.1, 0.05) == 1.0
    assert found_with([1.0, 1.0, 1.0], 2.0, 0.05) == 2.0
    with pytest.raises(ValueError, match="not larger than the margin"):
        stated_power([1.0, 2.0], 2.0, 2.0, 0.05)
    with pytest.raises(ValueError, match="two blocks"):
        stated_power([1.0], 2.0, 5.0, 0.05)


def test_the_median_margin_of_decision_is_half_an_interval_of_a_difference():
    noise = [0.5, -0.5, 1.5, -1.5]
    low, high = stats.t.interval(0.9, 3, 0, math.sqrt(2) * stats.sem(noise))
    assert half_width(noise, 0.05) == pytest.approx((high - low) / 2)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_chance_to_decide_nothing_is_what_both_one_sided_tests_leave(size):
    noise = np.random.default_rng(size).normal(0, 1, size)
    shift = 2.0 / (math.sqrt(2) * stats.sem(noise))
    low, high = stats.nct.cdf(stats.t.ppf([0.05, 0.95], size - 1), size - 1, shift)
    assert undecided(noise.tolist(), 2.0, 0.05) == pytest.approx(high - low, abs=1e-6)
    assert undecided(noise.tolist(), 0.0, 0.05) == pytest.approx(0.9)
    assert undecided([1.0] * size, 2.0, 0.05) == 0.0

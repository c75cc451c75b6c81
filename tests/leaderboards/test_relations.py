"""Rank correlations against SciPy, counting, and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from leaderboards import build
from leaderboards.figures.chance import chance
from leaderboards.figures.correlation import spearman, spearman_interval
from leaderboards.figures.relations import relations

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=15)


@given(pairs=PAIRS)
def test_the_correlation_is_scipys(pairs):
    x, y = zip(*pairs, strict=True)
    found = spearman(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(stats.spearmanr(x, y).statistic)


@given(pairs=PAIRS)
def test_means_that_rounding_alone_tells_apart_are_ties(pairs):
    """0.1 + 0.2 is not 0.3 for a computer."""
    x, y = zip(*pairs, strict=True)
    exact = [place / 10 for place in x]
    rounded = [0.1 + 0.1 * place - 0.1 if turn % 2 else place / 10 for turn, place in enumerate(x)]
    assert spearman(rounded, y) == spearman(exact, y)


@pytest.mark.parametrize("n", [8, 14])
@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
def test_the_interval_holds_the_truth_as_often_as_it_says(n, rho):
    """The rank correlation of a bivariate normal is 6/pi asin(rho/2) (Pearson, 1907)."""
    truth = 6 / math.pi * math.asin(rho / 2)
    rng = np.random.default_rng(n)
    x = rng.standard_normal((2000, n))
    y = rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((2000, n))
    ends = [spearman_interval(spearman(a, b), n) for a, b in zip(x, y, strict=True)]
    assert np.mean([low <= truth <= high for low, high in ends]) >= 0.93


def test_fewer_than_eight_pairs_have_no_interval():
    assert spearman_interval(0.5, 7) is None
    assert spearman_interval(0.5, 8) is not None


@pytest.mark.parametrize("n", [8, 20])
def test_perfect_order_ends_at_one_and_is_as_sure_as_one_swap_from_it(n):
    swapped = [1, 0, *range(2, n)]
    one_swap = spearman(range(n), swapped)
    low, high = spearman_interval(1.0, n)
    assert high == 1.0
    assert low == pytest.approx(spearman_interval(one_swap, n)[0])
    assert spearman_interval(-1.0, n) == (-1.0, pytest.approx(-low))


@pytest.mark.parametrize("n", [3, 5, 7])
def test_the_chance_is_the_share_of_orders_that_agree_as_much(n):
    orders = [spearman(range(n), order) for order in itertools.permutations(range(n))]
    for rho in set(orders):
        expected = np.mean([abs(other) >= abs(rho) - 1e-9 for other in orders])
        assert chance(rho, n) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "rho"), [(20, 0.1), (20, 0.3), (20, 0.5), (50, 0.1), (50, 0.3)])
def test_the_chance_of_many_pairs_is_near_scipys(n, rho):
    t = rho * math.sqrt((n - 2) / (1 - rho**2))
    assert chance(rho, n) == pytest.approx(2 * stats.t.sf(t, n - 2), rel=0.1)
    assert chance(-rho, n) == chance(rho, n)


def test_counting_and_the_series_agree_where_they_meet():
    assert chance(0.5, 15) < chance(0.5, 14) < chance(0.5, 13)


def scored(student, metric, methods, *, noise=None, names=("fid",), **where):
    """Return students whose accuracy is the number of the method, and passes with scores."""
    records = []
    for at in range(methods):
        scores = {name: float(at) for name in names} if noise is None else noise(at)
        name = f"m{at:02}"
        records.append(student(float(at), method=name, **where))
        records.append(metric(0.0, method=name, scores=scores, card={}, **where))
    return records


def test_a_score_that_follows_accuracy_is_found(student, metric):
    (board,) = build(scored(student, metric, 9))
    (found,) = relations([board])
    assert board.columns[found.accuracy].metric == "top1_last"
    assert board.columns[found.metric].metric == "fid"
    assert (found.n, found.rho, found.high) == (9, pytest.approx(1.0), 1.0)
    assert found.p == pytest.approx(2 / math.factorial(9))
    assert {(point.method, point.x, point.y) for point in found.points} == {
        (f"m{at:02}", float(at), float(at)) for at in range(9)
    }


def test_few_methods_have_a_correlation_and_no_more(student, metric):
    (board,) = build(scored(student, metric, 4))
    (found,) = relations([board])
    assert found.rho == pytest.approx(1.0)
    assert (found.low, found.high, found.p) == (None, None, None)
    (board,) = build(scored(student, metric, 2))
    assert relations([board]) == []


def test_a_constant_score_has_no_correlation(student, metric):
    (board,) = build(scored(student, metric, 9, noise=lambda at: {"fid": 5.0}))
    (found,) = relations([board])
    assert (found.rho, found.low, found.high, found.p) == (None, None, None, None)


def test_references_are_left_out(student, metric):
    records = scored(student, metric, 3)
    records.append(student(90.0, method="full", ipc=None))
    records.append(metric(0.0, method="full", ipc=None, scores={"fid": 0.0}, card={}))
    (board,) = build(records)
    (found,) = relations([board])
    assert found.n == 3


def test_chances_are_corrected_for_all_relations_of_a_report(student, metric):
    rng = np.random.default_rng(3)
    names = ("fid", "kid", "mmd", "recall")

    def noise(at):
        return {name: at + 5 * rng.standard_normal() for name in names}

    boards = [
        board
        for ipc in (1, 10)
        for board in build(scored(student, metric, 10, noise=noise, ipc=ipc))
    ]
    found = relations(boards)
    assert len(found) == 8
    raw = [chance(relation.rho, relation.n) for relation in found]
    assert [relation.p for relation in found] == pytest.approx(multipletests(raw, method="holm")[1])


@pytest.mark.parametrize("n", [8, 14])
def test_unrelated_scores_are_rarely_called_related(n):
    """With 40 scores that follow nothing, at most 5% of reports name any: the t of SciPy does not
    hold this at eight pairs."""
    rng = np.random.default_rng(7)
    reports, scores = 2000, 40
    x = rng.standard_normal((reports * scores, n)).argsort(axis=1)
    rho = 1 - 6 * ((x - np.arange(n)) ** 2).sum(axis=1) / (n**3 - n)
    p = {value: chance(value, n) for value in set(rho.tolist())}
    smallest = np.array([p[value] for value in rho.tolist()]).reshape(reports, scores).min(axis=1)
    named = (smallest < 0.05 / scores).mean()
    assert named <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / reports)

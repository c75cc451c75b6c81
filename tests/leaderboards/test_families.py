"""Rank correlations within two kinds of methods, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leaderboards import build
from leaderboards.figures.families import Within, copies, within
from leaderboards.figures.relations import relations

METHODS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from([True, False, None])),
    max_size=20,
)


@given(methods=METHODS)
def test_the_correlations_are_scipys_of_the_methods_of_each_kind(methods):
    found = {one.copies: one for one in within(*zip(*methods, strict=True))} if methods else {}
    for kind in (True, False):
        x, y = ([one[at] for one in methods if one[2] is kind] for at in (0, 1))
        if len(x) < 4 or not any(one[2] is (not kind) for one in methods):
            assert kind not in found
            continue
        assert found[kind].n == len(x)
        if len(set(x)) == 1 or len(set(y)) == 1:
            assert found[kind].rho is None
        else:
            assert found[kind].rho == pytest.approx(stats.spearmanr(x, y).statistic)


def test_all_of_one_kind_are_no_two_kinds():
    for kind in (True, False):
        assert within(range(9), range(9), [kind] * 9) == ()
        assert within(range(9), range(9), [kind] * 6 + [None] * 3) == ()


def scored(student, metric, chosen, made):
    """Return methods that choose real images and such as make new ones, by (score, accuracy)."""
    records = []
    for kind, points in (("chosen", chosen), ("made", made)):
        for at, (score, accuracy) in enumerate(points):
            scores = {"mmd": float(score)}
            scores["nearest_real"] = 0.0 if kind == "chosen" else 7.0 + at
            scores["authenticity"] = 0.0 if kind == "chosen" else 90.0
            records.append(student(float(accuracy), method=f"{kind}{at}"))
            records.append(metric(0.0, method=f"{kind}{at}", scores=scores, card={}))
    return records


FALLING = [(4 - at, at) for at in range(5)]
"""Five methods whose accuracy falls as the score rises."""
ABOVE = [(10 + at, 20 + at) for at in range(5)]
"""Five better ones with higher scores."""


def only(student, metric, chosen, made):
    (board,) = build(scored(student, metric, chosen, made))
    (found,) = (one for one in relations([board]) if board.columns[one.metric].metric == "mmd")
    return found


def test_two_kinds_apart_have_a_correlation_that_neither_has_itself(student, metric):
    found = only(student, metric, FALLING, [(10 + x, 20 + y) for x, y in FALLING])
    assert found.rho == pytest.approx(
        stats.spearmanr([*range(5), *range(5, 10)], [4, 3, 2, 1, 0, 9, 8, 7, 6, 5]).statistic
    )
    assert found.rho > 0
    assert found.within == (
        Within(True, 5, pytest.approx(-1.0)),
        Within(False, 5, pytest.approx(-1.0)),
    )
    assert found.contrasts


@pytest.mark.parametrize(
    ("chosen", "contrasts"),
    [
        ([(at, at) for at in range(5)], False),
        (FALLING, True),
        ([(0, at) for at in range(5)], True),  # the score is the same for all of them
        (FALLING[:3], False),  # too few to have a direction
    ],
)
def test_a_direction_is_one_where_both_kinds_have_it(student, metric, chosen, contrasts):
    assert only(student, metric, chosen, ABOVE).contrasts is contrasts


def test_copies_are_known_by_scores_that_are_zero_for_them(student, metric):
    cases = {
        "chosen": ({"nearest_real": 0.0, "authenticity": 0.0}, True),
        "noise": ({"nearest_real": 1e-6, "authenticity": 0.0}, True),
        "alone": ({"nearest_real": 0.0}, True),
        "made": ({"nearest_real": 3.0, "authenticity": 80.0}, False),
        "unknown": ({"fid": 0.0}, None),
    }
    records = [student(50.0, method=name) for name in cases]
    records += [
        metric(0.0, method=name, scores=scores, card={}) for name, (scores, _) in cases.items()
    ]
    (board,) = build(records)
    found = {row.method: copies(board, row) for row in board.rows}
    assert found == {name: expected for name, (_, expected) in cases.items()}


def test_an_order_shared_by_both_kinds_is_no_contrast_whatever_lies_between_them():
    rng = np.random.default_rng(5)
    for shift in (-100, 0, 100):
        x = [*range(6), *(shift + at for at in range(6))]
        y = [*range(6), *(at + 0.5 for at in range(6))]
        order = rng.permutation(12)
        found = within(
            [x[at] for at in order], [y[at] for at in order], [bool(at < 6) for at in order]
        )
        assert [one.rho for one in found] == pytest.approx([1.0, 1.0])

"""Every number of a run as a table: nothing is averaged, lost or counted twice."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy.stats import ttest_rel

import leaderboards
from bench.records import Data, Described, Provenance, Record
from leaderboards.frame import COLUMNS

DATA = Data("nette", "train", "val", "t1", "v1", 10)
MADE = Provenance("2026-01-01T00:00:00Z", 1.0, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")


def named(label: str) -> Described:
    return Described(label, label, f"{label}@2", asked={}, fields={})


def record(method: str, ipc: int | None, at: tuple[int, int], **scores: float) -> Record:
    """Return a record of one student."""
    return Record(
        kind="evaluation",
        key=f"{method}-{ipc}-{at}",
        data=DATA,
        method=named(method),
        ipc=ipc,
        seed=at[0],
        stochastic=True,
        protocol=named("hard"),
        student=named("convnet3"),
        student_seed=at,
        distilled=f"{method}-{ipc}-{at[0]}",
        scores=scores,
        provenance=MADE,
    )


@settings(deadline=None)
@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from([None, 1, 10]), st.integers(0, 2), st.booleans()
        ),
        st.dictionaries(st.sampled_from(["top1_last", "top1_best", "fid"]), st.floats(-9, 99)),
        max_size=9,
    ).flatmap(lambda found: st.permutations(list(found.items())))
)
def test_every_score_of_every_record_is_one_line_in_any_order(drawn):
    records = [
        record(method, ipc, (seed, int(second)), **scores)
        for (method, ipc, seed, second), scores in drawn
    ]
    table = leaderboards.frame(records)
    assert tuple(table.columns) == COLUMNS
    lines = zip(table.key, table["set"], table.repeat, table.metric, table.number, strict=True)
    expected = Counter(
        (one.key, *one.student_seed, *score) for one in records for score in one.scores.items()
    )
    assert Counter(lines) == expected
    pd.testing.assert_frame_equal(table, leaderboards.frame(records[::-1]))


def test_lines_of_two_methods_pair_by_set_and_repeat():
    """A paired test on the table is one on the numbers themselves."""
    numbers = {"dit": [50.0, 51.5, 49.0, 52.0], "random": [30.0, 33.0, 28.5, 31.0]}
    records = [
        record(method, 10, (place // 2, place % 2), top1_last=number)
        for method, column in numbers.items()
        for place, number in enumerate(column)
    ]
    wide = leaderboards.frame(records).pivot_table(
        index=["set", "repeat"], columns="method", values="number"
    )
    found, expected = ttest_rel(wide.dit, wide.random), ttest_rel(*numbers.values())
    assert found.statistic == pytest.approx(expected.statistic)


def test_what_is_not_there_is_missing_or_empty():
    images = replace(
        record("full", None, (0, 0), fid=4.0), protocol=None, student=None, student_seed=None
    )
    table = leaderboards.frame([images, record("dit", 10, (1, 2), top1_last=1.0)])
    dit, full = table[table.method == "dit"].iloc[0], table[table.method == "full"].iloc[0]
    assert (dit.ipc, dit["set"], dit["repeat"]) == (10, 1, 2)
    assert full.ipc is pd.NA
    assert full["repeat"] is pd.NA
    assert (full.protocol, full.student, full.protocol_identity) == ("", "", "")
    assert dit.method_identity == "dit@2"


def test_the_last_answer_to_a_request_counts():
    old = record("dit", 10, (0, 0), top1_last=1.0)
    new = replace(
        old, scores={"top1_last": 2.0}, provenance=replace(MADE, started="2026-01-02T00:00:00Z")
    )
    for records in ([old, new], [new, old]):
        assert list(leaderboards.frame(records).number) == [2.0]


def test_without_records_the_columns_are_there():
    table = leaderboards.frame([])
    assert (len(table), tuple(table.columns)) == (0, COLUMNS)
    assert table.number.dtype == np.float64

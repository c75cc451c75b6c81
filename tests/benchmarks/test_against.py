from __future__ import annotations

from types import SimpleNamespace

import pytest
from scipy.stats import ttest_1samp

from bench.errors import BenchError
from benchmarks.against import by_set, difference, page

PLAIN = {(0, 0): 40.0, (0, 1): 42.0, (1, 0): 45.0, (1, 1): 45.0, (2, 0): 38.0, (2, 1): 40.0}
BETTER = {(0, 0): 43.0, (0, 1): 43.0, (1, 0): 46.0, (1, 1): 50.0, (2, 0): 41.0, (2, 1): 40.0}


def record(method, seeds, accuracy):
    return SimpleNamespace(
        data=SimpleNamespace(name="tiny"),
        ipc=10,
        protocol=SimpleNamespace(label="hard"),
        student=SimpleNamespace(label="convnet3"),
        method=SimpleNamespace(label=method),
        student_seed=seeds,
        scores={"top1_last": accuracy},
    )


RECORDS = [
    record(method, seeds, value)
    for method, values in (("dit", PLAIN), ("mgd3", BETTER))
    for seeds, value in values.items()
]


def test_students_of_one_set_are_averaged_before_anything_is_inferred():
    assert by_set(PLAIN) == {0: 41.0, 1: 45.0, 2: 39.0}


def test_the_interval_of_a_difference_is_over_sets():
    theirs = ttest_1samp([2.0, 3.0, 1.5], 0.0).confidence_interval()
    ours = difference(BETTER, PLAIN)
    assert (ours.mean - ours.half, ours.mean + ours.half) == pytest.approx(
        (theirs.low, theirs.high)
    )


def test_methods_stand_in_order_beside_the_one_they_are_compared_with():
    lines = list(page(RECORDS, "dit"))
    assert lines[0] == "### tiny, IPC 10, hard, convnet3"
    assert lines[4].startswith("| mgd3 | 43.8 ±")
    assert "| +2.2 ± 1.9 | 6/3 |" in lines[4]
    assert lines[5].startswith("| dit | 41.7 ±")
    assert lines[5].endswith("|  | 6/3 |")


def test_a_method_that_was_not_run_is_named():
    with pytest.raises(BenchError, match="'igd' has no students on 'tiny'; there are dit, mgd3"):
        list(page(RECORDS, "igd"))
    with pytest.raises(BenchError, match="No student"):
        difference({(7, 0): 1.0}, PLAIN)

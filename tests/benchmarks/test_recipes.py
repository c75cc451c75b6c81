from __future__ import annotations

from types import SimpleNamespace

import pytest
from scipy.stats import ttest_1samp, ttest_rel

from bench.errors import BenchError
from benchmarks import recipes
from benchmarks.recipes import Mean, Students, page

# Last accuracy by protocol and method, for three students each.
LAST = {
    ("short", "random"): [40.0, 42.0, 41.0],
    ("short", "kmeans"): [45.0, 46.0, 44.0],
    ("short", "first"): [30.0, 31.0, 29.0],
    ("long", "random"): [50.0, 51.0, 53.0],
    ("long", "kmeans"): [48.0, 47.0, 49.0],
    ("long", "first"): [33.0, 32.0, 31.0],
}


def record(protocol, method, seed, last, best):
    return SimpleNamespace(
        data=SimpleNamespace(name="tiny"),
        ipc=10,
        protocol=SimpleNamespace(name=protocol),
        method=SimpleNamespace(label=method),
        student_seed=(seed, 0),
        scores={"top1_last": last, "top1_best": best},
    )


def records(last=LAST):
    return [
        record(protocol, method, seed, value, value + seed)
        for (protocol, method), values in last.items()
        for seed, value in enumerate(values)
    ]


TASK = ("tiny", 10)
STUDENTS = Students.of(records())


def test_the_interval_of_a_mean_is_that_of_scipy():
    values = [40.0, 42.0, 41.5, 39.0]
    theirs = ttest_1samp(values, 0.0).confidence_interval()
    ours = Mean.of(values)
    assert (ours.mean - ours.half, ours.mean + ours.half) == pytest.approx(
        (theirs.low, theirs.high)
    )


def test_what_a_recipe_changes_is_measured_on_the_same_students():
    theirs = ttest_rel(LAST["long", "random"], LAST["short", "random"]).confidence_interval()
    ours = STUDENTS.shift(TASK, "random", "short", "long")
    assert (ours.mean - ours.half, ours.mean + ours.half) == pytest.approx(
        (theirs.low, theirs.high)
    )


def test_methods_are_ordered_by_their_mean_under_each_protocol():
    assert STUDENTS.order(TASK, "short") == ["kmeans", "random", "first"]
    assert STUDENTS.order(TASK, "long") == ["random", "kmeans", "first"]
    assert STUDENTS.gaps(TASK, "short", "first") == [0.0, 1.0, 2.0]


def test_the_page_counts_the_pairs_that_change_places():
    text = "\n".join(page(STUDENTS))
    assert "| tiny | 10 | random > kmeans > first | kmeans > random > first | 1/3 | 0.33 |" in text
    assert "| tiny | 10 | 1.0 | 1.0 | 2.0 | 0/2 |" in text  # the gaps are 0, 1 and 2 points
    assert "| kmeans | 48.0 ± 2.5 | 45.0 ± 2.5 | -3.0 ± 5.0 |" in text


def test_an_unfinished_run_is_refused(tmp_path, capsys):
    with pytest.raises(BenchError, match="finish the run"):
        Students.of(records()[:-1])
    only = {key: values for key, values in LAST.items() if key[0] == "short"}
    with pytest.raises(BenchError, match="two or more protocols"):
        Students.of(records(only))
    with pytest.raises(SystemExit, match="2"):
        recipes.main([str(tmp_path / "none")])
    assert "none" in capsys.readouterr().err

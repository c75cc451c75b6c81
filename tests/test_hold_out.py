"""`--hold-out`: students are tested on training images that nothing is distilled from."""

from __future__ import annotations

import json

import pytest

from bench.errors import UsageError
from bench.request import RunSpec


@pytest.fixture
def held_run(tiny_run, tmp_path):
    """Return a run on 4 of 6 training images a class, tested on the other 2."""
    return [*tiny_run, "--hold-out", "0.34", "--out", str(tmp_path / "out")]


def _records(out):
    return [json.loads(path.read_text()) for path in sorted((out / "records").glob("*.json"))]


def test_students_are_tested_on_training_images_that_no_set_holds(bench, held_run, tmp_path):
    held_run[held_run.index("random,first")] = "full"
    assert bench(*held_run).status == 0
    whole = next(r for r in _records(tmp_path / "out") if r["kind"] == "distillation")
    assert whole["facts"]["images"] == 3 * 4
    assert whole["data"]["train_split"].endswith(":train-0.34-seed0")
    assert whole["data"]["test_split"].endswith(":held-out-0.34-seed0")


def test_a_class_that_has_too_few_images_left_is_refused(bench, held_run):
    held_run[held_run.index("1,2")] = "5"  # of 6 images, of which 2 are held out
    answer = bench(*held_run)
    assert answer.status == 2
    assert "class 'ant' of 'tiny' has 4" in answer.err


def test_results_never_stand_beside_those_of_the_test_set(bench, tiny_run, held_run, tmp_path):
    out = tmp_path / "out"
    assert bench(*tiny_run, "--out", out).status == 0
    assert bench(*held_run).status == 0
    records = _records(out)
    of_data = {(r["data"]["train_revision"], r["data"]["test_revision"]) for r in records}
    assert len(of_data) == 2
    assert len({train for train, _ in of_data}) == len({test for _, test in of_data}) == 2
    keys = [r["key"] for r in records]
    assert len(keys) == len(set(keys))
    boards = bench("leaderboard", out).out
    assert boards.count("held-out-0.34-seed0") == 2  # of IPC 1 and of IPC 2
    assert boards.count("tiny · IPC") == 4


def test_a_run_with_a_part_held_out_verifies_and_replays(bench, held_run, tmp_path):
    out = tmp_path / "out"
    assert bench(*held_run).status == 0
    answer = bench("verify", out)
    assert answer.status == 0, answer.out + answer.err
    assert answer.out.splitlines()[-1].endswith("real sets: tiny; nothing wrong.")
    (plan,) = (out / "plans").glob("*.json")
    again = bench("run", plan, "--out", out)
    assert "Nothing to do" in again.out, again.out + again.err


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, float("nan")])
def test_a_share_that_leaves_nothing_is_refused_in_one_sentence(share):
    with pytest.raises(UsageError, match="`--hold-out` must be a share of at least 0"):
        RunSpec(hold_out=share)


def test_a_share_in_words_is_refused(bench, tiny_run):
    answer = bench(*tiny_run, "--hold-out", "half")
    assert answer.status == 2
    assert "expected a number, got 'half'" in answer.err

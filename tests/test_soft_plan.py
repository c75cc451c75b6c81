"""The plan of a soft run: its control, its teacher's time, and the room that it takes."""

from __future__ import annotations

import re

import pytest

from bench.training import probe

TEACHER = "trained[network=convnet2[width=4],epochs=1]"


@pytest.fixture
def soft_run(tiny_run, tmp_path):
    """Return the arguments of a small soft run of `first` alone."""
    run = [*tiny_run, "--out", str(tmp_path / "out"), "--dry-run"]
    run[run.index("random,first")] = "first"
    run[run.index("hard[epochs=2,resolution=16,evaluations=2]")] = (
        f"soft[epochs=2,resolution=21,evaluations=1,teacher={TEACHER}]"
    )
    return run


def test_a_dry_run_names_the_control_and_counts_the_training_of_the_teacher(bench, soft_run):
    answer = bench(*soft_run)
    assert answer.status == 0, answer.err
    assert "`random` is added as the control of soft[" in answer.err
    assert "random, tiny, IPC 2, soft/rded" in answer.out
    (time,) = re.findall(r"Estimated time: ([\d.]+) s", answer.out)
    assert float(time) > 0
    (others,) = re.findall(r"Not counted, as built once for all: (.*)", answer.out)
    assert others.startswith("the answers of the teacher")
    assert others.count("the teacher") == 1


def test_a_dry_run_counts_the_making_of_stored_labels(bench, soft_run, monkeypatch):
    monkeypatch.setattr(probe, "_seconds", lambda work: 0.1)

    def seconds(*arguments):
        answer = bench(*arguments)
        assert answer.status == 0, answer.err
        assert "stored labels (" not in answer.out
        return float(re.findall(r"Estimated time: ([\d.]+) s", answer.out)[0])

    stored = [argument.replace("soft[", "soft[labels=stored,") for argument in soft_run]
    sets, epochs = 2 + 2 * 2, 2  # of `first`, and of two seeds of `random`; a batch holds any set
    assert seconds(*stored) - seconds(*soft_run) == pytest.approx(sets * epochs * 0.1, abs=0.11)


def test_a_dry_run_says_what_disk_and_memory_it_takes(bench, soft_run):
    answer = bench(*soft_run)
    assert re.search(r"Kept in the cache: at most .*teacher [\d.]+ k?B", answer.out)
    assert re.search(r"Memory at most at a time: [\d.]+ k?B .* [\d.]+ [kM]B of the dev", answer.out)


def test_without_its_control_a_soft_run_is_that_of_the_named_methods(bench, soft_run):
    answer = bench(*soft_run, "--no-control")
    assert answer.status == 0, answer.err
    assert "random" not in answer.out + answer.err

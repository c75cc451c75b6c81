"""The file that later runs are held against."""

from __future__ import annotations

import json
import math

import pytest
from msgspec.structs import replace

from bench.errors import BenchError, UsageError
from leaderboards.gate import baseline_file
from leaderboards.gate.baseline_file import encode, from_records, read


@pytest.fixture
def records(student, metric):
    found = [student(30.1 + s + r / 3, at=(s, r)) for s in range(2) for r in range(2)]
    return [*found, *(metric(100.0 + s, seed=s) for s in range(2))]


def written(tmp_path, baseline):
    path = tmp_path / "baseline.json"
    path.write_bytes(encode(baseline))
    return path


def test_a_baseline_is_read_as_it_was_written_and_does_not_depend_on_the_order(records, tmp_path):
    made = from_records(records)
    assert read(written(tmp_path, made)) == made
    assert encode(from_records(reversed(records))) == encode(made)


def test_every_value_stands_in_the_file_with_its_seeds_and_what_it_may_be_compared_with(records):
    plain = json.loads(encode(from_records(records, margin=1.5)))
    assert (plain["version"], plain["level"], plain["margin"]) == (1, 0.05, 1.5)
    fid, top1 = plain["cells"]
    assert fid["score"] == "fid"
    assert fid["values"] == [[0, None, 100.0], [1, None, 101.0]]
    assert fid["card"] == {"extractor": "embedded", "weights": "1a2b"}
    assert fid["student"] == {"label": "", "identity": "", "origin": ""}
    values = [[s, r, 30.1 + s + r / 3] for s in range(2) for r in range(2)]
    assert top1["values"] == values
    assert top1["sets"] == {"0": "nette/random/0", "1": "nette/random/1"}
    assert (top1["train_revision"], top1["test_revision"], top1["ipc"]) == ("t1", "v1", 10)
    assert top1["method"] == {"label": "random", "identity": "random", "origin": ""}


def test_provenance_names_commit_command_day_and_every_machine_once(records):
    changed = replace(records[0].provenance, threads=8, commit="beef", command="bench run x")
    made = from_records([replace(records[0], provenance=changed), *records[1:]]).provenance
    assert (made.commit, made.command, made.date) == ("beef; c0ffee", "bench run x", "2026-01-02")
    assert sorted(machine.threads for machine in made.machines) == [2, 8]
    assert all(machine.packages == {"torch": "2.15.0"} for machine in made.machines)


def test_artefacts_of_what_is_no_cell_of_the_baseline_are_left_out(records, student):
    teacher = replace(records[0], artefacts={"a": "Network@2+epochs=3"})
    other = student(1.0, method="other", artefacts={"b": "Network+epochs=9"})
    distilled = replace(
        records[0], kind="distillation", key="d", scores={}, artefacts={"c": "Modes+count=5"}
    )
    of_other_seed = replace(distilled, key="e", seed=7, artefacts={"d": "Modes+count=6"})
    made = from_records([teacher, *records[1:], distilled, of_other_seed])
    assert made.artefacts == ("Modes+count=5", "Network@2+epochs=3")
    assert "Network+epochs=9" in from_records([teacher, other]).artefacts


def test_of_two_records_of_one_request_the_one_that_was_started_last_counts(records):
    later = replace(records[0].provenance, started="2026-02-01T00:00:00")
    again = replace(records[0], scores={"top1_last": 99.0}, provenance=later)
    assert (0, 0, 99.0) in from_records([*records, again]).cells[1].values


def test_two_records_of_one_cell_and_seed_are_refused(records):
    twice = replace(records[0], key="another request")
    with pytest.raises(BenchError, match="the same seeds"):
        from_records([*records, twice])


def test_a_run_without_evaluations_is_refused(records):
    with pytest.raises(BenchError, match="no evaluated records"):
        from_records([replace(records[0], kind="distillation")])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": 0.0}, "between 0 and 0.5"),
        ({"level": 0.5}, "between 0 and 0.5"),
        ({"margin": -1.0}, "not below 0"),
        ({"relative_margin": -0.1}, "below 0"),
        ({"margin": 5.0}, "larger than the margin"),
        ({"margin": math.nan}, "finite and not below 0"),
        ({"margin": math.inf, "against": math.inf}, "finite and not below 0"),
        ({"relative_margin": math.nan}, "finite and not below 0"),
        ({"relative_margin": math.inf}, "finite and not below 0"),
        ({"level": math.nan}, "between 0 and 0.5"),
        ({"against": math.nan}, "finite and larger"),
        ({"against": math.inf}, "finite and larger"),
    ],
)
def test_terms_that_mean_nothing_are_wrong_usage(records, options, words):
    with pytest.raises(UsageError, match=words):
        from_records(records, **options)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a readable baseline"),
        (b"\xff\xfe", "not a readable baseline"),
        (b'{"version": 1}', "not a readable baseline"),
        (b'{"version": 2, "new": []}', "update distillation-bench"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_baseline_is_wrong_usage_in_one_sentence(tmp_path, content, words):
    path = tmp_path / "baseline.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=words) as error:
        read(path)
    assert "\n" not in str(error.value)


def test_fields_that_nobody_knows_are_not_read_over(records, tmp_path):
    path = written(tmp_path, from_records(records))
    path.write_text(path.read_text().replace('"margin"', '"margins"'))
    with pytest.raises(UsageError, match="not a readable baseline"):
        baseline_file.read(path)

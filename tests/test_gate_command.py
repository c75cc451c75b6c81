"""`bench baseline` and `bench check`, and the baseline that this project holds itself against."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from bench import suites
from bench.data.shapes import CLASSES, SIDE, SPLITS
from bench.features.shipped import ShippedNetwork
from bench.plan import planned
from bench.records import Data, Described, Failure, Provenance, Record
from bench.registry import Registry
from bench.sets import DatasetCard
from bench.store import Store
from leaderboards.gate import baseline_file

COMMITTED = Path(__file__).parent.parent / "leaderboards" / "baselines" / "embedded-gate.json"
NOISE = (0.3, -0.9, 1.1, -0.2, 0.4)
MADE = Provenance("2026-01-02", 1.0, 0.0, 0, "cpu", 1, "c0ffee", False, {}, "3.12", "linux")


def named(label):
    return Described(label, label, label, asked={}, fields={})


def record(at, number):
    return Record(
        kind="evaluation",
        key=f"unit{at}",
        data=Data("nette", "train", "val", "t1", "v1", 10),
        method=named("random"),
        ipc=10,
        seed=at,
        stochastic=True,
        protocol=named("hard"),
        student=named("convnet3"),
        student_seed=(at, 0),
        distilled=f"set {at}",
        scores={"top1_last": number},
        provenance=MADE,
    )


def store_of(folder, shift=0.0, scale=1.0, change=lambda one: one):
    store = Store.open(folder)
    for at, value in enumerate(NOISE):
        store.add(change(record(at, 30 + scale * value + shift)))
    return folder


@pytest.fixture
def held(bench, tmp_path):
    """Return the file of a baseline of five sets."""
    path = tmp_path / "held" / "baseline.json"
    answer = bench("baseline", store_of(tmp_path / "first"), "-o", path)
    assert answer.status == 0, answer.err
    return path


def test_a_baseline_says_what_it_holds_and_what_it_can_find(bench, tmp_path):
    answer = bench("baseline", store_of(tmp_path / "run"), "-o", tmp_path / "b.json", "--margin", 1)
    assert answer.status == 0
    assert "cells: 1, ranked accuracies: 1 over 5 distilled sets; level 0.05, margin 1 points" in (
        answer.out
    )
    assert "power" in answer.out
    assert json.loads((tmp_path / "b.json").read_text())["margin"] == 1.0


def test_a_file_is_replaced_on_request_only(bench, held, tmp_path):
    before = held.read_bytes()
    again = ("baseline", tmp_path / "first", "-o", held, "--margin", 1)
    refused = bench(*again)
    assert (refused.status, "--force" in refused.err, held.read_bytes()) == (2, True, before)
    assert bench(*again, "--force").status == 0
    assert held.read_bytes() != before


def test_units_that_failed_keep_a_baseline_from_being_written(bench, tmp_path):
    folder = store_of(tmp_path / "run")
    failure = Failure(
        key="other", unit="u", attempt=1, error="E", message="m", traceback="", provenance=MADE
    )
    Store.open(folder).add_failure(failure)
    Store.open(folder).add_failure(replace(failure, key="unit0"))  # has its record by now
    refused = bench("baseline", folder, "-o", tmp_path / "b.json")
    assert (refused.status, "that have no record" in refused.err) == (1, True)
    assert not (tmp_path / "b.json").exists()
    assert bench("baseline", folder, "-o", tmp_path / "b.json", "--force").status == 0


@pytest.mark.parametrize(
    ("shift", "scale", "options", "status", "word"),
    [
        (0.0, 1.0, (), 0, "unchanged"),
        (9.0, 1.0, (), 0, "improvement"),
        (-9.0, 1.0, (), 1, "regression"),
        (-9.0, 1.0, ("--margin", 30), 0, "unchanged"),
        (0.0, 9.0, (), 0, "undecidable"),
        (0.0, 9.0, ("--fail-on", "cells"), 0, "undecidable"),
        (0.0, 9.0, ("--fail-on", "cells,undecidable"), 1, "undecidable"),
    ],
)
def test_the_exit_status_is_the_verdict(bench, held, tmp_path, shift, scale, options, status, word):
    run = store_of(tmp_path / "run", shift, scale)
    answer = bench("check", run, "--baseline", held, *options)
    assert (answer.status, answer.out.partition(":")[0]) == (status, word)


def test_the_exact_check_passes_equal_runs_alone(bench, held, tmp_path):
    same = bench("check", store_of(tmp_path / "same"), "--baseline", held, "--exact")
    assert (same.status, "all values and sets are the same" in same.out) == (0, True)
    moved = store_of(tmp_path / "moved", shift=1e-9)
    other = bench("check", moved, "--baseline", held, "--exact", "--junit", tmp_path / "x.xml")
    assert (other.status, "not the same, bit by bit, in 1 of 1 cells" in other.out) == (1, True)
    assert len(list(ET.parse(tmp_path / "x.xml").iter("failure"))) == 1


def test_another_machine_is_told_and_refused_by_the_exact_check_alone(bench, held, tmp_path):
    def elsewhere(one):
        return replace(one, provenance=replace(one.provenance, packages={"torch": "9.9"}))

    check = ("check", store_of(tmp_path / "run", change=elsewhere), "--baseline", held)
    answer = bench(*check)
    assert (answer.status, "another machine or other libraries" in answer.out) == (0, True)
    assert "another machine" not in bench("check", tmp_path / "first", "--baseline", held).out
    exact = bench(*check, "--exact")
    assert (exact.status, "torch is 9.9" in exact.err) == (2, True)


def test_what_cannot_be_compared_has_status_two_and_is_told_everywhere(bench, held, tmp_path):
    def raised(one):
        return replace(one, protocol=replace(one.protocol, identity="hard@2"))

    run = store_of(tmp_path / "run", change=raised)
    xml, page = tmp_path / "deep" / "gate.xml", tmp_path / "summary.md"
    page.write_text("before\n")
    answer = bench(
        *("check", run, "--baseline", held, "--junit", xml, "--summary", page),
        *("--annotations", "github"),
    )
    words = "protocol is 'hard@2' and was 'hard'"
    assert (answer.status, words in answer.err, "Traceback" in answer.err) == (2, True, False)
    (error,) = ET.parse(xml).iter("error")
    assert (error.get("type"), error.get("message")) == ("incomparable", words)
    assert page.read_text().startswith("before\n### Accuracy gate: ")
    assert answer.out.startswith("::error title=")


def test_a_run_that_lost_a_record_or_is_none_never_passes(bench, held, tmp_path):
    run = store_of(tmp_path / "run")
    Store.existing(run).record_path("unit3").unlink()
    assert bench("check", run, "--baseline", held).status == 2
    Store.existing(run).record_path("unit2").write_text("{")
    junit = ("--junit", tmp_path / "x.xml")
    broken = bench("check", run, "--baseline", held, *junit)
    assert (broken.status, "not a readable record" in broken.err) == (2, True)
    assert len(list(ET.parse(tmp_path / "x.xml").iter("error"))) == 1
    assert bench("check", tmp_path / "nowhere", "--baseline", held).status == 2
    assert bench("check", run, "--baseline", tmp_path / "nowhere.json").status == 2


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--baseline", "{held}", "--fail-on", "cell"),
        ("--baseline", "{held}", "--annotations", "gitlab"),
        ("--baseline", "{held}", "--exact", "--margin", "1"),
        ("--baseline", "{held}", "--exact", "--fail-on", "cells"),
        ("--baseline", "{held}", "--margin", "-1"),
        ("--baseline", "{held}", "--margin", "two"),
        ("--baseline", "{held}", "--margin", "nan"),
        ("--baseline", "{held}", "--margin", "inf"),
    ],
)
def test_wrong_usage_is_one_sentence(bench, held, tmp_path, options):
    run = tmp_path / "first"
    answer = bench("check", run, *(option.format(held=held) for option in options))
    assert answer.status == 2
    assert len(answer.err.strip().splitlines()) == 1
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("option", ["margin", "relative-margin", "level", "against"])
@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_no_bound_of_a_baseline_is_without_bound(bench, tmp_path, option, number):
    path = tmp_path / "b.json"
    answer = bench("baseline", store_of(tmp_path / "run"), "-o", path, f"--{option}={number}")
    assert (answer.status, path.exists()) == (2, False)
    assert "expected a finite number" in answer.err


def test_annotations_come_by_themselves_where_github_runs_the_check(
    bench, held, tmp_path, monkeypatch
):
    check = ("check", tmp_path / "first", "--baseline", held)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert "::notice" not in bench(*check).out
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert "::notice title=Accuracy gate" in bench(*check).out
    assert "::notice" not in bench(*check, "--annotations", "none").out


# The checks of this project ------------------------------------------------------------------


@pytest.fixture
def continuous(tmp_path):
    """Run `.ci/run` in a checkout whose `make` has tests that pass and a gate that is as said."""
    script = tmp_path / "checkout" / ".ci" / "run"
    script.parent.mkdir(parents=True)
    script.write_text((COMMITTED.parents[2] / ".ci" / "run").read_text())
    stub = tmp_path / "stubs" / "make"
    stub.parent.mkdir()

    def run(*there, gate=0):
        stub.write_text(
            f'#!/bin/sh\n[ "$1" = gate ] && exit {gate}\necho "=== 5 passed in 1.00s ==="\n'
        )
        for name in there:
            path = script.parents[1] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o755)
        stub.chmod(0o755)
        search = f"{stub.parent}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", script], capture_output=True, text=True, env={**os.environ, "PATH": search}
        )

    return run


def test_checks_fail_where_the_gate_could_not_run(continuous):
    environment, baseline = ".tox/py/bin/bench", "leaderboards/baselines/embedded-gate.json"
    for there, words in (((), "no environment"), ((environment,), f"{baseline} is missing")):
        done = continuous(*there)
        assert done.returncode == 1
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert done.stdout.splitlines()[-1] == "=== 5 passed in 1.00s ==="
    assert continuous(environment, baseline).returncode == 0
    assert continuous(environment, baseline, gate=2).returncode == 2


# The baseline of this project ----------------------------------------------------------------


def card_of(name, revisions):
    """Return the card of a procedural set, which is not drawn for it."""
    return DatasetCard(
        name=name,
        classes=CLASSES[name],
        class_names=CLASSES[name],
        train_split="drawn",
        test_split="drawn",
        train_revision=revisions[0],
        test_revision=revisions[1],
        class_sizes=(SPLITS["train"],) * len(CLASSES[name]),
        resolution=SIDE,
        features="embedded",
    )


def test_the_committed_baseline_is_of_what_its_suite_plans_today():
    held = baseline_file.read(COMMITTED)
    run = suites.load("embedded-gate").run_spec({})
    revisions = {cell.dataset: (cell.train_revision, cell.test_revision) for cell in held.cells}
    cards = [card_of(name, revisions[name]) for name in run.all_datasets]
    wanted, found = {}, {}
    for unit in planned(run, Registry(), cards):
        if unit.protocol is not None:
            student = unit.student
            about = (
                *(unit.card.name, unit.ipc, unit.resolved_method.stochastic),
                *(unit.method.label, unit.method.identity(unit.resolved_method)),
                *(unit.protocol.label, unit.protocol.identity(unit.resolved_protocol)),
                *((student.label, student.identity(student.asked)) if student else ("", "")),
                *revisions[unit.card.name],
            )
            wanted.setdefault(about, set()).add(unit.student_seed or (unit.seed, None))
    for cell in held.cells:
        about = (
            *(cell.dataset, cell.ipc, cell.stochastic),
            *(cell.method.label, cell.method.identity),
            *(cell.protocol.label, cell.protocol.identity),
            *(cell.student.label, cell.student.identity),
            *(cell.train_revision, cell.test_revision),
        )
        found.setdefault(about, set()).update(cell.by_seed)
        if cell.card.get("extractor") == "embedded":
            assert ShippedNetwork.of().weights.startswith(str(cell.card["weights"]))
    assert found == wanted, "make leaderboards/baselines/embedded-gate.json anew"

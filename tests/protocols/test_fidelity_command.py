"""The protocol of images from the command line: plans, records, files and refusals."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from bench.records import read_records
from bench.scores import SCORES

EMBEDDED = "fidelity[features=embedded,embedding=embedded]"
OF_IMAGES = {name for name, score in SCORES.items() if score.group == "images"}
SHEETS = ("distilled", "nearest", "real")


def command(tiny_set, out, protocols=EMBEDDED, methods="first,random", ipc="1,2"):
    return [
        *("run", "--datasets", f"tiny=folder:{tiny_set}", "--methods", methods, "--ipc", ipc),
        *("--protocols", protocols, "--seeds", "1", "--out", str(out), "--offline"),
    ]


def test_a_run_keeps_a_record_of_every_set_but_the_real_one(bench, tiny_set, tmp_path):
    out = tmp_path / "out"
    answer = bench(*command(tiny_set, out, methods="first,random,full"))
    assert answer.status == 0, answer.err
    records = [record for record in read_records(out) if record.kind == "evaluation"]
    cells = {(record.method.name, record.ipc) for record in records}
    assert cells == {("first", 1), ("first", 2), ("random", 1), ("random", 2)}
    for record in records:
        assert record.protocol.identity == "fidelity+embedding=embedded,features=embedded"
        assert record.student is None
        assert record.student_seed is None
        assert set(record.scores) == set(record.cards)
        assert record.per_class["recall"] == [None] * 3
        assert record.cards["fid"]["distilled"] == 3 * record.ipc
        assert set(record.files) == {*SHEETS, "points"}
        for name in SHEETS:
            with Image.open(out / record.files[name]) as sheet:
                assert sheet.height == 3 * 64
        points = json.loads((out / record.files["points"]).read_text())
        assert points["classes"] == ["ant", "bee", "cat"]
    assert "FID of 3" in answer.out
    assert "FID of 6" in answer.out


def test_two_equal_runs_differ_in_their_provenance_only(bench, tiny_set, tmp_path):
    runs = []
    for name in ("one", "two"):
        answer = bench(*command(tiny_set, tmp_path / name, methods="first", ipc="2"))
        assert answer.status == 0, answer.err
        runs.append(
            [
                json.loads(path.read_text()) | {"provenance": None}
                for path in sorted((tmp_path / name / "records").glob("*.json"))
            ]
        )
    assert runs[0] == runs[1]
    assert len(runs[0]) == 2


def test_a_set_of_another_tool_is_scored_without_a_student(bench, tiny_set, tmp_path):
    answer = bench(
        *("score", tiny_set / "val", "--dataset", f"tiny=folder:{tiny_set}", "--offline"),
        *("--name", "mine", "--protocols", EMBEDDED, "--out", tmp_path / "out"),
    )
    assert answer.status == 0, answer.err
    (record,) = (record for record in read_records(tmp_path / "out") if record.scores)
    assert (record.method.label, record.facts["distilled"]) == ("mine", 12)
    shown = bench("show", record.key, "--out", tmp_path / "out")
    assert json.loads(shown.out)["scores"] == record.scores


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("inception-pytorch", "Did you mean 'inception-pytorch-fid'?"),
        ("inception-pytorch-fid", "are not here and nothing is fetched offline"),
    ],
)
def test_a_network_that_cannot_be_had_is_told_before_anything_runs(
    bench, tiny_set, tmp_path, network, said
):
    out = tmp_path / "out"
    answer = bench(*command(tiny_set, out, f"fidelity[features={network},embedding=embedded]"))
    assert answer.status == 2
    assert said in answer.err
    assert not out.exists()


def test_a_plan_counts_passes_and_not_students(bench, tiny_set, tmp_path):
    protocols = f"hard[epochs=1],{EMBEDDED}"
    answer = bench(
        *command(tiny_set, tmp_path / "out", protocols, methods="first,full", ipc="2"),
        *("--students", "convnet2[width=4]", "--repeats", "2", "--dry-run"),
    )
    assert answer.status == 0, answer.err
    assert "To do: 2 distillations, 5 evaluations." in answer.out
    assert "1 x first, tiny, IPC 2, fidelity" in answer.out
    assert "2 x full, tiny, whole set, hard" in answer.out
    assert "full, tiny, whole set, fidelity" not in answer.out


def test_a_protocol_that_measures_nothing_is_told(bench, tiny_set, tmp_path):
    answer = bench(*command(tiny_set, tmp_path / "out", methods="full"))
    assert answer.status == 0
    told = [line for line in answer.err.splitlines() if "measures nothing of tiny" in line]
    assert len(told) == 1
    assert told[0].startswith("fidelity")
    answer = bench(*command(tiny_set, tmp_path / "other", methods="full,first", ipc="1"))
    assert "measures nothing" not in answer.err


def test_scores_without_a_unit_are_listed_without_one(bench):
    lines = {line.split()[0]: line for line in bench("list", "scores").out.splitlines()[1:]}
    assert OF_IMAGES <= set(lines)
    assert " FID, lower is better: " in lines["fid"]
    assert " authenticity in %, higher is better: " in lines["authenticity"]

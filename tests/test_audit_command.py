"""`bench audit`: all three verdicts of made-up records, and what is answered without a run."""

from __future__ import annotations

import csv
import io

import pytest

from bench.records import Data, Described, Provenance, Record, encode
from bench.store import Store

DATA = Data("imagenette", "ilsvrc2012", "ilsvrc2012", "sha256:aa", "sha256:bb", 10)
MADE = Provenance("2026-01-01", 1.0, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")


def described(label: str) -> Described:
    return Described(label.partition("+")[0], label, label, asked={}, fields={})


def record(method: str, ipc: int, seed: int, best: float) -> Record:
    return Record(
        kind="evaluation",
        key=f"{method}-{ipc}-{seed}",
        data=DATA,
        method=described(method),
        ipc=ipc,
        seed=seed,
        stochastic=True,
        protocol=described("hard/minimax"),
        student=described("resnetap10"),
        student_seed=(seed, 0),
        distilled=f"{method}/{ipc}/{seed}",
        scores={"top1_last": best - 2.0, "top1_best": best},
        provenance=MADE,
    )


@pytest.fixture
def run(tmp_path):
    """Return the folder of a run whose numbers are near, far from and unlike those of MGD3."""
    folder = tmp_path / "run"
    store = Store.open(folder)
    for method, ipc, mean in (("mgd3", 10, 66.4), ("mgd3", 50, 20.0), ("mgd3+steps=9", 10, 66.4)):
        for seed in range(3):
            made = record(method, ipc, seed, mean + seed - 1.0)
            (store.root / "records" / f"{made.key}.json").write_bytes(encode(made))
    return folder


def verdicts(answer) -> set[tuple[str, str, str]]:
    assert answer.status == 0, answer.err
    lines = csv.DictReader(io.StringIO(answer.out))
    return {(line["ours"], line["ipc"], line["verdict"]) for line in lines if line["measured"]}


def test_all_three_verdicts_are_given(bench, run):
    answer = bench("audit", "MGD3", run, "--format", "csv")
    found = verdicts(answer)
    assert ("mgd3", "10", "reproduced") in found
    assert {verdict for ours, ipc, verdict in found if ipc == "50"} == {"not reproduced"}
    assert ("mgd3+steps=9", "10", "reproduced") not in found
    assert ("mgd3+steps=9", "10", "not comparable") in found


@pytest.mark.parametrize("form", ["terminal", "markdown"])
def test_people_read_verdicts_reasons_and_counts(bench, run, form):
    answer = bench("audit", "2505.18963", run, "--format", form)
    assert answer.status == 0
    for text in ("66.4 ± 2.4", "reproduced", "our method has steps=9", "Table 1", "`--all`"):
        assert text in answer.out
    last = answer.out.splitlines()[-1]
    assert "reproduced" in last
    assert "without a counterpart" in last


def test_all_adds_the_rows_that_stand_alone(bench, run):
    count = {
        len(bench("audit", "mgd3", run, "--format", "csv", *more).out.splitlines())
        for more in ((), ("--all",))
    }
    assert len(count) == 2
    assert "`--all`" not in bench("audit", "mgd3", run, "--all").out


def test_without_a_run_the_published_numbers_are_printed_alone(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = bench("audit", "iDc-1", "--format", "csv")
    assert answer.status == 0
    lines = list(csv.DictReader(io.StringIO(answer.out)))
    assert len(lines) == 25
    assert {line["measured"] for line in lines} == {""}
    assert "25 rows without a counterpart" in bench("audit", "idc-1").out


def test_nothing_beside_a_run_is_one_line(bench, run):
    answer = bench("audit", "IDC-1", run)
    assert answer.status == 0
    assert answer.out.splitlines() == [
        "0 reproduced, 0 not reproduced, 0 not comparable; 25 rows without a counterpart "
        "(`--all` says why)"
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mdg3",), "Did you mean 'mgd3'"),
        (("mgd3", "absent"), "'absent' does not exist"),
        (("mgd3", "--format", "html"), "Unknown format 'html'"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_sentence(bench, arguments, words):
    answer = bench("audit", *arguments)
    assert answer.status == 2
    assert words in answer.err
    assert len(answer.err.splitlines()) == 1

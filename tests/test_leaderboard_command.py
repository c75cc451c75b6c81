"""`bench leaderboard` on records that were written by hand: no run, no training."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.records import Data, Described, Provenance, Record
from bench.store import Store

PROVENANCE = Provenance("2026-01-01", 1.0, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")


def described(label: str, identity: str = "") -> Described:
    return Described(label, label, identity or label, asked={}, fields={})


def accuracy(method: str, ipc: int, seed: int, value: float) -> Record:
    return Record(
        kind="evaluation",
        key=f"{method}-{ipc}-{seed}",
        data=Data("imagenette", "ilsvrc2012", "ilsvrc2012", "sha256:aa", "sha256:bb", 10),
        method=described(method),
        ipc=ipc,
        seed=seed,
        stochastic=True,
        protocol=described("hard", "hard/minimax"),
        student=described("resnetap10"),
        student_seed=(seed, 0),
        distilled=f"{method}/{ipc}/{seed}",
        scores={"top1_last": value, "top1_best": value},
        provenance=PROVENANCE,
    )


def images(method: str, ipc: int, seed: int) -> Record:
    scores = {"fid": 40.0 + seed, "coverage": 0.5}
    fields = accuracy(method, ipc, seed, 0.0)
    return Record(
        **{name: getattr(fields, name) for name in fields.__struct_fields__}
        | {
            "key": f"images-{fields.key}",
            "protocol": described("fidelity"),
            "student": None,
            "student_seed": None,
            "scores": scores,
            "cards": {key: {"extractor": "embedded", "distilled": 10 * ipc} for key in scores},
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a run of two methods that are 20 points apart, give or take 0.2, at two IPCs."""
    store = Store.open(tmp_path / "run")
    for ipc in (10, 50):
        for seed, wobble in enumerate((0.0, 0.1, -0.1)):
            store.add(accuracy("random", ipc, seed, 30.0 + seed))
            store.add(accuracy("dit", ipc, seed, 50.0 + seed + wobble))
            store.add(images("dit", ipc, seed))
    return tmp_path / "run"


@pytest.mark.parametrize("form", ["terminal", "markdown"])
def test_the_average_ranks_stand_below_the_tables(bench, folder, form):
    answer = bench("leaderboard", folder, "--format", form)
    assert answer.status == 0, answer.err
    tables, _, ranks = answer.out.rpartition("average rank over 2 comparisons")
    assert "IPC 50" in tables
    assert ranks.index("dit") < ranks.index("random")


@pytest.mark.parametrize("form", ["terminal", "markdown"])
def test_scores_beside_the_main_ones_are_printed_if_asked_for(bench, folder, form):
    usual = bench("leaderboard", folder, "--format", form).out
    asked = bench("leaderboard", folder, "--format", form, "--all-scores").out
    assert "--all-scores adds" in usual.replace("`", "").replace("\\", "")
    assert "FID" in usual
    assert "0.50 ± 0.00" not in usual
    assert "0.50 ± 0.00" in asked


def test_the_csv_has_all_scores_and_cards_and_no_average_ranks(bench, folder):
    answer = bench("leaderboard", folder, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert {row["metric"] for row in rows} == {"top1_last", "top1_best", "fid", "coverage"}
    cards = {(row["ipc"], row["card"]) for row in rows if row["metric"] == "coverage"}
    assert cards == {
        ("10", "distilled=100;extractor=embedded"),
        ("50", "distilled=500;extractor=embedded"),
    }
    assert "average" not in answer.out


def test_values_are_a_line_for_every_number(bench, folder):
    answer = bench("leaderboard", folder, "--format", "values")
    assert answer.status == 0, answer.err
    lines = list(csv.DictReader(io.StringIO(answer.out)))
    found = {
        (line["method"], line["ipc"], line["set"], line["repeat"]): float(line["number"])
        for line in lines
        if line["metric"] == "top1_last"
    }
    assert found == {
        (method, ipc, str(seed), "0"): value + seed + wobble
        for ipc in ("10", "50")
        for seed, shift in enumerate((0.0, 0.1, -0.1))
        for method, value, wobble in (("random", 30.0, 0.0), ("dit", 50.0, shift))
    }
    assert Counter(line["metric"] for line in lines) == {
        **dict.fromkeys(("top1_last", "top1_best"), 12),
        **dict.fromkeys(("fid", "coverage"), 6),
    }


def test_values_come_from_no_spreadsheet_formula(bench, tmp_path):
    one = accuracy("random", 10, 0, 30.0)
    Store.open(tmp_path / "odd").add(replace(one, method=described("=HYPERLINK(1)\x1b[2J")))
    answer = bench("leaderboard", tmp_path / "odd", "--format", "values")
    (name,) = {line["method"] for line in csv.DictReader(io.StringIO(answer.out))}
    assert name.startswith("'=HYPERLINK(1)")
    assert "\x1b" not in answer.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--by", "architecture"), "leave `--by architecture` out"),
        (("--all-scores",), "leave `--all-scores` out"),
        (("--published",), "leave `--published` out"),
    ],
)
def test_values_take_no_option_that_means_nothing_for_them(bench, folder, options, words):
    answer = bench("leaderboard", folder, "--format", "values", *options)
    assert answer.status == 2
    assert words in answer.err
    assert answer.out == ""


def test_published_numbers_stand_beside_best_epochs_if_asked_for(bench, folder):
    """DiT on ImageNette at IPC 10 is in the ledger under the recipe of this record."""
    assert "· published" not in bench("leaderboard", folder, "--format", "markdown").out
    answer = bench("leaderboard", folder, "--format", "csv", "--published")
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    quoted = [row for row in rows if row["published"]]
    assert "dit" in {row["method"] for row in quoted}
    assert {row["metric"] for row in quoted} == {"top1_best"}
    assert all(row["source"] and row["verdict"] for row in quoted)
    printed = bench("leaderboard", folder, "--format", "markdown", "--published").out
    assert "hard · resnetap10 · published" in printed


@pytest.mark.parametrize("option", ["--all-scores", "--published"])
def test_tables_by_architecture_have_neither(bench, folder, option):
    answer = bench("leaderboard", folder, "--by", "architecture", option)
    assert (answer.status, answer.out) == (2, "")
    assert f"`{option}`" in answer.err


def test_units_of_scores_are_named_in_words(bench):
    answer = bench("list", "scores")
    assert "forwards per image, lower is better" in answer.out
    assert "top-1 in %, higher is better" in answer.out

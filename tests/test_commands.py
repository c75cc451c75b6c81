"""The other commands: score, list, show, leaderboard and doctor."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

COLUMNS = (
    "dataset,train_revision,test_revision,ipc,protocol,student,method,metric,"
    "mean,std,n_sets,n_students,low,high,rank,"
    "over,std_sets,std_students,rank_low,rank_high,ties,published,published_std,source,verdict,card,"
    "method_identity,protocol_identity,student_identity"
)


@pytest.fixture
def finished(bench, tiny_run, tmp_path):
    """Return the folder of a finished run."""
    out = tmp_path / "out"
    assert bench(*tiny_run, "--out", out).status == 0
    return out


def rows_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.out)))


def test_the_long_csv_has_the_documented_columns_and_the_records_numbers(bench, finished):
    answer = bench("leaderboard", finished, "--format", "csv")
    assert answer.out.splitlines()[0] == COLUMNS
    records = [json.loads(path.read_text()) for path in (finished / "records").iterdir()]
    scores = [
        record["scores"]["top1_last"]
        for record in records
        if record["kind"] == "evaluation" and record["method"]["name"] == "random"
        if record["ipc"] == 2
    ]
    (row,) = [
        row
        for row in rows_of(answer)
        if (row["method"], row["metric"], row["ipc"]) == ("random", "top1_last", "2")
    ]
    assert float(row["mean"]) == pytest.approx(sum(scores) / len(scores))
    assert (row["n_sets"], row["n_students"]) == ("2", "2")


def test_a_leaderboard_is_the_same_in_the_terminal_and_in_markdown(bench, finished):
    terminal = bench("leaderboard", finished).out
    markdown = bench("leaderboard", finished, "--format", "markdown").out
    for word in ("tiny", "IPC 1", "IPC 2", "random", "first", "convnet2"):
        assert word in terminal
        assert word in markdown


def test_scoring_a_folder_gives_the_scores_of_the_method_that_made_it(
    bench, tiny_set, tiny_run, finished, tmp_path
):
    (made,) = (finished / "distilled" / "tiny" / "first" / "ipc2").iterdir()
    folder = tmp_path / "theirs"
    shutil.copytree(made, folder, ignore=shutil.ignore_patterns("manifest.json"))
    answer = bench(
        "score",
        folder,
        "--dataset",
        f"tiny=folder:{tiny_set}",
        "--protocols",
        "hard[epochs=2,resolution=16,evaluations=2]",
        "--students",
        "convnet2[width=4]",
        "--seeds",
        "2",
        "--out",
        finished,
    )
    assert answer.status == 0, answer.err
    rows = rows_of(bench("leaderboard", finished, "--format", "csv"))
    by_method = {
        row["method"]: row["mean"]
        for row in rows
        if row["ipc"] == "2" and row["metric"] == "top1_last"
    }
    assert by_method["theirs"] == by_method["first"]


def test_a_scored_folder_that_is_called_as_a_method_is_told_from_it(
    bench, tiny_set, finished, tmp_path
):
    (made,) = (finished / "distilled" / "tiny" / "first" / "ipc2").iterdir()
    shutil.copytree(made, tmp_path / "random")
    score = ("score", tmp_path / "random", "--dataset", f"tiny=folder:{tiny_set}", "--dry-run")
    options = ("--protocols", "hard[epochs=2,resolution=16]", "--students", "convnet2[width=4]")
    answer = bench(*score, *options, "--out", tmp_path / "out")
    assert answer.status == 0, answer.err
    assert "folder:random, tiny, IPC 2" in answer.out
    named = bench(*score, *options, "--name", "random", "--out", tmp_path / "out")
    assert (named.status, "choose another alias" in named.err) == (2, True)


def test_a_folder_pattern_is_read_once_per_seed(bench, tiny_run, finished, tmp_path):
    for seed in (0, 1):
        (made,) = (finished / "distilled" / "tiny" / "random" / "ipc1").glob(f"seed{seed}-*")
        shutil.copytree(made, tmp_path / "ours" / "tiny" / "ipc1" / f"seed{seed}")
    run = list(tiny_run)
    run[run.index("random,first")] = (
        f"ours=folder:{tmp_path}/ours/{{dataset}}/ipc{{ipc}}/seed{{seed}}"
    )
    run[run.index("1,2")] = "1"
    assert bench(*run, "--out", finished).status == 0
    rows = rows_of(bench("leaderboard", finished, "--format", "csv"))
    means = {r["method"]: r["mean"] for r in rows if (r["ipc"], r["metric"]) == ("1", "top1_last")}
    assert means["ours"] == means["random"]


def test_options_add_to_the_settings_of_a_suite_and_replace_its_other_keys(tmp_path):
    from bench import suites

    path = tmp_path / "mine.toml"
    path.write_text('methods = ["random"]\nsettings = ["protocol.epochs=2"]\nseeds = 5\n')
    spec = suites.load(str(path)).run_spec({"settings": ("protocol.lr=1",), "seeds": 2})
    assert spec.settings == ("protocol.epochs=2", "protocol.lr=1")
    assert (spec.methods, spec.seeds) == (("random",), 2)


def test_a_record_is_shown_by_key_by_file_and_by_cell(bench, finished):
    record = min((finished / "records").iterdir())
    whole = record.read_text().strip()
    assert bench("show", record).out.strip() == whole
    assert bench("show", record.stem, "--out", finished).out.strip() == whole
    cell = bench("show", "random,tiny,2", "--out", finished).out
    assert cell.count('"kind": "evaluation"') == 2
    assert bench("show", "kmeans,tiny,2", "--out", finished).status == 1


@pytest.mark.parametrize("kind", ["methods", "protocols", "students", "datasets", "suites"])
def test_what_is_listed_can_be_looked_at(kind, bench):
    listed = [line.split()[0] for line in bench("list", kind).out.splitlines()[1:]]
    assert listed
    for name in listed:
        if "<" not in name:
            answer = bench("list", kind, name)
            assert answer.status == 0, answer.err
            assert answer.out.strip()


def test_a_method_is_listed_with_fields_types_defaults_and_source(bench):
    page = bench("list", "methods", "kmeans").out
    assert "features: str = 'auto'" in page
    assert "n_init: int = 10" in page
    assert "Paper:" in page
    assert "Reference:" in page
    assert "optimizer: 'sgd' | 'adamw' = 'sgd'" in bench("list", "protocols", "hard").out


def test_a_spec_within_a_spec_is_shown_with_its_own_fields(bench):
    lines = bench("list", "methods", "dit").out.splitlines()
    assert "  sampling: Sampling" in lines
    assert "      scheduler: 'ddpm' | 'ddim' = 'ddpm'" in lines
    below = lines[lines.index("      steps: int = 50") + 1]
    assert below.startswith(" " * 10 + "Network evaluations per image")


def columns(text: str) -> dict[str, list[str]]:
    """Return the two cells of every row of a comparison that takes one line."""
    lines = [re.split(r"\s{2,}", line) for line in text.splitlines()]
    return {cells[0]: cells[1:] for cells in lines if len(cells) == 3}


def test_two_protocols_are_compared_in_the_fields_that_differ(bench):
    answer = bench("list", "protocols", "--diff", "hard/minimax", "hard/igd")
    assert answer.status == 0, answer.err
    rows = columns(answer.out)
    assert rows[""] == ["hard/minimax", "hard/igd"]
    assert rows["optimizer"] == ["sgd", "adamw"]
    assert rows["lr"] == ["None: 0.01, and 0.1 from 101 classes on", "0.001"]
    assert set(rows) == {"", "optimizer", "lr", "weight_decay"}
    assert "(table minimax)" in answer.out


def test_fields_of_a_comparison_that_tables_fill_name_the_table(bench):
    out = bench("list", "protocols", "--diff", "hard/minimax", "hard/d3hr").out
    assert columns(out)["table"] == ["minimax", "d3hr"]
    assert "None: every epoch (table d3hr)" in out
    # IDC is named, but its epochs are those of Minimax.
    out = bench("list", "protocols", "--diff", "hard/minimax", "hard/idc").out
    assert "(table idc)" in out
    assert not any(line.startswith("epochs") for line in out.splitlines())


def test_a_comparison_takes_requests_with_fields_and_aliases(bench):
    answer = bench("list", "protocols", "--diff", "hard/minimax", "hard/igd[epochs=300]")
    assert columns(answer.out)[""] == ["hard/minimax", "hard/igd+epochs=300"]
    assert "300" in next(line for line in answer.out.splitlines() if line.startswith("epochs"))
    same = bench("list", "protocols", "--diff", "hard", "hard/minimax[epochs_scale=1]")
    assert same.status == 0
    assert same.out == "hard/minimax and hard/minimax are equal in every field.\n"


def test_methods_and_students_are_compared_too(bench):
    nested = columns(bench("list", "methods", "--diff", "dit", "dit[steps=20]").out)
    assert nested["sampling.steps"] == ["50", "20"]
    other = columns(bench("list", "methods", "--diff", "random", "kmeans").out)
    assert other["n_init"] == ["no such field", "10"]
    assert "class" in other
    wide = columns(bench("list", "students", "--diff", "convnet3", "convnet3[width=64]").out)
    assert wide["width"] == ["128", "64"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["protocols", "--diff", "hard/igd", "hard/minima"], "Did you mean 'hard/minimax'?"),
        (["protocols", "--diff", "hard", "hard[epoch=3]"], "Did you mean 'epochs'?"),
        (["protocols", "--diff", "hard", "hard[epochs=1|2]"], "which is 2 of them: name one."),
        (["protocols", "--diff", "hard"], "requires 2 arguments"),
        (["protocols", "hard", "--diff", "hard", "hard/igd"], "got 'protocols hard' before it"),
        (["datasets", "--diff", "imagenette", "imagewoof"], "got 'datasets' before it"),
        (["--diff", "hard", "hard/igd"], "write `bench list protocols --diff A B`"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused_in_one_sentence(arguments, words, bench):
    answer = bench("list", *arguments)
    assert answer.status == 2
    assert words in answer.err
    assert answer.err.startswith("bench: ")
    assert answer.err.count("\n") == 1


def test_generators_and_suites_are_listed_with_a_sentence_each(bench):
    page = bench("list", "generators", "embedded").out
    assert "20 classes" in page
    assert "shapenette, shapewoof" in page
    assert bench("list", "generators", "nothing").status == 2
    listed = bench("list", "suites").out
    rows = dict(line.split(maxsplit=1) for line in listed.splitlines()[1:])
    assert rows["quick"].startswith("Every method on two procedural sets, small")
    assert rows["embedded-full"].startswith("The long comparison")


def test_every_field_of_every_registered_spec_is_explained(bench):
    from bench import documents
    from bench.backbones import STUDENTS
    from methods import METHODS
    from protocols import PROTOCOLS

    for name, spec in {**METHODS, **PROTOCOLS, **STUDENTS}.items():
        nested = [getattr(spec, field.name) for field in documents.fields(spec)]
        for one in (spec, *(value for value in nested if dataclasses.is_dataclass(value))):
            for field in documents.fields(one):
                assert field.text, f"{name}.{field.name}"


def test_the_doctor_finds_torch_the_cache_and_the_missing_data_root(bench, own_cache, tmp_path):
    answer = bench("doctor")
    assert answer.status == 0
    assert "torch" in answer.out
    assert str(own_cache) in answer.out
    assert "BENCH_DATA" in answer.out
    assert bench("doctor", "--data-root", tmp_path).status == 1


def test_the_doctor_names_the_remedy_for_a_cache_that_cannot_be_written(
    bench, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file" / "cache"))
    answer = bench("doctor")
    assert answer.status == 1
    assert "-> set BENCH_CACHE" in answer.out


@pytest.mark.parametrize(
    ("compiler", "words"),
    [(Path(sys.executable).as_posix(), "ok  C++ compiler"), ("nothing-like-it", "note  no C++")],
)
def test_the_doctor_says_whether_students_can_be_compiled(bench, monkeypatch, compiler, words):
    monkeypatch.setenv("CXX", compiler)
    answer = bench("doctor")
    assert words in answer.out
    assert ("train uncompiled" in answer.out) == words.startswith("note")


def test_output_into_a_closed_pipe_is_no_error(finished, tmp_path):
    command = f"{sys.executable} -c 'from bench.cli import main; main()' list | head -1"
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_a_terminal_gets_a_live_display_with_the_time_left(tiny_run, tmp_path, monkeypatch):
    import os
    import pty

    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "xterm-256color")
    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from bench.cli import main; main()", *tiny_run, "--out", "out"],
        cwd=tmp_path,
        stdout=side,
        stderr=side,
        stdin=side,
    )
    os.close(side)
    seen = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            part = os.read(main, 4096)
        except OSError:  # the other side has closed
            break
        if not part:
            break
        seen += part
    assert process.wait(timeout=60) == 0
    assert b"\x1b[" in seen
    assert b" left" in seen

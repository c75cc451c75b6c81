"""`bench report` on records that were written by hand: no run, no training."""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bench.store import Store

sys.path.append(str(Path(__file__).parent / "reports"))  # for `story`, which is no test

ALONE = """
import sys

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision", "timm", "sklearn", "diffusers"}:
            raise ModuleNotFoundError(f"{name} is not here", name=name)

sys.meta_path.insert(0, Refused())
from bench.cli import status_of
"""


def run_of(root: Path, *, small: bool = True, first: int | None = None) -> Path:
    """Write the run of a story; `first`: only so many of its records."""
    from story import story

    store = Store.open(root)
    told = story(root, small=small)
    for record in told.records[:first]:
        store.add(record)
    for failure in told.failures:
        store.add_failure(failure)
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the small story's run."""
    return run_of(tmp_path / "run")


def test_a_page_and_its_tables_are_written_and_the_last_line_says_where(bench, folder):
    answer = bench("report", folder)
    assert answer.status == 0
    report = folder / "report"
    assert answer.out.splitlines()[-1] == f"Report: {(report / 'index.html').resolve()}"
    assert {path.name for path in report.iterdir()} == {
        "index.html",
        "leaderboard.csv",
        "leaderboard.md",
    }
    assert "</html>" in (report / "index.html").read_text("utf-8")
    assert "### shapenette" in (report / "leaderboard.md").read_text("utf-8")


def test_a_report_is_written_again_over_the_last_one_with_the_same_bytes(bench, folder):
    bench("report", folder)
    first = {path.name: path.read_bytes() for path in (folder / "report").iterdir()}
    assert bench("report", folder).status == 0
    assert {path.name: path.read_bytes() for path in (folder / "report").iterdir()} == first


def test_a_run_with_a_report_in_it_is_still_a_run(bench, folder):
    before = bench("leaderboard", folder)
    bench("report", folder)
    assert bench("leaderboard", folder) == before


def test_it_is_written_where_it_is_asked_for_and_files_of_others_stay(bench, folder, tmp_path):
    out = tmp_path / "elsewhere"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert bench("report", folder, "-o", out).status == 0
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "index.html").exists()
    assert not (folder / "report").exists()


def test_an_index_of_something_else_is_not_overwritten(bench, folder, tmp_path):
    (tmp_path / "index.html").write_text("<title>my own page</title>")
    answer = bench("report", folder, "-o", tmp_path)
    assert answer.status == 2
    assert answer.err.strip() == (
        f"bench: `-o` must be a folder of its own, {str(tmp_path)!r} holds an index.html of "
        "something else: choose another one."
    )
    assert (tmp_path / "index.html").read_text() == "<title>my own page</title>"


@pytest.mark.parametrize(
    "name", ["leaderboard.csv", "leaderboard.md", "paper/references.bib", "paper/tables/mine.tex"]
)
def test_no_file_of_others_is_overwritten_and_nothing_is_written_beside(
    bench, folder, tmp_path, name
):
    mine = tmp_path / "mine" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    answer = bench("report", folder, "-o", tmp_path / "mine", "--paper")
    assert answer.status == 2
    assert answer.err.strip().endswith("of something else: choose another one.")
    assert [path for path in (tmp_path / "mine").rglob("*") if path.is_file()] == [mine]
    assert mine.read_text() == "mine"


def test_inside_a_run_only_its_report_is_written_to(bench, folder):
    assert bench("report", folder, "-o", folder / "records").status == 2
    assert not (folder / "records" / "index.html").exists()
    assert bench("report", folder, "-o", folder / "report" / "small").status == 0


def test_a_file_in_place_of_the_paper_or_a_folder_of_its_page_is_one_sentence(bench, folder):
    (folder / "report").mkdir()
    paper = folder / "report" / "paper"
    paper.write_text("mine")
    answers = [bench("report", folder, "--paper")]
    paper.unlink()
    (paper / "paper.tex").mkdir(parents=True)
    answers.append(bench("report", folder, "--paper"))
    for answer in answers:
        assert answer.status == 2
        assert len(answer.err.strip().splitlines()) == 1
    assert not (folder / "report" / "index.html").exists()


def test_an_empty_list_of_sets_is_refused_and_not_called_a_run_without_records(bench, folder):
    answer = bench("report", folder, "--datasets", "")
    assert answer.status == 2
    assert answer.err.strip() == (
        "bench: `--datasets` expects names with commas between them, got none."
    )
    assert not (folder / "report").exists()


def test_a_paper_that_is_not_written_again_is_said_to_be_older(bench, folder):
    (folder / "report" / "paper").mkdir(parents=True)
    assert "earlier report" not in bench("report", folder).err
    (folder / "report" / "paper" / "paper.tex").write_text("")
    assert "is of an earlier report: add `--paper`" in bench("report", folder).err


def test_neither_the_folder_of_a_run_nor_a_file_is_written_to(bench, folder, tmp_path):
    assert bench("report", folder, "-o", folder).status == 2
    assert not (folder / "index.html").exists()
    (tmp_path / "file").write_text("")
    answer = bench("report", folder, "-o", tmp_path / "file")
    assert answer.status == 2
    assert "must be a folder that can be written" in answer.err


def test_sets_and_sizes_can_be_chosen(bench, tmp_path):
    folder = run_of(tmp_path / "run", small=False)
    assert bench("report", folder, "--datasets", "shapewoof", "--ipc", "10").status == 0
    with (folder / "report" / "leaderboard.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["dataset"] for row in rows} == {"shapewoof"}
    assert {row["ipc"] for row in rows} == {"10", ""}
    assert "shapenette" not in (folder / "report" / "leaderboard.md").read_text("utf-8")
    page = (folder / "report" / "index.html").read_text("utf-8")
    assert "difference.safetensors" not in page  # both failures are of shapenette
    assert (
        "This page shows 1 of the 2 real sets and 1 of the 2 IPCs that were run: "
        "<code>shapenette</code> and IPC 1 stand in the folder but not here."
    ) in page
    assert "What is shown was selected (1 of the 2 real sets and 1 of the 2 IPCs)" in page
    assert "Of what is left out 2 units failed." in page


def test_a_selection_of_everything_is_none(bench, folder):
    assert bench("report", folder).status == 0
    whole = (folder / "report" / "index.html").read_bytes()
    assert b"This page shows" not in whole
    assert bench("report", folder, "--datasets", "shapenette").status == 0
    assert (folder / "report" / "index.html").read_bytes() == whole


def test_the_paragraph_of_a_paper_says_what_was_left_out(bench, tmp_path):
    folder = run_of(tmp_path / "run", small=False)
    assert bench("report", folder, "--paper", "--ipc", "1").status == 0
    paragraph = (folder / "report" / "paper" / "protocol.tex").read_text("utf-8")
    assert "Of the same run IPC 10 was left out here" in paragraph


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--datasets", "shapenet"], "Unknown dataset 'shapenet'. Did you mean 'shapenette'?"),
        (["--ipc", "50"], "Unknown IPC '50'."),
        (["--ipc", "ten"], "`--ipc` expects whole numbers"),
        (["--spread", "range"], "Unknown value 'range' of '--spread'."),
    ],
)
def test_what_was_not_run_is_refused(bench, folder, arguments, message):
    answer = bench("report", folder, *arguments)
    assert answer.status == 2
    assert message in answer.err
    assert not (folder / "report").exists()


def test_a_folder_without_a_run_or_without_records_is_refused(bench, tmp_path):
    assert bench("report", tmp_path / "nothing").status == 2
    failures_only = run_of(tmp_path / "failed", first=0)
    answer = bench("report", failures_only)
    assert answer.status == 1
    assert "has no evaluated records yet: run `bench run --out " in answer.err


def test_failures_that_were_made_good_are_left_out(bench, folder):
    """The story's one failure is of a unit that has no record; then it gets one."""
    from msgspec.structs import replace

    store = Store.existing(folder)
    assert bench("report", folder).status == 0
    assert "difference.safetensors" in (folder / "report" / "index.html").read_text("utf-8")
    one = next(store.records())
    store.add(replace(one, key="failed1"))
    assert bench("report", folder).status == 0
    page = (folder / "report" / "index.html").read_text("utf-8")
    assert "difference.safetensors" not in page
    assert "1 unit failed at first and succeeded when tried again." in page


def test_a_title_is_that_of_the_page(bench, folder):
    assert bench("report", folder, "--title", "Ours & <theirs>").status == 0
    page = (folder / "report" / "index.html").read_text("utf-8")
    assert "Ours &amp; &lt;theirs&gt;" in page
    assert "<theirs>" not in page


def test_a_run_of_one_record_has_a_page(bench, tmp_path):
    assert bench("report", run_of(tmp_path / "run", first=3)).status == 0


def test_leaderboards_are_printed_as_latex_by_method_only(bench, folder):
    answer = bench("leaderboard", folder, "--format", "latex")
    assert answer.status == 0
    assert "\\begin{tabular}" in answer.out
    refused = bench("leaderboard", folder, "--format", "latex", "--by", "architecture")
    assert refused.status == 2
    assert "`--format latex` is for tables by method" in refused.err
    assert bench("audit", "mgd3", folder, "--format", "latex").status == 2


def test_reports_are_made_where_there_is_no_torch(folder, tmp_path):
    commands = [
        ["report", str(folder), "--paper"],
        ["cite", str(folder)],
        ["leaderboard", str(folder), "--format", "latex"],
        ["leaderboard", str(folder)],
    ]
    path = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": str(tmp_path)}  # and no pdflatex
    done = subprocess.run(
        [sys.executable, "-c", f"{ALONE}print([status_of(c) for c in {commands!r}])"],
        cwd=tmp_path,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[0, 0, 0, 0]"
    assert (folder / "report" / "paper" / "paper.tex").exists()
    assert (folder / "report" / "paper" / "references.bib").exists()
    assert "pdflatex" in done.stderr


def test_a_run_ends_by_naming_the_command_that_makes_a_page(bench, tiny_run, tmp_path):
    out = tmp_path / "a run"
    answer = bench(*tiny_run, "--out", out)
    line = answer.err.splitlines()[-1]
    command = re.fullmatch("A page of this run: `bench (.*)`", line)
    assert command is not None, line
    assert shlex.split(command[1]) == ["report", str(out)]
    assert bench(*shlex.split(command[1])).status == 0

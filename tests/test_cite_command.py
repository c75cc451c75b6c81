"""`bench cite` on records that were written by hand: no run, no training."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pybtex.database import parse_string

from bench.store import Store

sys.path.append(str(Path(__file__).parent / "reports"))  # for `story`, which is no test


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the small story's run."""
    from story import story

    store = Store.open(tmp_path / "run")
    for record in story(store.root, small=True).records:
        store.add(record)
    return store.root


def test_the_output_is_bibtex_as_a_whole_with_the_paragraph_in_comments(bench, folder):
    answer = bench("cite", folder)
    assert (answer.status, answer.err) == (0, "")
    found = parse_string(answer.out, "bibtex").entries
    assert {"gu2024minimax", "su2026dap", "distillationbench"} <= set(found)
    comments = answer.out[: answer.out.index("\n@")].splitlines()
    assert all(line.startswith("%") or not line for line in comments)
    assert "departs from the published setting in `epochs=60`" in " ".join(
        line.removeprefix("% ") for line in comments
    )


def test_parts_can_be_printed_alone(bench, folder):
    entries = bench("cite", folder, "--part", "bibtex").out
    assert entries.startswith("@")
    assert bench("cite", folder).out.endswith(entries)
    paragraph = bench("cite", folder, "--part", "paragraph").out
    assert r"\texttt{hard/minimax}~\cite{gu2024minimax,kim2022idc}" in paragraph
    assert "@" not in paragraph


def test_an_unknown_part_is_refused(bench, folder):
    answer = bench("cite", folder, "--part", "bib")
    assert answer.status == 2
    assert "Unknown part 'bib'. Did you mean 'bibtex'?" in answer.err


def test_a_folder_without_a_run_or_without_records_is_refused(bench, tmp_path):
    assert bench("cite", tmp_path / "nothing").status == 2
    Store.open(tmp_path / "empty")
    answer = bench("cite", tmp_path / "empty")
    assert answer.status == 1
    assert "has no evaluated records yet" in answer.err

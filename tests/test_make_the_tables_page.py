"""The lines of Python on the page for authors do what the page says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.store import Store

sys.path.append(str(Path(__file__).parent / "reports"))  # for `story`, which is no test


@pytest.fixture
def example(python_of):
    (code,) = (one for one in python_of("make-the-tables.md") if "leaderboards.frame" in one)
    return code


def test_the_numbers_of_a_run_are_a_table_of_pandas(example, tmp_path, monkeypatch, capsys):
    from story import METHODS, number, story

    store = Store.open(tmp_path / "runs" / "default")
    for record in story(tmp_path / "drawn", small=True).records:
        store.add(record)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "make-the-tables.md", "exec"), names := {})
    told = capsys.readouterr().out
    assert all(method in told for method in METHODS)
    last = names["last"]
    for method in METHODS:
        first = last[(last.method == method) & (last["repeat"] == 0)].sort_values("set")
        expected = [number("shapenette", 10, method, seed) for seed in (0, 1, 2)]
        assert first.number.tolist() == pytest.approx(expected)

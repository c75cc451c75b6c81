"""Two students in one run: the table by architecture, its reference, and what is refused."""

from __future__ import annotations

import csv
import io

import pytest


@pytest.fixture
def two_students(bench, tiny_run, tmp_path):
    """Return the folder of a run of two students, and what it has printed."""
    run = [*tiny_run, "--out", str(tmp_path / "out")]
    run[run.index("convnet2[width=4]")] = "convnet2[width=4],convnet1[width=4]"
    run[run.index("1,2")] = "1"
    answer = bench(*run)
    assert answer.status == 0, answer.err
    return tmp_path / "out", answer.out


def table(answer) -> list[dict[str, str]]:
    assert answer.status == 0, answer.err
    return list(csv.DictReader(io.StringIO(answer.out)))


def test_drops_by_architecture_are_printed_with_the_first_student_as_reference(bench, two_students):
    out, said = two_students
    assert "reference convnet2+width=4" in said
    ask = ("leaderboard", out, "--by", "architecture", "--format", "csv")
    lines = table(bench(*ask))
    means = {(line["student"], line["method"]): float(line["mean"]) for line in lines}
    assert len(lines) == 4
    for line in lines:
        if line["drop"]:
            first = means["convnet2+width=4", line["method"]]
            # Every student has its pair here, so that the means differ by the drop.
            assert float(line["drop"]) == pytest.approx(first - float(line["mean"]), abs=1e-9)
    turned = table(bench(*ask, "--reference", "convnet1[width=4]"))
    assert {line["reference"] for line in turned} == {"convnet1+width=4"}
    assert "| student |" in bench(*ask[:-1], "markdown").out


def test_what_cannot_be_compared_is_refused(bench, two_students, tiny_run, tmp_path):
    out, _ = two_students
    for extra, words in (
        (("--by", "architecture", "--reference", "convnet9"), "Unknown student 'convnet9'"),
        (("--by", "students"), "Known values: architecture"),
        (("--reference", "convnet1"), "--by architecture"),
    ):
        answer = bench("leaderboard", out, *extra)
        assert answer.status == 2
        assert words in answer.err
    alone = tmp_path / "alone"
    assert bench(*tiny_run, "--out", alone).status == 0
    answer = bench("leaderboard", alone, "--by", "architecture")
    assert answer.status == 1
    assert "--students" in answer.err

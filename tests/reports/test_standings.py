"""Average ranks on a terminal and as Markdown."""

from __future__ import annotations

import dataclasses
import io

from rich.console import Console

from leaderboards.ranks.standings import Standing
from reports.standings import LEGEND, markdown, terminal

STANDING = Standing(
    protocol="hard",
    metric="top1_last",
    distinction="",
    cells=3,
    methods=("kmeans", "random|x"),
    mean_rank=(1.0, 2.25),
    low=(1.0, 1.5),
    high=(1.0, 3.0),
    left_out=0,
)


def printed(*standings: Standing) -> str:
    out = io.StringIO()
    terminal(standings, Console(file=out, width=100, color_system=None))
    return out.getvalue()


def test_a_terminal_shows_score_number_of_comparisons_and_rank_with_its_interval():
    text = printed(STANDING)
    assert "hard · top-1 · average rank over 3 comparisons that every method has\n" in text
    assert [line.strip().split(maxsplit=1) for line in text.splitlines() if "[" in line][:2] == [
        ["kmeans", "1.0 [1.0, 1.0]"],
        ["random|x", "2.2 [1.5, 3.0]"],
    ]


def test_markdown_is_a_table_that_hostile_names_do_not_break():
    lines = markdown([STANDING]).splitlines()
    assert lines[0] == "### hard · top-1 · average rank over 3 comparisons that every method has"
    assert lines[2:6] == [
        "| method | average rank |",
        "| :--- | ---: |",
        "| kmeans | 1.0 [1.0, 1.0] |",
        r"| random\|x | 2.2 [1.5, 3.0] |",
    ]
    assert lines[7] == LEGEND


def test_columns_that_were_left_out_are_counted():
    fewer = dataclasses.replace(STANDING, left_out=2, distinction="extractor=embedded")
    text = "hard · top-1 (extractor=embedded) · average rank over 3 comparisons that every method"
    assert f"{text} has; 2 others left out" in markdown([fewer])


def test_where_no_column_is_complete_it_is_said_that_there_is_no_average():
    none = dataclasses.replace(
        STANDING, cells=1, methods=(), mean_rank=(), low=(), high=(), left_out=2
    )
    said = (
        "hard · top-1 · no average rank: that takes two comparisons in which every method was "
        "tested, here 1 of 3"
    )
    assert markdown([none]) == f"{said}\n"
    assert " ".join(printed(none).split()) == said


def test_it_is_said_that_overlapping_intervals_have_no_order():
    assert "methods whose intervals overlap have no order" in " ".join(printed(STANDING).split())


def test_nothing_is_said_of_nothing():
    assert markdown([]) == ""
    assert printed() == ""


def test_control_characters_of_names_are_not_printed():
    hostile = dataclasses.replace(STANDING, methods=("a\x1b[2J", "b"))
    assert "\x1b" not in printed(hostile) + markdown([hostile])

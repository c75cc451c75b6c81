from __future__ import annotations

import io
import math
import unicodedata

import pytest
from hostile import hostile, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console

from leaderboards import build
from reports import terminal
from reports.plain import plain


def printed(records, width=100, **options) -> str:
    out = io.StringIO()
    terminal.render(build(records), Console(file=out, width=width, **options))
    return out.getvalue()


def test_without_boards_nothing_is_printed():
    assert printed([]) == ""


def test_the_main_job_fits_a_hundred_columns_with_one_table_a_board(main_job):
    lines = printed(main_job).splitlines()
    assert max(map(cell_len, lines)) <= 100
    assert sum(line.strip().startswith("method ") for line in lines) == 2


def test_rows_hold_rank_scores_interval_counts_and_costs(main_job):
    """Means of the sets are 35 1/6 and 36 1/6; t with one degree of freedom is tan(0.475 pi)."""
    half = math.tan(0.475 * math.pi) * 0.5
    lines = [line.split() for line in printed(main_job).splitlines()]
    (kmeans, _) = [line for line in lines if line[:1] == ["kmeans"]]
    interval = f"[{35 + 2 / 3 - half:.1f}, {35 + 2 / 3 + half:.1f}]"
    expected = f"kmeans 1 a 35.7 ± 0.6 {interval} 36.0 ± 0.6 4/2 100 12.3 kB 2.5"
    assert kmeans == expected.split()


def test_caption_and_legend_stand_above_and_below(main_job):
    text = " ".join(printed(main_job).split())
    assert "nette · IPC 1 · train train @ 11112222 · test val @ 33334444" in text
    assert "best epoch is chosen on the test set and never ranked" in text
    assert "cost: seconds without shared artefacts" in text


@pytest.mark.parametrize("width", [50, 60, 80])
def test_a_narrow_terminal_gets_more_tables_and_loses_nothing(record, width):
    nets = ("convnet3", "resnet18", "resnet50")
    records = [record(student=net, last=10.0 * i) for i, net in enumerate(nets, start=1)]
    text = printed(records, width)
    assert max(map(cell_len, text.splitlines())) <= width
    for value in ("10.0", "10.3", "20.0", "20.3", "30.0", "30.3", *nets):
        assert value in text


def test_brackets_of_a_name_are_no_markup(record):
    assert "kmeans[bold]x[/]" in printed([record("kmeans[bold]x[/]")])


def test_colour_follows_the_console(main_job, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;32m" in printed(main_job, force_terminal=True, color_system="standard")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "32m" not in printed(main_job, force_terminal=True, color_system="standard")


@settings(deadline=None)
@given(st.text(max_size=12))
def test_no_control_character_of_a_name_reaches_the_terminal(record, name):
    text = printed([record(name, dataset=name, protocol=name, student=name)], width=300)
    assert {unicodedata.category(char) for char in text.replace("\n", "")}.isdisjoint({"Cc", "Cf"})


def test_a_score_whose_name_cannot_be_seen_is_printed_all_the_same(images):
    nameless = replace(images(), scores={"\x07": 12345.0}, cards={})
    assert "12,345" in printed([nameless])


def test_plain_text_keeps_words_apart_and_drops_what_cannot_be_seen():
    assert plain("a\tb\nc\u2028d") == "a b c d"
    assert plain("\x1b[31mred\x07 \u202eevil\u200b") == "[31mred evil"


def test_a_table_leaves_out_the_methods_that_it_says_nothing_of(record):
    records = [
        record("random", protocol="hard"),
        record("mgd3", protocol="hard"),
        record("random", protocol="soft"),
    ]
    tables = printed(records, width=40).split("soft")[1]
    assert "random" in tables
    assert "mgd3" not in tables.partition("top-1 is")[0]


def test_the_legend_stands_once_below_all_boards(main_job):
    text = " ".join(printed(main_job).split())
    assert text.count("mean ± sample std") == 1
    assert text.index("mean ± sample std") > text.index("IPC 10")


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_block_that_is_too_wide_is_printed_in_parts_and_no_number_is_broken(
    record, images, width
):
    records = [
        one
        for method in ("random", "mgd3+sampling[scheduler=ddim,steps=20]")
        for seed in range(3)
        for one in (
            record(method, at=(seed, 0), last=30.0 + seed),
            images(method, seed, fid=140.0 + seed, kid=0.0101 + seed / 1000),
        )
    ]
    text = printed(records, width)
    assert max(map(cell_len, text.splitlines())) <= width
    for number in ("31.0 ± 1.0 [28.5, 33.5]", "141.0 ± 1.0 [138.5, 143.5]", "0.0111 ± 0.0010"):
        assert number in text
    for word in ("hard", "convnet3", "inception", "distribution", "resnet", "embedding"):
        assert word in text


def test_a_wide_terminal_takes_accuracy_fid_embedding_and_cost_in_one_table(record, images, cost):
    records = [one for s in range(3) for one in (record(at=(s, 0)), images(seed=s), cost(seed=s))]
    text = printed(records, 200)
    (heading,) = [line for line in text.splitlines() if line.strip().startswith("method ")]
    order = ["top-1 %", "FID of 50 ↓", "KID of 50 ↓", "embedding l2 ↓", "distil s"]
    places = [heading.index(title) for title in order]
    assert places == sorted(places)


def test_a_long_method_is_broken_where_its_fields_are_and_read_as_one(record):
    name = "mgd3+sampling[scheduler=ddim,steps=20],strength=0.25"
    text = printed([record(name)], 80)
    table = text.partition("─ \n")[2].partition("top-1 is")[0]
    words = [line.split()[0] for line in table.splitlines() if line.strip()]
    assert len(words) > 1
    assert "".join(words) == name


def test_all_scores_are_printed_if_asked_for(images):
    out = io.StringIO()
    boards = build([images()])
    assert "coverage" not in printed([images()]).partition("--all-scores")[0]
    terminal.render(boards, Console(file=out, width=200), all_scores=True)
    assert "coverage" in out.getvalue()


def test_no_text_of_a_run_moves_the_cursor_or_turns_the_line(told_small):
    @settings(deadline=None, max_examples=30)
    @given(texts())
    def check(text):
        printed_text = printed(hostile(told_small.records, text), width=150)
        categories = {unicodedata.category(char) for char in printed_text if char != "\n"}
        assert categories.isdisjoint({"Cc", "Cf", "Cs"})

    check()

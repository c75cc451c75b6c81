from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console

from leaderboards import build
from reports import terminal
from reports.layout import notes, plain


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


def test_rows_hold_rank_scores_counts_and_costs(main_job):
    lines = [line.split() for line in printed(main_job).splitlines()]
    (kmeans, _) = [line for line in lines if line[:1] == ["kmeans"]]
    assert kmeans == "kmeans 1 35.7 ± 0.6 36.0 ± 0.6 4/2 100 12.3 kB 2.5".split()


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


def test_plain_text_keeps_words_apart_and_drops_what_cannot_be_seen():
    assert plain("a\tb\nc\u2028d") == "a b c d"
    assert plain("\x1b[31mred\x07 \u202eevil\u200b") == "[31mred evil"


def test_figures_of_a_drawn_set_say_so(record):
    drawn, own = record(dataset="shapes"), record(dataset="photos")
    drawn = replace(drawn, data=replace(drawn.data, train_split="drawn", test_split="drawn"))
    for one, said in ((drawn, True), (own, False)):
        found = [note for board in build([one]) for note in notes(board) if "drawn" in note]
        assert bool(found) is said
        assert all("shapes is drawn, not photographed" in note for note in found)


def test_a_table_leaves_out_the_methods_that_it_says_nothing_of(record):
    records = [
        record("random", protocol="hard"),
        record("mgd3", protocol="hard"),
        record("random", protocol="soft"),
    ]
    tables = printed(records, width=40).split("soft")[1]
    assert "random" in tables
    assert "mgd3" not in tables.partition("top-1 is")[0]

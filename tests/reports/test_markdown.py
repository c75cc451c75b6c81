from __future__ import annotations

import math

import pytest
from hostile import hostile, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from leaderboards import build
from reports import markdown
from reports.plain import plain

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TROUBLE = st.text(st.sampled_from("|\\`*_~<>&[]()!#$:=-+.1a \n\t\x1b\u202e"), max_size=12)


def tables(text: str) -> list[list[list[str]]]:
    """Return the text of every cell of every table, as a Markdown reader shows it."""
    found: list[list[list[str]]] = []
    tokens = READER.parse(text)
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("td_open", "th_open"):
            found[-1][-1].append(shown(tokens[index + 1]))
    return found


def shown(token) -> str:
    allowed = {"text", "strong_open", "strong_close"}
    assert {child.type for child in token.children} <= allowed
    return "".join(child.content for child in token.children)


def test_without_boards_nothing_is_written():
    assert markdown.render([]) == ""


def test_every_board_is_a_table_of_its_rows(main_job):
    boards = build(main_job)
    read = tables(markdown.render(boards))
    assert [[line[0] for line in table] for table in read] == [
        ["method", *(row.method for row in board.rows)] for board in boards
    ]


def test_means_deviations_intervals_and_counts_stand_in_the_table(record, cost):
    """Means of the sets are 21 and 25; t with one degree of freedom is tan(0.475 pi)."""
    values = {(0, 0): 20.0, (0, 1): 22.0, (1, 0): 24.0, (1, 1): 26.0}
    half = math.tan(0.475 * math.pi) * 2
    records = [record(at=at, last=value) for at, value in values.items()]
    ((heading, line),) = tables(markdown.render(build([*records, cost()])))
    assert heading == [
        *("method", "hard · convnet3 · top-1 %", "hard · convnet3 · best epoch %", "n"),
        *("images", "size", "distil s"),
    ]
    interval = f"[{23 - half:.1f}, {23 + half:.1f}]"
    assert line == [
        *("random", f"23.0 ± 2.6 {interval}", "23.3 ± 2.6", "4/2"),
        *("100", "12.3 kB", "2.5"),
    ]


def test_ranks_with_letters_stand_before_the_score_and_the_best_are_bold(main_job):
    text = markdown.render(build(main_job))
    heading, kmeans, random, *_ = tables(text)[0]
    assert heading[1:3] == ["#", "hard+epochs=300,resolution=32 · convnet3+width=64 · top-1 %"]
    assert (kmeans[1], random[1]) == ("1 a", "2 b")
    assert "| kmeans | **1 a** | **35.7 ± 0.6" in text
    assert "| random | 2 b | 30.7 ± 0.6" in text


def test_scores_of_the_images_are_headed_by_protocol_and_network(record, images):
    ((heading, _),) = tables(markdown.render(build([record(), images()])))
    assert heading[4:] == [
        *("fidelity · inception · FID of 50 ↓", "fidelity · inception · KID of 50 ↓", "n"),
        *("fidelity · resnet · embedding l2 ↓", "n"),
    ]
    ((heading, _),) = tables(markdown.render(build([images()]), all_scores=True))
    assert "fidelity · inception · coverage of 50" in heading


def test_caption_and_legend_stand_above_and_below(main_job):
    text = markdown.render(build(main_job))
    assert text.count("mean ± sample std") == 1
    assert "### nette · IPC 1 · train train @ 11112222 · test val @ 33334444" in text
    assert "best epoch is chosen on the test set and never ranked" in text
    assert "mean ± sample std over n = students/sets" in text
    assert "cost: seconds without shared artefacts" in text


def test_a_remark_on_a_method_stands_below_the_table(record):
    noted = record("dap")
    noted = replace(noted, method=replace(noted.method, remark="our reading"))
    assert "- method dap: our reading\n" in markdown.render(build([noted, record("dit")])) + "\n"


def test_the_legend_explains_no_column_that_is_not_there(cost):
    text = markdown.render(build([cost()]))
    assert "cost: seconds" in text
    assert "best epoch" not in text


@pytest.mark.parametrize(
    "name",
    [
        *("[a](b)", "![a](b)", "<b>x</b>", "<http://a.b>", "&lt;", "a|b", "a\\|b", "`a|b`"),
        *("**a**", "_a_", "~~a~~", "a\\", "$a$", "convnet3[width=64]", "a\nb"),
    ],
)
def test_markup_in_a_name_is_shown_as_it_is(record, name):
    ((_, line),) = tables(markdown.render(build([record(name)])))
    assert line[0] == plain(name)


@pytest.mark.parametrize("name", ["@someone", "https://a.b/c", "www.a.b", "x@y.z"])
def test_no_name_is_an_address_or_calls_anyone(record, name):
    text = markdown.render(build([record(name)]))
    assert name not in text
    ((_, line),) = tables(text)
    assert line[0] == name


@settings(deadline=None)
@given(TROUBLE | st.text(max_size=12))
def test_any_name_is_shown_as_it_is_in_its_own_cell(record, name):
    text = markdown.render(build([record(name, protocol=name, dataset=name)]))
    ((heading, line),) = tables(text)
    assert line[0] == plain(name)
    assert heading[1] == " · ".join(part for part in (plain(name), "convnet3", "top-1 %") if part)
    title = READER.parse(text)[1]
    assert shown(title).startswith(plain(name))


@settings(deadline=None)
@given(TROUBLE)
def test_any_identity_is_shown_as_it_is_below_the_table(record, name):
    method = replace(record("x").method, identity=name)
    tokens = READER.parse(markdown.render(build([replace(record(), method=method)])))
    notes = [shown(token) for token in tokens if token.content.startswith("method x")]
    assert notes == [f"method x is {plain(name)}".strip()]


def test_a_cell_under_another_protocol_than_its_column_is_marked_and_explained(record):
    reference = record("full", None)
    other = replace(reference.protocol, identity="hard+epochs=300")
    text = markdown.render(build([record(), replace(reference, protocol=other)]))
    ((_, random, full),) = tables(text)
    assert [cell.endswith("‡") for cell in (random[1], full[1])] == [False, True]
    assert "- ‡ method full has no IPC and was run under hard+epochs=300" in text


@pytest.mark.parametrize("text", ["# x", "> x", "- x", "+ x", "= x", "1. x", "12) x", "-", "#"])
def test_no_text_begins_a_heading_a_quote_or_a_list(text):
    inner = READER.parse(f"- {markdown.escape(text)}\n")
    assert [token.type for token in inner] == [
        *("bullet_list_open", "list_item_open", "paragraph_open", "inline"),
        *("paragraph_close", "list_item_close", "bullet_list_close"),
    ]
    assert [token.content.replace("\\", "") for token in inner if token.content] == [text]


@pytest.mark.parametrize("text", ["-3.2", "1.5", "+0.1", "12"])
def test_numbers_stand_as_they_are(text):
    assert markdown.escape(text) == text


def skeleton(text: str) -> list[tuple[str, list[str]]]:
    """Return the kinds of all parts of a document, but for the number of pieces of a text."""
    return [
        (token.type, list(dict.fromkeys(child.type for child in token.children or ())))
        for token in READER.parse(text)
    ]


def test_texts_of_a_run_are_markup_nowhere(told_small):
    def read(text: str) -> list[tuple[str, list[str]]]:
        boards = build(hostile(told_small.records, text))
        return skeleton(markdown.render(boards, all_scores=True))

    letters = read("letters")

    @settings(deadline=None, max_examples=20)
    @given(texts().filter(plain))  # of a remark that cannot be seen there is no line
    def check(text):
        assert read(text) == letters

    check()

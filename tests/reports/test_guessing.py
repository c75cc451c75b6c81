"""Where students only guess, tables say so wherever they are printed."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from rich.console import Console

from leaderboards import build
from leaderboards.guessing import guessing
from reports import markdown, terminal
from reports.paper import latex


def caption(boards):
    return " ".join(latex.render(boards).split()).partition(r"\label")[0]


def printed(boards):
    console = Console(width=200)
    with console.capture() as capture:
        terminal.render(boards, console)
    return " ".join(capture.get().split())


def with_classes(one, classes):
    return replace(one, data=replace(one.data, num_classes=classes))


@pytest.mark.parametrize(("classes", "said"), [(10, "10"), (8, "12.5"), (200, "")])
def test_captions_and_notes_say_what_guessing_gives_where_nothing_is_much_better(
    record, classes, said
):
    boards = build([with_classes(record(method, last=11.0), classes) for method in "ab"])
    found = (
        (caption(boards), rf"Guessing gives {said}\,\%: no method does much better."),
        (markdown.render(boards), f"top-1: guessing gives {said} %"),
        (printed(boards), f"top-1: guessing gives {said} %"),
    )
    for text, sentence in found:
        assert ("uessing" in text) is bool(said)
        assert (sentence in text) is bool(said)


def test_a_caption_names_the_columns_that_are_next_to_guessing(record):
    boards = build([record(m, ipc, last=ipc + 10.0) for m in "ab" for ipc in (1, 50)])
    assert r"no method does much better on nette at IPC 1. " in caption(boards)
    first, second = markdown.render(boards).split("IPC 50")
    assert ("guessing" in first, "guessing" in second) == (True, False)


def test_one_good_method_a_reference_or_a_score_of_images_is_told_apart(record, images):
    near = [record(m, last=10.0) for m in "ab"]

    def found(*more):
        (board,) = build([*near, *more])
        places = range(len(board.columns))
        shown = [board.columns[p].metric for p in places if guessing(board, p) is not None]
        return [metric for metric in shown if metric == "top1_last" or "top1" not in metric]

    assert found(record("full", None, last=90.0), images("a")) == ["top1_last"]
    assert found(record("c", last=12.5)) == []

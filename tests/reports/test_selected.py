from __future__ import annotations

from dataclasses import replace

import pytest
from made import WORST, board, material, texts, words

from reports.material import Selection
from reports.words import protocol_words
from reports.words.compared import compared
from reports.words.limits import limits
from reports.words.selected import as_a_limit, in_a_paper, on_the_page
from reports.words.sentences import text_of

SETS = Selection(("shapewoof",), ("shapenette",), (1, 10), ())
BOTH = Selection(("a",), ("b", "c"), (10,), (1, 50))


def test_what_is_shown_and_what_is_left_out_is_named_and_counted():
    assert text_of(on_the_page(SETS)).startswith(
        "This page shows 1 of the 2 real sets that were run: `shapenette` stands in the folder "
        "but not here."
    )
    assert text_of(on_the_page(BOTH)).startswith(
        "This page shows 1 of the 3 real sets and 1 of the 3 IPCs that were run: `b`, `c`, IPC 1 "
        "and IPC 50 stand in the folder but not here."
    )
    many = replace(SETS, other_datasets=tuple("abcdefgh"))
    assert ": `a`, `b`, `c`, `d`, `e` and 3 more stand in" in text_of(on_the_page(many))
    assert text_of(in_a_paper(SETS)).startswith(" Of the same run `shapenette` was left out here:")
    assert " were left out here:" in text_of(in_a_paper(BOTH))


def test_that_corrections_are_within_the_selection_is_said_wherever_it_is():
    for said in (on_the_page, in_a_paper):
        assert "corrections for their number, are within what is" in text_of(said(SETS))
    assert text_of(as_a_limit(SETS)).startswith("What is shown was selected (1 of the 2 real sets)")


def test_failures_of_what_is_left_out_are_counted():
    said = " Of what is left out 2 units failed."
    for tell in (on_the_page, in_a_paper):
        assert text_of(tell(replace(BOTH, other_failures=2))) == text_of(tell(BOTH)) + said


def test_a_selection_is_told_in_the_overview_in_the_limits_and_in_the_paragraph(told_small):
    whole = told_small.material
    part = replace(whole, selection=SETS)
    said = text_of(on_the_page(SETS))
    assert [one for one in texts(compared(part)) if one not in texts(compared(whole))] == [said]
    assert texts(limits(part)) == [text_of(as_a_limit(SETS)), *texts(limits(whole))]
    said = r"Of the same run \texttt{shapenette} was left out here"
    assert said in protocol_words.latex(part)
    assert said not in protocol_words.latex(whole)


def test_without_a_selection_nothing_is_said_of_one():
    made = material(board({"a": 40.0, "b": 20.0}))
    assert not any("folder" in one for one in texts(compared(made)))
    assert not any("selected" in one for one in texts(limits(made)))


@pytest.mark.parametrize("text", WORST)
@pytest.mark.parametrize("said", [on_the_page, as_a_limit, in_a_paper])
def test_names_from_data_are_never_part_of_the_words(said, text):
    found, plainly = (said(replace(BOTH, other_datasets=(name,))) for name in (text, "x"))
    assert words([found]) == words([plainly])

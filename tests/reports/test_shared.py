"""What two captions say together, and which figures share one."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.drawings.chart import Axis, Chart, Cloud, Line, Mark
from reports.paper import figures, rows
from reports.paper.shared import differing, together


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("On nette at IPC 5.", "On woof at IPC 5.", "On (a) nette and (b) woof at IPC 5."),
        ("At IPC 1, by x", "At IPC 10, by x", "At IPC (a) 1 and (b) 10, by x"),
        ("So it is shown.", "So it is not shown.", "So it is (a) shown and (b) not shown."),
        ("FID by accuracy on x", "KID by accuracy on x", "(a) FID and (b) KID by accuracy on x"),
        ("Energy of all", "Influence of all", "(a) Energy and (b) influence of all"),
        ("a b c d", "a b c d e", "a b c (a) d and (b) d e"),
        ("x y z a b", "x y z a, c", "x y z (a) a b and (b) a, c"),
    ],
)  # fmt: skip
def test_sentences_that_differ_in_the_middle_are_said_as_one(one, other, said):
    found = differing(one, other)
    assert found is not None
    assert found.said() == said


@pytest.mark.parametrize(
    ("one", "other"), [("a b", "a b"), ("a b", "c d"), ("", "a"), ("a b c d", "a x y z")]
)
def test_sentences_with_little_in_common_or_nothing_apart_are_not(one, other):
    assert differing(one, other) is None


WORDS = ["on", "nette", "IPC", "5,", "10", "it.", "not"]
WORDS += ["[0.1,", "0.2],", "(of", "all);", "`x", "y`"]
words = st.lists(st.sampled_from(WORDS), min_size=1)


def depths(text, opening, closing):
    """Return how many brackets are open after each letter."""
    return list(accumulate((c == opening) - (c == closing) for c in text)) or [0]


@given(st.lists(st.sampled_from(WORDS[4:])), words, words, st.lists(st.sampled_from(WORDS[4:])))
def test_what_two_sentences_share_is_cut_outside_of_brackets_and_code(before, one, other, after):
    a, b = (" ".join([*before, *middle, *after]) for middle in (one, other))
    for part in differing(a, b) or ():
        for pair in ("()", "[]"):
            assert min(depths(part, *pair)) >= 0
            assert depths(part, *pair)[-1] == 0
        assert part.count("`") % 2 == 0


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (
            "Mean of n = 9 students (3 of each) a method, over sets.",
            "Mean of n = 8 students (4 of each) a method, over sets.",
            "Mean of n = (a) 9 students (3 of each) and (b) 8 students (4 of each) a method, over "
            "sets.",
        ),
        (
            "Rank correlation 0.78 [0.35, 0.94], n = 14 methods (-0.71 over the 5 that choose)",
            "Rank correlation 0.27 [-0.2, 0.94], n = 14 methods (0.33 over the 5 that choose)",
            "Rank correlation (a) 0.78 [0.35, 0.94], n = 14 methods (-0.71 over the 5 that choose) "
            "and (b) 0.27 [-0.2, 0.94], n = 14 methods (0.33 over the 5 that choose)",
        ),
        ("(of all at 1, x)", "(of all at 9, x)", "(a) (of all at 1, x) (b) (of all at 9, x)"),
        ("As in `a b` it is", "As in `c b` it is", "As in (a) `a b` and (b) `c b` it is"),
    ],
)  # fmt: skip
def test_brackets_and_code_stay_whole_in_what_is_said_of_both(one, other, said):
    assert together(one, other) == said


@given(words, words)
def test_both_sentences_can_be_read_out_of_what_is_said_of_both(one, other):
    a, b = " ".join(one), " ".join(other)
    if found := differing(a, b):
        assert f"{found.before}{found.one}{found.after}" == a
        assert f"{found.before}{found.other}{found.after}" == b


@given(words, words)
def test_no_word_of_two_notes_is_lost(one, other):
    said = re.findall(r"\w+", together(" ".join(one), " ".join(other)))
    for text in (one, other):
        assert set(re.findall(r"\w+", " ".join(text))) <= set(said)


def test_what_both_notes_say_is_said_once_and_first():
    one = "Lines are intervals. Mean of 3 students a method. Not drawn: full."
    other = "Lines are intervals. Mean of 9 students a method."
    assert together(one, other) == (
        "Lines are intervals. Mean of (a) 3 and (b) 9 students a method. (a) Not drawn: full."
    )


def test_a_sentence_of_both_is_held_against_no_other():
    one, other = "No cause at all. No cause here at all.", "No cause here at all."
    assert together(one, other) == "No cause here at all. (a) No cause at all."


def chart(slug, title, note="Lines are intervals."):
    line = Line("mgd3", (Mark(1.0, 2.0), Mark(2.0, 3.0)))
    return Chart(slug, title, note, Axis("x", 0.0, 3.0), Axis("y", 0.0, 3.0), (line,))


def cloud(slug, title, columns):
    return Cloud(slug, title, "", ("m",) * columns, ("all",), ((None,) * columns,), {})


def named(sections):
    """Return figures of sections, drawn."""
    return figures.drawn({s: {d.slug: d for d in made} for s, made in sections.items()})


def arranged(sections):
    return [[one.name for one in row] for row in rows.rows(named(sections))]


def test_figures_of_a_section_stand_beside_those_that_are_most_alike():
    found = arranged(
        {
            "metrics": [
                chart("energy", "Energy of guidance on nette"),
                chart("fid", "FID by accuracy on nette, under hard with convnet3 at IPC 5"),
                chart("kid-woof", "KID by accuracy on woof, under hard with convnet3 at IPC 5"),
                chart("fid-woof", "FID by accuracy on woof, under hard with convnet3 at IPC 5"),
                chart("loss", "Loss of guidance on nette"),
            ]
        }
    )
    assert found == [["energy", "loss"], ["fid", "fid-woof"], ["kid-woof"]]


def test_no_two_sections_share_a_caption_and_what_is_left_of_them_shares_a_row():
    sections = {
        "one": [chart("a", "Accuracy on nette, under hard")],
        "two": [chart("b", "Accuracy on woof, under hard")],
    }
    assert arranged(sections) == [["a", "b"]]
    (latex,) = rows.latex(named(sections))
    assert latex.count(r"\caption") == 2


def test_clouds_of_few_methods_stand_side_by_side_and_those_of_many_alone():
    titles = ("Features of nette at IPC 1", "Features of nette at IPC 10")
    few = [cloud(f"few{n}", title, 3) for n, title in enumerate(titles)]
    many = [cloud(f"many{n}", title, 7) for n, title in enumerate(titles)]
    assert arranged({"coverage": few}) == [["few0", "few1"]]
    assert arranged({"coverage": many}) == [["many0"], ["many1"]]


def test_a_row_of_figures_that_are_alike_has_one_caption_two_labels_and_letters():
    titles = ("Accuracy on nette at IPC 1", "Accuracy on nette at IPC 10")
    (latex,) = rows.latex(
        named({"one": [chart(f"fig{n}", title) for n, title in enumerate(titles)]})
    )
    assert re.findall(r"\\caption\{(.*?)\}\\label", latex) == [
        "Accuracy on nette at IPC (a) 1 and (b) 10. Lines are intervals."
    ]
    assert r"\label{fig:fig0}\label{fig:fig1}" in latex
    assert "(a) IPC 1\n" in latex
    assert "(b) IPC 10\n" in latex


def test_a_section_has_four_figures_at_most(told):
    sections = figures.chosen(told.material)
    assert {section for section, made in sections.items() if made} == {
        *("leaderboards", "by-ipc", "training", "metrics", "architectures"),
        *("cost", "coverage", "guidance"),
    }
    assert max(map(len, sections.values())) == figures.MOST
    names = [name for made in sections.values() for name in made]
    assert len(names) == len(set(names))


def test_a_caption_says_how_many_dots_have_no_name():
    dot = Line("", (Mark(1.5, 1.5),), joined=False)
    crowd = replace(
        chart("cost", "Cost"), lines=tuple(replace(dot, name=f"m{n}") for n in range(60))
    )
    (drawn,) = named({"cost": [crowd]})
    missing = 60 - len(drawn.figures["one"].axes[0].texts)
    (latex,) = rows.latex([drawn])
    assert missing > 1
    assert f"No room for the names of {missing} methods" in latex
    assert "No room" not in "".join(rows.latex(named({"cost": [chart("cost", "Cost")]})))

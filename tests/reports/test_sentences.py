from __future__ import annotations

import pytest
from hostile import HOSTILE
from hypothesis import given
from hypothesis import strategies as st

from reports.page.rendering import sentence
from reports.words.counting import between, chained, counted, seconds, share
from reports.words.sentences import Code, begun, joined_sentences, listed, text_of


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "`a`"),
        (["a", "b"], "`a` and `b`"),
        (["a", "b", "c"], "`a`, `b` and `c`"),
        (["a", "b", "c", "d"], "`a`, `b`, `c` and `d`"),
        (["a", "b", "c", "d", "e"], "`a`, `b`, `c`, `d` and `e`"),
        (list("abcdef"), "`a`, `b`, `c`, `d` and 2 more"),
        (list("abcdefg"), "`a`, `b`, `c`, `d` and 3 more"),
    ],
)
def test_names_are_listed_and_the_rest_is_counted(names, text):
    assert text_of(listed(names)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_sentence_of_any_name_is_one_line_without_control_characters(text):
    printed = text_of(("On ", Code(text), "."))
    assert printed.isprintable()
    assert printed.startswith("On `")


def test_parts_of_sentences_are_put_in_a_row():
    parts = [("x ", Code("a")), (Code("b"),), ("z",)]
    assert text_of(joined_sentences(parts)) == "x `a`, `b` and z"
    assert text_of(joined_sentences(parts, "; ", "; ")) == "x `a`; `b`; z"
    assert joined_sentences([]) == ()


def test_a_sentence_begins_with_a_capital_or_with_a_name_as_it_is():
    assert begun(("over all", Code("a"))) == ("Over all", Code("a"))
    assert begun((Code("a"), " is")) == (Code("a"), " is")


def test_no_line_of_the_page_ends_before_a_percent_sign():
    words = ("On ", Code("a % b"), ": 78.5 % [7.0, 8.0] and 5 %.")
    assert str(sentence(words)) == ("On <code>a % b</code>: 78.5\u00a0% [7.0, 8.0] and 5\u00a0%.")
    assert text_of(words) == "On `a % b`: 78.5 % [7.0, 8.0] and 5 %."


@pytest.mark.parametrize(
    ("numbers", "decimals", "text"),
    [([4.51, 8.4], 1, "4.5 to 8.4"), ([4.51, 4.49], 1, "4.5"), ([1200, 3], 0, "3 to 1,200")],
)
def test_a_range_is_one_number_where_both_ends_are_printed_alike(numbers, decimals, text):
    assert between(numbers, decimals) == text


def test_counts_agree_with_their_nouns():
    assert [counted(n, "method") for n in (0, 1, 1200)] == [
        "0 methods",
        "1 method",
        "1,200 methods",
    ]
    assert [share(*pair) for pair in ((1, 1), (2, 2), (3, 3), (1, 2), (0, 1))] == [
        "the one comparison",
        "both comparisons",
        "all 3 comparisons",
        "1 of 2 comparisons",
        "0 of 1 comparison",
    ]
    assert [chained(list(text)) for text in ("", "a", "ab", "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


@given(st.floats(1e-6, 1e6))
def test_seconds_are_printed_to_about_two_digits_and_never_as_zero(number):
    printed = float(seconds(number).removesuffix(" s").replace(",", ""))
    assert printed == pytest.approx(number, rel=0.06)

"""Letters say of every pair whether it is separated, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboards.ranks.ties import letters


def relation(size: int, pairs) -> np.ndarray:
    matrix = np.zeros((size, size), dtype=bool)
    for first, second in pairs:
        matrix[first, second] = matrix[second, first] = True
    return matrix


@st.composite
def relations(draw) -> tuple[np.ndarray, list[int]]:
    """Draw any symmetric relation of up to eight rows, and any order of them."""
    size = draw(st.integers(1, 8))
    pairs = [(i, j) for i in range(size) for j in range(i)]
    chosen = draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    return relation(size, chosen), draw(st.permutations(range(size)))


def groups_of(texts) -> dict[str, set[int]]:
    """Return the rows of every letter."""
    return {
        letter: {row for row, text in enumerate(texts) if letter in text}
        for letter in set("".join(texts))
    }


@given(relations())
def test_two_rows_share_a_letter_exactly_if_they_are_not_separated(drawn):
    separated, order = drawn
    found = letters(separated, order)
    for first in range(len(order)):
        for second in range(len(order)):
            assert bool(set(found[first]) & set(found[second])) != separated[first, second]


@given(relations())
def test_no_group_lies_within_another(drawn):
    groups = list(groups_of(letters(*drawn)).values())
    assert not any(one < other for one in groups for other in groups)


@given(relations())
def test_letters_follow_the_order(drawn):
    separated, order = drawn
    found = letters(separated, order)
    place = {row: position for position, row in enumerate(order)}
    groups = groups_of(found)
    ranked = [sorted(place[row] for row in groups[letter]) for letter in sorted(groups)]
    assert ranked == sorted(ranked)
    assert found[order[0]].startswith("a")


def test_eight_rows_with_five_separated_pairs_by_hand():
    pairs = [(0, 6), (0, 7), (1, 3), (1, 4), (2, 4)]
    found = letters(relation(8, pairs), range(8))
    # The maximal sets without a separated pair, in the order of their members, by hand.
    assert groups_of(found) == {
        "a": {0, 1, 2, 5},
        "b": {0, 2, 3, 5},
        "c": {0, 3, 4, 5},
        "d": {1, 2, 5, 6, 7},
        "e": {2, 3, 5, 6, 7},
        "f": {3, 4, 5, 6, 7},
    }


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], ("a", "a", "a")),
        ([(0, 2)], ("a", "ab", "b")),
        ([(0, 1), (0, 2)], ("a", "b", "b")),
        ([(0, 1), (0, 2), (1, 2)], ("a", "b", "c")),
    ],
)
def test_three_rows_by_hand(pairs, expected):
    assert letters(relation(3, pairs), range(3)) == expected


def test_the_first_of_the_order_has_the_first_letter():
    assert letters(relation(3, [(0, 2)]), [2, 1, 0]) == ("b", "ab", "a")


def test_a_group_is_one_character_even_beyond_the_alphabet():
    everything = [(i, j) for i in range(60) for j in range(i)]
    found = letters(relation(60, everything), range(60))
    assert found[:2] == ("a", "b")
    assert all(len(text) == 1 and text.isalpha() for text in found)
    assert len(set(found)) == 60


def test_a_relation_of_twenty_five_rows_is_taken_apart():
    generator = np.random.default_rng(0)
    upper = np.triu(generator.random((25, 25)) < 0.5, 1)
    separated = upper | upper.T
    found = letters(separated, range(25))
    shared = np.array([[bool(set(one) & set(other)) for other in found] for one in found])
    np.testing.assert_array_equal(shared, ~separated)

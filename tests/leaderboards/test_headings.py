"""Headings are as short as they can be, and never stand for two things."""

from leaderboards.headings import Name, headings

SLOW, FAST, OTHER = Name("dit", "dit"), Name("dit+steps=20", "dit+steps=20"), Name("igd", "igd")


def test_a_short_label_is_taken_where_nothing_else_goes_by_it():
    assert headings({FAST, OTHER}, {FAST: "dit"}) == {FAST: "dit", OTHER: "igd"}


def test_a_short_label_that_is_the_label_of_another_is_not_taken():
    assert headings({FAST, SLOW}, {FAST: "dit"}) == {FAST: "dit+steps=20", SLOW: "dit"}


def test_two_that_would_have_one_short_label_keep_their_own():
    faster = Name("dit+steps=10", "dit+steps=10")
    assert headings({FAST, faster}, {FAST: "dit", faster: "dit"}) == {
        FAST: "dit+steps=20",
        faster: "dit+steps=10",
    }


def test_equal_labels_are_told_apart_by_identity_and_equal_identities_by_origin():
    again = Name("dit", "dit@2")
    theirs = Name("igd", "igd", "package 1.0")
    assert headings({SLOW, again, OTHER, theirs}) == {
        SLOW: "dit (dit)",
        again: "dit (dit@2)",
        OTHER: "igd (igd, built in)",
        theirs: "igd (igd, package 1.0)",
    }

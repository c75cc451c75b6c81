"""What is said of a correlation over methods that choose real images and that make new ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made import board, cell, column, material, said, texts, with_columns

from leaderboards.figures.families import Within
from leaderboards.figures.relations import Point, Relation
from reports.drawings.against import against
from reports.material import Selection
from reports.page.figures import Figures
from reports.page.relations import correlations
from reports.words.limits import limits

CHOOSE, MAKE = Within(True, 5, -0.71), Within(False, 9, 0.43)
PART = Selection(("shapewoof",), ("shapenette",), (10,), ())


def related(*within, metrics=("mmd",), p=0.01, rho=0.78, **changes):
    """Return the material of one relation for every score."""
    cells = {name: tuple(cell(50.0) for _ in metrics) for name in ("a", "b")}
    made = with_columns(board({"a": 40.0, "b": 20.0}, "a"), *map(column, metrics), cells=cells)
    points = tuple(
        Point(made.rows[0].name, f"m{at}", float(at), float(at), None, None) for at in range(14)
    )
    found = [
        Relation(0, 0, at, points, 14, rho, 0.35, 0.94, p, tuple(within))
        for at, _ in enumerate(metrics, 1)
    ]
    return material(made, relations=found, **changes)


def found_in(*within, **changes):
    return said(related(*within, **changes), "metric")


def test_a_contrast_of_two_kinds_is_said_to_be_one_and_has_no_direction():
    (text,) = found_in(CHOOSE, MAKE)
    assert text == (
        "MMD contrasts methods that choose real images with methods that make new ones, and no "
        "one direction holds within both: on `shapewoof` at IPC 10, its rank correlation with "
        "accuracy is 0.78 [0.35, 0.94] over all 14 methods (-0.71 over the 5 that choose and 0.43 "
        "over the 9 that make)."
    )


@pytest.mark.parametrize("within", [(replace(CHOOSE, rho=0.5), MAKE), (MAKE,), ()])
def test_a_direction_is_said_where_both_kinds_have_it(within):
    (text,) = found_in(*within)
    assert text.startswith("Against what it is meant for, higher MMD goes with higher accuracy")
    assert ("0.43 over the 9 that make new ones" in text) == bool(within)
    assert ("0.50 over the 5 that choose real images" in text) == (len(within) == 2)


@pytest.mark.parametrize("within", [(CHOOSE, MAKE), (replace(CHOOSE, rho=None), MAKE), (CHOOSE,)])
def test_no_direction_is_said_where_one_kind_has_another_or_none(within):
    (text,) = found_in(*within)
    assert "higher" not in text
    assert "lower" not in text
    none = "none over the 5 that choose"
    assert (none in text) == (within[0].rho is None)


@pytest.mark.parametrize(
    ("within", "p", "word", "end"),
    [
        ((CHOOSE, MAKE), 0.01, "contrast", "it is shown, as a contrast of the two kinds alone"),
        ((replace(CHOOSE, rho=0.5), MAKE), 0.01, "yes", "it is shown"),
        ((CHOOSE, MAKE), 0.5, "no", "it is not shown"),
        ((CHOOSE, MAKE), None, "", ""),
    ],
)
def test_charts_and_the_table_of_all_say_so_too(within, p, word, end):
    made = related(*within, p=p)
    (chart,) = against(made)
    (line,) = correlations(made, Figures((), (), 0, 0)).lines
    assert line.shown == word
    assert f"{CHOOSE.n} that choose real images and 0.43 over the 9 that make" in chart.note
    assert ("tested together" in chart.note) == bool(end)
    assert f"{end}. " in chart.note
    assert "Vertical lines" not in chart.note  # there are no intervals


def test_several_contrasts_are_one_sentence():
    (text,) = found_in(CHOOSE, MAKE, metrics=("mmd", "kid"))
    assert text == (
        "KID (rank correlation 0.78, -0.71 to 0.43 within either kind of method) and MMD (rank "
        "correlation 0.78, -0.71 to 0.43 within either kind of method) go with accuracy in a "
        "contrast of methods that choose real images with methods that make new ones: no one "
        "direction holds within both."
    )


@pytest.mark.parametrize(
    ("within", "said"),
    [
        ((replace(CHOOSE, rho=None), MAKE), "0.78, 0.43 or none within either kind of method)"),
        ((replace(CHOOSE, rho=None),), "0.78, none within either kind of method)"),
    ],
)
def test_a_kind_without_a_correlation_has_none_rather_than_0(within, said):
    (text,) = found_in(*within, metrics=("mmd", "kid"))
    assert text.count(said) == 2
    assert "0.00" not in text


def test_of_a_selection_it_is_said_within_what_a_finding_was_corrected():
    for within in ((CHOOSE, MAKE), ()):
        for metrics, what in (
            (("mmd",), "the one rank correlation"),
            (("mmd", "kid"), "the 2 rank correlations"),
        ):
            (part,) = found_in(*within, metrics=metrics, selection=PART)
            (whole,) = found_in(*within, metrics=metrics)
            assert part == f"{whole[:-1]} (corrected for {what} of this page alone)."


def test_of_correlations_it_is_said_that_they_show_no_cause_and_rest_on_dependent_points():
    for p, dependent in ((0.5, True), (None, False)):
        (text,) = (text for text in texts(limits(related(p=p))) if "shows no cause" in text)
        assert ("share a generator" in text) is dependent
    without = material(board({"a": 40.0, "b": 20.0}, metric="fid"))
    assert not any("cause" in text or "generator," in text for text in texts(limits(without)))

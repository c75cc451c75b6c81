from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from made import board, cell, column, material, row, said, with_columns

from leaderboards import Architectures, Board
from leaderboards.architectures import Drop
from leaderboards.figures.relations import Point, Relation
from leaderboards.figures.trades import Trade
from leaderboards.published.ledger import Quote, read
from reports.material import Material, Selection, gather
from reports.page.budget import DRAWN_BOARDS
from reports.page.figures import Numbering, sections


def test_all_images_stand_beside_the_highest_mean_and_their_number():
    made = board({"a": 40.0, "b": 20.0}, "a", references={"full": 80.0})
    cells = {"a": (cell(100.0),), "b": (cell(100.0),), "full": (cell(5000.0),)}
    counted = with_columns(made, column("images"), cells=cells)
    assert said(material(counted), "full") == [
        "For scale: on `shapewoof` all 5,000 images give 80.0 %, sets of 100 at most 40.0 %."
    ]
    assert said(material(board({"a": 40.0, "b": 20.0}, references={"whole": 80.0})), "full") == []


def test_other_epochs_of_the_reference_are_said():
    made = board({"a": 40.0, "b": 20.0}, "a", references={"full": 80.0})
    (*others, full) = made.rows
    foreign = replace(full, cells=(cell(80.0, protocol="hard/minimax+epochs=9"),))
    (text,) = said(material(replace(made, rows=(*others, foreign))), "full")
    assert text.endswith("; on all images, students train for another number of epochs.")


@pytest.mark.parametrize(("best", "count"), [(41.5, 1), (40.9, 0)])
def test_what_choosing_the_epoch_would_add_is_said_from_one_point_on(best, count):
    cells = {"a": (cell(best),), "b": (cell(20.5),), "full": (cell(85.0),)}
    made = board({"a": 40.0, "b": 20.0}, "a", references={"full": 80.0})
    made = with_columns(made, column("top1_best"), cells=cells)
    found = said(material(made), "epoch")
    assert len(found) == count
    if found:
        assert "up to 1.5 points (`a` on `shapewoof` at IPC 10)" in found[0]


def points(n: int) -> tuple[Point, ...]:
    return tuple(
        Point(row(f"m{i}").name, f"m{i}", float(i + 1), float(i), None, None) for i in range(n)
    )


def related(metric: str = "fid", **changes) -> Material:
    cells = {"a": (cell(50.0),), "b": (cell(60.0),)}
    made = with_columns(board({"a": 40.0, "b": 20.0}, "a"), column(metric), cells=cells)
    found = {"n": 8, "rho": -0.9, "low": -0.98, "high": -0.5, "p": 0.01} | changes
    return material(made, relations=[Relation(0, 0, 1, points(8), **found)])


@pytest.mark.parametrize(
    ("metric", "changes", "start"),
    [
        (
            "fid",
            {},
            "Lower FID goes with higher accuracy: rank correlation -0.90 [-0.98, -0.50] over 8 "
            "methods on `shapewoof` at IPC 10.",
        ),
        ("fid", {"rho": 0.9}, "Against what it is meant for, higher FID goes with higher accuracy"),
        ("coverage", {"rho": 0.9}, "Higher coverage goes with higher accuracy"),
        ("coverage", {}, "Against what it is meant for, lower coverage goes with higher accuracy"),
        ("fid", {"p": 0.06}, "FID: not shown to go with accuracy, over 8 methods."),
        ("fid", {"p": None, "rho": None}, "FID: not shown"),
    ],
)
def test_scores_of_the_images_go_with_accuracy_where_that_is_beyond_chance(metric, changes, start):
    (text,) = said(related(metric, **changes), "metric")
    assert text.startswith(start)


def beside_fid(numbers: list[float], **changes) -> Board:
    """Return a board of so many methods, each a point below the last, with their FID."""
    means = {f"m{place}": 40.0 - place for place in range(len(numbers))}
    cells = {f"m{place}": (cell(number),) for place, number in enumerate(numbers)}
    return with_columns(board(means, sets=1, **changes), column("fid"), cells=cells)


def test_what_is_said_of_all_boards_is_drawn_of_all_boards_too():
    """`last` has fewer methods than a dozen other sets, and so no figures of its own."""
    unordered = [5.0, 4.0, 6.0, 3.0, 7.0, 2.0, 8.0, 1.0, 9.0]
    made = [beside_fid(unordered, dataset=f"set{n}") for n in range(DRAWN_BOARDS)]
    made += [beside_fid([float(n) for n in range(8)], dataset="last", ipc=i) for i in (1, 10)]
    (found, *_) = said(material(*made), "metric")
    assert found.startswith("Lower FID (in 2 of 14 comparisons, rank correlation -1.00) goes with")
    drawn = sections(material(*made), Numbering())
    for name in ("metrics", "by-ipc"):
        assert all(" on last " in figure.title for figure in drawn[name].shown), name
    assert {drawn[name].boards_left_out for name in ("metrics", "by-ipc")} == {0}


def test_of_fewer_than_eight_methods_nothing_is_said():
    assert said(related(n=7), "metric") == []


def traded(front: tuple[int, ...], xs=(0.1, 3.0, 9.0)) -> Material:
    cells = {"a": (cell(xs[0]),), "b": (cell(xs[1]),), "c": (cell(xs[2]),)}
    made = board({"a": 10.0, "b": 20.0, "c": 15.0}, sets=1)
    made = with_columns(made, column("seconds"), cells=cells)
    found = tuple(
        Point(r.name, r.method, x, r.cells[0].mean, None, None)
        for r, x in zip(made.rows, xs, strict=True)
    )
    return material(made, trades=[Trade(0, 0, 1, found, front)])


def test_who_has_a_higher_mean_than_every_faster_method_is_said_as_a_matter_of_means():
    assert said(traded((0, 1)), "cost") == [
        "`b` has a higher mean than every faster method on `shapewoof` at IPC 10, going by means "
        "alone.",
        "On `shapewoof` at IPC 10, a distilled set takes 0.10 s with `a` and 9.0 s with `c`, not "
        "counting what is made once and shared, such as a tuned generator.",
    ]
    assert said(traded((0,), xs=(1.0, 3.0, 9.0)), "cost") == [
        "No slower method has a higher mean than `a`, the fastest, on `shapewoof` at IPC 10, "
        "going by means alone."
    ]


def tables(*drops: Drop | None) -> Material:
    empty = ((None,) * 3,) * 2
    base = Architectures(
        *("nette", "r1", "r2", 10, "hard/minimax", "top1_last", "", "convnet3"),
        *(("convnet3", "resnet18"), ("a", "b", "c"), empty, empty, ()),
    )
    return material(architectures=tuple(replace(base, mean_drop=(None, drop)) for drop in drops))


@pytest.mark.parametrize(
    ("drops", "text"),
    [
        ([Drop(5.0, 3.0, 7.0, 3)], "falls by 5.0 points [3.0, 7.0], on average over 3 methods."),
        ([Drop(-5.0, -7.0, -3.0, 3)], "rises by 5.0 points [3.0, 7.0], on average over 3 methods."),
        (
            [Drop(5.0, 4.5, 5.5, 3), Drop(6.0, 5.5, 6.5, 3), Drop(1.0, -3.0, 5.0, 3)],
            "falls by 5.0 to 6.0 points, on average over 3 methods, in 2 of 3 comparisons.",
        ),
    ],
)
def test_a_drop_is_told_where_its_interval_leaves_out_zero(drops, text):
    start = "From `convnet3` to `resnet18` accuracy "
    assert said(tables(*drops), "drop") == [start + text]


def test_drops_of_nothing_are_not_found_by_looking_often_enough():
    """One in twenty intervals leaves out 0 by chance alone."""
    lucky = Drop(1.0, 0.1, 1.9, 10)
    assert said(tables(lucky), "drop")
    assert said(tables(lucky, *(Drop(0.0, -0.9, 0.9, 10),) * 19), "drop") == []


def test_of_a_selection_it_is_said_for_how_many_drops_one_was_corrected():
    part = Selection(("nette",), ("woof",), (10,), ())
    sure, none = Drop(5.0, 4.5, 5.5, 3), Drop(1.0, -3.0, 5.0, 3)
    for drops, what in (((sure,), "the one mean drop"), ((sure, none), "the 2 mean drops")):
        (whole,) = said(tables(*drops), "drop")
        (text,) = said(replace(tables(*drops), selection=part), "drop")
        assert text == f"{whole[:-1]} (corrected for {what} of this page alone)."


@pytest.mark.parametrize(
    "drop",
    [
        None,
        Drop(0.0, 0.0, 0.0, 3),
        Drop(5.0, -1.0, 11.0, 3),
        Drop(5.0, None, None, 1),
        Drop(5.0, 4.9, 5.1, 2),
    ],
)
def test_a_drop_that_may_be_none_is_not_told(drop):
    assert said(tables(drop), "drop") == []


def test_printed_numbers_are_counted_by_verdict():
    quotes = tuple(
        Quote(msgspec.structs.replace(read()[0], line=line), "hard", "read", verdict, 0.1, 3.0, ())
        for line, verdict in enumerate(["reproduced", "reproduced", "not comparable"])
    )
    made = board({"a": 40.0, "b": 20.0}, "a")
    first = replace(made.rows[0], cells=(cell(40.0, ties="a", rank=1, quotes=quotes),))
    assert said(material(replace(made, rows=(first, made.rows[1]))), "published") == [
        "Of 3 printed numbers of the same method, set, IPC, recipe and student, 2 are reproduced "
        "and 1 is not comparable."
    ]


def test_units_that_failed_and_were_not_done_since_are_counted_once(told_small):
    (failure,) = told_small.failures
    again = msgspec.structs.replace(failure, attempt=2)
    what = "1 unit of the run failed; what it would have said is missing."
    assert said(gather(told_small.records, [failure, again]), "failed") == [what]
    done = msgspec.structs.replace(failure, key=told_small.records[0].key)
    assert said(gather(told_small.records, [done]), "failed") == []

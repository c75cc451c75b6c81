"""Means of students by epoch, by hand."""

from __future__ import annotations

from leaderboards import build
from leaderboards.figures.curves import curves
from leaderboards.figures.evidence import Evidence


def curves_of(records):
    (board,) = build(records)
    (column,) = board.columns
    return curves(board, column, Evidence.of(records))


def series(epochs, top1):
    return {"epoch": epochs, "top1": top1}


def test_the_mean_is_over_students_and_the_best_is_each_ones_own(student):
    records = [
        student(30.0, at=(0, 0), series=series([10.0, 20.0, 30.0], [10.0, 40.0, 30.0])),
        student(50.0, at=(0, 1), series=series([10.0, 20.0, 30.0], [20.0, 30.0, 50.0])),
    ]
    (curve,) = curves_of(records)
    assert curve.epochs == (10.0, 20.0, 30.0)
    assert curve.mean == (15.0, 35.0, 40.0)
    assert curve.last == 40.0
    assert curve.best == 45.0
    assert curve.best_epoch == 20.0  # of 20 and 30 the lower: at 25 nobody was tested
    assert curve.n == 2


def test_the_first_of_equally_good_epochs_is_the_best(student):
    record = student(40.0, series=series([10.0, 20.0, 30.0], [10.0, 40.0, 40.0]))
    (curve,) = curves_of([record])
    assert (curve.best, curve.best_epoch) == (40.0, 20.0)


def test_epochs_that_not_all_students_have_are_left_out(student):
    records = [
        student(30.0, at=(0, 0), series=series([10.0, 20.0, 30.0], [10.0, 99.0, 30.0])),
        student(50.0, at=(1, 0), series=series([10.0, 25.0, 30.0], [20.0, 1.0, 50.0])),
    ]
    (curve,) = curves_of(records)
    assert curve.epochs == (10.0, 30.0)
    assert curve.mean == (15.0, 40.0)
    assert curve.best == 74.5


def test_a_method_tested_once_has_no_curve(student):
    records = [
        student(30.0, method="once", series=series([30.0], [30.0])),
        student(30.0, method="never"),
        student(30.0, method="odd", series=series([10.0, 20.0], [30.0])),
        student(40.0, method="twice", series=series([10.0, 20.0], [30.0, 40.0])),
    ]
    assert [curve.method for curve in curves_of(records)] == ["twice"]


def test_references_have_the_epochs_of_their_own_protocol(student, described):
    records = [
        student(
            40.0,
            series=series([10.0, 60.0], [30.0, 40.0]),
            protocol=described("hard", identity="hard+epochs=60"),
        ),
        student(
            80.0,
            method="full",
            ipc=None,
            series=series([3.0, 9.0], [70.0, 80.0]),
            protocol=described("hard", identity="hard+epochs=9"),
        ),
    ]
    assert [curve.epochs for curve in curves_of(records)] == [(10.0, 60.0), (3.0, 9.0)]

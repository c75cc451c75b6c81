"""The records behind a cell are those whose numbers it holds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from leaderboards import Value, build
from leaderboards.figures.evidence import Evidence


def assert_every_cell_is_found(records) -> None:
    evidence = Evidence.of(records)
    for board in build(records):
        for row in board.rows:
            for column, cell in zip(board.columns, row.cells, strict=True):
                if column.student:
                    found = evidence.students(board, row, column)
                    values = () if cell is None else cell.values
                    assert tuple(sorted(_value(one, column.metric) for one in found)) == values


def _value(record, metric) -> Value:
    number = record.scores[metric]
    return Value(record.distilled, record.student_seed[0], record.student_seed, number)


@pytest.fixture(scope="module")
def plain(student):
    """Two methods with two students of each of two sets."""
    return [
        student(at[0] + at[1] + 10.0 * (method == "kmeans"), method=method, at=at)
        for method in ("random", "kmeans")
        for at in ((0, 0), (0, 1), (1, 0), (1, 1))
    ]


def test_students_are_the_values_of_the_cell_in_its_order(plain):
    (board,) = build(plain)
    (column,) = board.columns
    evidence = Evidence.of(reversed(plain))
    first = evidence.students(board, board.rows[0], column)
    assert [record.method.label for record in first] == ["kmeans"] * 4
    assert [record.student_seed for record in first] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert_every_cell_is_found(plain)


@given(order=st.permutations(range(8)))
@settings(max_examples=10)
def test_the_order_of_records_is_no_matter(plain, order):
    shuffled = [plain[place] for place in order]
    assert Evidence.of(shuffled).records == Evidence.of(plain).records
    assert_every_cell_is_found(shuffled)


def test_of_two_records_of_one_request_the_later_counts(plain):
    again = replace(
        plain[0],
        scores={"top1_last": 99.0},
        provenance=replace(plain[0].provenance, started="2027"),
    )
    evidence = Evidence.of([again, *plain])
    assert len(evidence.records) == len(plain)
    assert again in evidence.records
    assert_every_cell_is_found([again, *plain])


def test_an_alias_stands_behind_the_cell_of_what_it_means(student, described):
    records = [
        student(50.0, protocol=described("hard+epochs=300")),
        student(60.0, at=(1, 0), key="2", protocol=described("long", identity="hard+epochs=300")),
    ]
    (board,) = build(records)
    (column,) = board.columns
    assert len(Evidence.of(records).students(board, board.rows[0], column)) == 2
    assert_every_cell_is_found(records)


def test_two_folders_of_one_identity_are_told_apart_by_their_labels(student, described):
    records = [
        replace(
            student(50.0, key=label),
            method=described(label, identity="folder", fields={"path": label}),
        )
        for label in ("folder+path=a", "folder+path=b")
    ]
    (board,) = build(records)
    assert len(board.rows) == 2
    assert_every_cell_is_found(records)


def test_origins_are_told_apart(student, described):
    records = [
        replace(student(50.0, key=origin), method=described("mine", origin=origin))
        for origin in ("plug 1", "plug 2", "")
    ]
    (board,) = build(records)
    assert len(board.rows) == 3
    assert_every_cell_is_found(records)


def test_a_folder_that_changed_has_two_rows_with_records_of_their_own(student):
    records = [
        student(50.0, method="folder", stochastic=False, distilled="aaaa", key="1"),
        student(60.0, method="folder", stochastic=False, distilled="bbbb", key="2"),
    ]
    (board,) = build(records)
    assert len(board.rows) == 2
    assert_every_cell_is_found(records)


def test_a_reference_under_other_epochs_is_found_in_its_column(student, described):
    short = described("hard", identity="hard+epochs=9")
    records = [
        student(50.0, protocol=described("hard", identity="hard+epochs=60")),
        student(80.0, key="full", method="full", ipc=None, protocol=short),
    ]
    (board,) = build(records)
    (column,) = board.columns
    reference = board.rows[-1]
    assert reference.cells[0].protocol == "hard+epochs=9"
    (found,) = Evidence.of(records).students(board, reference, column)
    assert found.key == "full"
    assert_every_cell_is_found(records)


def test_scores_with_other_cards_are_in_columns_of_their_own(student):
    cards = ({"top1_last": {"teacher": name}} for name in ("a", "b"))
    records = [student(50.0 + at, key=str(at), cards=card) for at, card in enumerate(cards)]
    (board,) = build(records)
    assert len(board.columns) == 2
    assert_every_cell_is_found(records)


def test_other_revisions_and_ipcs_are_not_mixed(student):
    records = [student(50.0, key="1"), student(60.0, key="2", ipc=50)]
    moved = replace(records[0].data, train_revision="t2")
    records.append(student(70.0, key="3", data=moved))
    assert len(build(records)) == 3
    assert_every_cell_is_found(records)


def test_passes_and_distillations_of_a_row_by_seed(student, metric):
    costs = [
        student(
            0.0,
            kind="distillation",
            key=f"d{seed}",
            at=(seed, 0),
            protocol=None,
            student=None,
            student_seed=None,
            scores={},
        )
        for seed in (1, 0)
    ]
    passes = [metric(40.0, seed=seed, key=f"m{seed}") for seed in (2, 0, 1)]
    other = metric(40.0, method="kmeans", key="other")
    records = [student(50.0), *costs, *passes, other]
    (board,) = build(records)
    evidence = Evidence.of(records)
    (row,) = [row for row in board.rows if row.method == "random"]
    assert [record.key for record in evidence.passes(board, row)] == ["m0", "m1", "m2"]
    assert [record.key for record in evidence.distillations(board, row)] == ["d0", "d1"]

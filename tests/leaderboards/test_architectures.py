"""Architecture by method: which student is the reference, and what a drop is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.errors import UsageError
from bench.records import Data, Described, Provenance, Record
from leaderboards import architectures, build

DATA = Data("nette", "train", "val", "t1", "v1", 10)
MADE = Provenance("2026", 1.0, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")


def described(label: str, identity: str = "") -> Described:
    return Described(label, label, identity or label, asked={}, fields={})


def record(
    student: str,
    value: float,
    method: str = "random",
    at: tuple[int, int] = (0, 0),
    protocol: str = "hard",
    ipc: int | None = 10,
    teacher: str = "",
) -> Record:
    """Return the record of one student; the distilled set is that of method and first seed."""
    return Record(
        kind="evaluation",
        key=f"{method}/{ipc}/{protocol}/{student}/{at}/{teacher}",
        data=DATA,
        method=described(method),
        ipc=ipc,
        seed=at[0],
        stochastic=True,
        protocol=described(protocol, f"{protocol}/x+lr={student}"),
        student=described(student),
        student_seed=at,
        distilled=f"{method}/{ipc}/{at[0]}",
        scores={"top1_last": value, "top1_best": value + 1},
        cards={"top1_last": {"teacher": teacher}} if teacher else {},
        provenance=MADE,
    )


def table_of(*records: Record, **options):
    (table,) = architectures(build(records), **options)
    return table


def drops_of(table) -> dict[tuple[str, str], float]:
    """Return the means of the drops by student and method."""
    return {
        (student, method): drop.mean
        for student, line in zip(table.students, table.drops, strict=True)
        for method, drop in zip(table.methods, line, strict=True)
        if drop is not None
    }


def test_a_drop_is_the_mean_of_the_differences_of_pairs():
    table = table_of(
        record("resnet18", 50.0, at=(0, 0)),
        record("resnet18", 60.0, at=(1, 0)),
        record("vit", 45.0, at=(0, 0)),
        record("vit", 57.0, at=(1, 0)),
    )
    assert drops_of(table) == {("vit", "random"): 4.0}  # of 5 and 3
    assert table.drops[1][0].n == 2


def test_students_without_their_pair_change_the_mean_and_not_the_drop():
    table = table_of(
        record("resnet18", 50.0, at=(0, 0)),
        record("vit", 45.0, at=(0, 0)),
        record("vit", 5.0, at=(0, 1)),
    )
    assert drops_of(table) == {("vit", "random"): 5.0}
    assert table.cells[1][0].mean == 25.0


def test_students_of_other_sets_are_no_pair():
    table = table_of(record("resnet18", 50.0, at=(0, 0)), record("vit", 45.0, at=(1, 0)))
    assert table.drops == ((None,), (None,))
    assert table.mean_drop == (None, None)
    assert table.cells[1][0].mean == 45.0


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=2, max_size=5))
def test_the_interval_is_that_of_a_paired_t_test_over_sets(pairs):
    records = [
        record(net, value, at=(s, 0))
        for s, values in enumerate(pairs)
        for net, value in zip(("resnet18", "vit"), values, strict=True)
    ]
    drop = table_of(*records).drops[1][0]
    first, other = np.array(pairs).T
    found = (
        stats.ttest_rel(first, other).confidence_interval(0.95) if np.ptp(first - other) else None
    )
    assert drop.mean == pytest.approx(np.mean(first - other), abs=1e-9)
    if found:
        assert (drop.low, drop.high) == pytest.approx((found.low, found.high), abs=1e-6)


def test_sets_with_unequally_many_students_count_alike_in_a_drop():
    drops = {(0, 0): 1.0, (0, 1): 3.0, (1, 0): 10.0}
    records = [
        record(net, 50.0 if net == "resnet18" else 50.0 - drop, at=at)
        for at, drop in drops.items()
        for net in ("resnet18", "vit")
    ]
    drop = table_of(*records).drops[1][0]
    assert drop.mean == pytest.approx(6.0)  # of 2 and 10
    assert (drop.low + drop.high) / 2 == pytest.approx(6.0)


def test_the_mean_drop_counts_every_method_that_both_have_once():
    table = table_of(
        record("resnet18", 50.0, "a"),
        record("resnet18", 60.0, "a", at=(1, 0)),
        record("vit", 40.0, "a"),
        record("vit", 50.0, "a", at=(1, 0)),
        record("resnet18", 30.0, "b"),
        record("vit", 28.0, "b"),
        record("resnet18", 99.0, "c"),
    )
    assert table.mean_drop[0] is None
    assert (table.mean_drop[1].mean, table.mean_drop[1].n) == (6.0, 2)  # of 10 and 2


def test_better_students_have_a_drop_below_nothing():
    table = table_of(record("resnet18", 50.0), record("vit", 55.0))
    assert drops_of(table) == {("vit", "random"): -5.0}


def test_methods_stand_in_the_order_of_the_board_and_references_stay_away():
    records = [
        record(net, value, method, ipc=None if method == "full" else 10)
        for method, value in (("a", 10.0), ("b", 30.0), ("full", 90.0))
        for net in ("resnet18", "vit")
    ]
    (board,) = build(records)
    table = table_of(*records)
    assert table.methods == tuple(row.method for row in board.rows if not row.reference)
    assert table.methods == ("b", "a")
    assert architectures(build([r for r in records if r.ipc is None])) == []


def test_the_reference_stands_first_and_the_others_in_natural_order():
    nets = ("resnet101", "resnet18", "alexnet", "resnet50")
    table = table_of(*(record(net, 1.0) for net in nets))
    assert table.students == ("resnet18", "alexnet", "resnet50", "resnet101")
    assert drops_of(table).keys() == {(net, "random") for net in table.students[1:]}


@pytest.mark.parametrize(
    ("nets", "options", "expected"),
    [
        (("convnet6", "resnet18", "vit"), {}, "resnet18"),
        (("convnet6", "torchvision/resnet18"), {}, "torchvision/resnet18"),
        (("resnetap10", "convnet6"), {}, "convnet6"),
        (("vit", "resnetap10"), {}, "resnetap10"),
        (("vit", "swin"), {}, "swin"),
        (("resnet101", "resnet50"), {}, "resnet50"),
        (("vit", "resnet18"), {"preferred": "vit"}, "vit"),
        (("vit", "resnet18"), {"preferred": "convnet3"}, "resnet18"),
        (("vit", "resnet18"), {"reference": "vit", "preferred": "resnet18"}, "vit"),
    ],
)
def test_which_student_is_the_reference(nets, options, expected):
    assert table_of(*(record(net, 1.0) for net in nets), **options).reference == expected


def test_a_reference_without_records_is_refused_with_the_nearest_name():
    boards = build([record("resnet18", 1.0), record("vit", 1.0)])
    with pytest.raises(UsageError, match=r"Unknown student 'resnet8'. Did you mean 'resnet18'\?"):
        architectures(boards, reference="resnet8")


def test_a_protocol_with_one_student_has_no_table():
    assert (
        architectures(build([record("resnet18", 1.0), record("vit", 1.0, protocol="soft")])) == []
    )


def test_every_protocol_and_size_has_a_table_of_its_own():
    records = [
        record(net, 1.0, protocol=protocol, ipc=ipc)
        for net in ("resnet18", "vit")
        for protocol in ("hard", "soft")
        for ipc in (1, 10)
    ]
    found = [(table.ipc, table.protocol, table.metric) for table in architectures(build(records))]
    assert found == [(ipc, p, "top1_last") for ipc in (1, 10) for p in ("hard", "soft")]


def test_students_of_different_teachers_are_never_compared():
    records = [
        record("resnet18", 50.0, protocol="soft", teacher="t1"),
        record("resnet18", 70.0, "kmeans", protocol="soft", teacher="t2"),
        record("vit", 40.0, protocol="soft", teacher="t1"),
    ]
    table = table_of(*records)
    assert table.distinction == "teacher=t1"  # students of t2 are alone and have no table
    assert drops_of(table) == {("vit", "random"): 10.0}


def test_two_teachers_with_two_students_each_are_two_tables_that_name_them():
    records = [
        record(net, 1.0, protocol="soft", teacher=teacher)
        for net in ("resnet18", "vit")
        for teacher in ("t1", "t2")
    ]
    found = [table.distinction for table in architectures(build(records))]
    assert found == ["teacher=t1", "teacher=t2"]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["resnet18", "vit", "swin"]),
            st.sampled_from(["a", "b"]),
            st.tuples(st.integers(0, 1), st.integers(0, 1)),
        ),
        unique=True,
        min_size=1,
    ).flatmap(lambda wanted: st.tuples(st.just(wanted), st.permutations(wanted)))
)
def test_the_order_of_records_changes_nothing(pair):
    tables = [
        architectures(
            build([record(*one[:1], 10.0 * one[2][0] + one[2][1], *one[1:]) for one in order])
        )
        for order in pair
    ]
    assert tables[0] == tables[1]


def test_methods_that_were_run_under_other_protocols_alone_are_left_out():
    tables = architectures(
        build(
            [
                *(record(student, 50.0, protocol="soft") for student in ("resnet18", "vit")),
                record("resnet18", 40.0, protocol="hard"),
                record("resnet18", 45.0, method="mgd3", protocol="hard"),
            ]
        )
    )
    (soft,) = [table for table in tables if table.protocol == "soft"]
    assert soft.methods == ("random",)

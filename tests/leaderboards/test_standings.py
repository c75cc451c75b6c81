"""Average ranks: scipy's where all pairs are separated, and of complete columns alone."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats

from bench.records import Data, Described, Provenance, Record
from leaderboards import build
from leaderboards.ranks.standings import standings

MADE = Provenance("2026", 1.0, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")
NOISE = (0.0, 0.3, -0.1)


def described(label: str, identity: str = "") -> Described:
    return Described(label, label, identity or label, asked={}, fields={})


def several(
    method,
    value,
    *,
    ipc=10,
    dataset="nette",
    protocol="hard",
    student="convnet3",
    identity="",
    noise=NOISE,
    method_identity="",
) -> list[Record]:
    """Return one student for each of several sets, all near one value."""
    return [
        Record(
            kind="evaluation",
            key=f"{method}/{ipc}/{dataset}/{identity or protocol}/{student}/{s}",
            data=Data(dataset, "train", "val", "t1", "v1", 10),
            method=described(method, method_identity),
            ipc=ipc,
            seed=s,
            stochastic=True,
            protocol=described(protocol, identity),
            student=described(student),
            student_seed=(s, 0),
            distilled=f"{method}/{ipc}/{dataset}/{s}",
            scores={"top1_last": value + (s + 1) * offset},
            provenance=MADE,
        )
        for s, offset in enumerate(noise)
    ]


def board_of(values, *, methods="abcdef", **where) -> list[Record]:
    """Return the records of methods a, b, ... with these values in one column."""
    noises = [np.roll(NOISE, place) for place in range(len(values))]
    return [
        record
        for method, value, noise in zip(methods, values, noises, strict=False)
        for record in several(method, value, noise=noise, **where)
    ]


def test_where_all_pairs_are_separated_the_ranks_are_those_of_scipy():
    table = np.array([[10.0, 40.0, 70.0], [50.0, 20.0, 80.0], [15.0, 45.0, 75.0]])
    records = [
        r for ipc, row in zip((1, 10, 50), table, strict=True) for r in board_of(row, ipc=ipc)
    ]
    (found,) = standings(build(records))
    expected = stats.rankdata(-table, axis=1).mean(axis=0)
    assert dict(zip(found.methods, found.mean_rank, strict=True)) == pytest.approx(
        dict(zip("abc", expected, strict=True))
    )
    assert found.methods == ("c", "b", "a")
    assert (found.cells, found.left_out) == (3, 0)
    assert found.low == found.mean_rank == found.high


def test_methods_that_are_not_separated_share_the_ranks_between_them():
    records = board_of([30.0, 30.1, 90.0], ipc=1) + board_of([30.1, 30.0, 90.0], ipc=10)
    (found,) = standings(build(records))
    assert found.methods == ("c", "a", "b")
    assert found.mean_rank == (1.0, 2.5, 2.5)
    assert (found.low, found.high) == ((1.0, 2.0, 2.0), (1.0, 3.0, 3.0))


def test_the_ranks_of_a_column_always_have_one_sum():
    generator = np.random.default_rng(0)
    records = [r for ipc in (1, 10) for r in board_of(generator.normal(50, 1, 5), ipc=ipc)]
    (found,) = standings(build(records))
    assert sum(found.mean_rank) == pytest.approx(5 * 6 / 2)


def test_columns_that_a_method_lacks_are_left_out_and_counted():
    records = [r for ipc in (1, 10) for r in board_of([10.0, 50.0, 90.0], ipc=ipc)]
    records += board_of([90.0, 10.0], ipc=50)
    (found,) = standings(build(records))
    assert found.methods == ("c", "b", "a")
    assert (found.cells, found.left_out) == (2, 1)


def test_columns_in_which_a_method_could_not_be_tested_are_left_out():
    records = [r for ipc in (1, 10) for r in board_of([10.0, 50.0, 90.0], ipc=ipc)]
    records += board_of([90.0, 10.0], ipc=50) + several("c", 5.0, ipc=50, noise=[0.0])
    (found,) = standings(build(records))
    assert (found.cells, found.left_out) == (2, 1)


def test_columns_are_those_of_all_sets_sizes_and_students():
    records = [
        r
        for where in (
            {"dataset": "woof"},
            {"ipc": 1},
            {"student": "resnet18"},
        )
        for r in board_of([10.0, 50.0], **where)
    ]
    (found,) = standings(build(records))
    assert found.cells == 3


def test_two_protocols_have_two_standings():
    records = [
        r
        for protocol in ("hard", "soft")
        for ipc in (1, 10)
        for r in board_of([10.0, 50.0], ipc=ipc, protocol=protocol)
    ]
    assert [(s.protocol, s.metric) for s in standings(build(records))] == [
        ("hard", "top1_last"),
        ("soft", "top1_last"),
    ]


def embedded(name: str, dataset: str) -> str:
    """Return an identity with a field that is resolved for the set, as those of s3 are."""
    return f"{name}@2+select[alpha={len(dataset)}]"


def test_methods_whose_fields_follow_the_set_have_an_average_rank():
    records = [
        r
        for dataset in ("nette", "woofwoof")
        for method, value in (("s3", 10.0), ("random", 50.0))
        for r in several(method, value, dataset=dataset, method_identity=embedded(method, dataset))
    ]
    (found,) = standings(build(records))
    assert (found.methods, found.cells, found.left_out) == (("random", "s3"), 2, 0)


def test_methods_are_called_as_in_the_tables_where_these_agree():
    records = [r for ipc in (1, 10) for r in board_of([10.0, 50.0, 90.0], ipc=ipc)]
    long = {"a": "a+steps=4", "b": "b+steps=4", "c": "c+steps=4"}
    shortened = [
        replace(r, method=replace(r.method, label=long[r.method.name], short=r.method.name))
        for r in records
    ]
    (found,) = standings(build(shortened))
    assert found.methods == ("c", "b", "a")
    # On one board "c" is something else too, under another protocol: the tables do not agree.
    other = several("c", 5.0, ipc=1, protocol="soft", method_identity="c+x=1")
    (found,) = standings(build([*shortened, *other]))
    assert (found.methods, found.cells) == (("c+steps=4", "b", "a"), 2)


def test_methods_of_another_revision_or_request_are_never_averaged():
    for first, second in ((("m", "m+x=1"), ("m", "m@2+x=1")), (("m", "m"), ("m+x=1", "m+x=1"))):
        records = [
            r
            for ipc, (label, identity) in ((1, first), (10, second))
            for method, named, value in ((label, identity, 10.0), ("other", "other", 50.0))
            for r in several(method, value, ipc=ipc, method_identity=named)
        ]
        (found,) = standings(build(records))
        assert (found.methods, found.cells, found.left_out) == ((), 0, 2)


def test_protocols_of_another_request_are_never_averaged():
    records = [
        r
        for ipc, protocol in ((1, "hard"), (10, "hard"), (1, "hard+lr=1"), (10, "hard+lr=1"))
        for r in board_of([10.0, 50.0], ipc=ipc, protocol=protocol)
    ]
    found = standings(build(records))
    assert {(one.protocol, one.cells) for one in found} == {("hard", 2), ("hard+lr=1", 2)}


def test_two_requests_of_one_label_on_a_board_stay_apart():
    records = [
        r
        for ipc in (1, 10)
        for identity, value in (("m+x=1", 10.0), ("m+x=2", 50.0))
        for r in several("m", value, ipc=ipc, method_identity=identity)
    ]
    records = [replace(r, key=f"{r.key}/{r.method.identity}") for r in records]
    records = [replace(r, distilled=f"{r.distilled}/{r.method.identity}") for r in records]
    (found,) = standings(build(records))
    assert found.methods == ("m (m+x=2)", "m (m+x=1)")


def test_without_a_complete_column_there_is_no_average_and_that_is_said():
    records = [
        r
        for ipc, methods in ((1, "ab"), (10, "bc"), (50, "ac"))
        for r in board_of([10.0, 50.0], ipc=ipc, methods=methods)
    ]
    (found,) = standings(build(records))
    assert (found.methods, found.mean_rank, found.cells, found.left_out) == ((), (), 0, 3)


def test_boards_that_rank_nothing_say_so_themselves():
    records = [r for ipc in (1, 10) for m in "ab" for r in several(m, 1.0, ipc=ipc, noise=[0.0])]
    assert standings(build(records)) == []


def test_two_revisions_of_a_protocol_are_never_averaged():
    records = [
        r
        for ipc, identity in ((1, "hard+epochs=9"), (10, "hard@2"), (50, "hard@2+epochs=9"))
        for r in board_of([10.0, 50.0], ipc=ipc, identity=identity)
    ]
    (found,) = standings(build(records))
    assert (found.protocol, found.cells) == ("hard (hard@2)", 2)


@pytest.mark.parametrize("values", [[10.0], [10.0, 50.0]])
def test_one_method_or_one_column_has_no_standing(values):
    assert standings(build(board_of(values))) == []
    assert standings([]) == []


def test_references_take_no_part():
    records = [r for ipc in (1, 10) for r in board_of([10.0, 50.0], ipc=ipc)]
    whole = [r for r in several("full", 95.0, ipc=None)]
    (found,) = standings(build([*records, *whole]))
    assert found.methods == ("b", "a")


def test_the_order_of_boards_changes_no_rank():
    boards = build(r for ipc in (1, 10, 50) for r in board_of([10.0, 50.0, 30.0], ipc=ipc))
    assert standings(boards) == standings(boards[::-1])

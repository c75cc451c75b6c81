from __future__ import annotations

import itertools
import subprocess
import sys
from collections import Counter

import msgspec
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.records import Data, Described, Provenance, Record
from leaderboards import build

FLOAT = st.floats(0, 100)


def described(label: str, identity: str = "", origin: str = "") -> Described:
    name = label.partition("+")[0]
    return Described(name, label, identity or label, asked={}, fields={}, origin=origin)


def provenance(seconds: float = 1.0, started: str = "2026-01-01T00:00:00Z") -> Provenance:
    return Provenance(started, seconds, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")


def evaluation(label="random", ipc=10, at=(0, 0), **changes) -> Record:
    """Return a record of one student; the distilled set is that of its seed."""
    given_data = changes.pop("data", {})
    fields = {
        "name": "nette",
        "train_split": "train",
        "test_split": "val",
        "train_revision": "t1",
        "test_revision": "v1",
        "num_classes": 10,
    }
    defaults = {
        "kind": "evaluation",
        "key": f"{label}/{ipc}/{at}/{sorted(map(str, changes.items()))}/{given_data}",
        "data": Data(**fields | given_data),
        "method": described(label),
        "ipc": ipc,
        "seed": at[0],
        "stochastic": True,
        "protocol": described("hard"),
        "student": described("convnet3"),
        "student_seed": at,
        "distilled": f"{label}/{ipc}/{at[0]}",
        "scores": {"top1_last": 50.0, "top1_best": 60.0},
        "provenance": provenance(),
    }
    return Record(**defaults | changes)


def distillation(label="random", ipc=10, seed=0, seconds=1.0, **changes) -> Record:
    return evaluation(
        label,
        ipc,
        kind="distillation",
        key=f"distil {label}/{ipc}/{seed}",
        seed=seed,
        distilled=f"{label}/{ipc}/{seed}",
        protocol=None,
        student=None,
        student_seed=None,
        scores={},
        facts={"images": 100, "bytes": 5000},
        provenance=provenance(seconds),
        **changes,
    )


def full(**changes) -> Record:
    return evaluation("full", None, stochastic=False, distilled="full", **changes)


def last(value: float) -> dict[str, float]:
    return {"top1_last": value}


def column_of(board, **wanted) -> int:
    (index,) = [
        index
        for index, column in enumerate(board.columns)
        if all(getattr(column, name) == value for name, value in wanted.items())
    ]
    return index


def cells_of(board, metric="top1_last", **wanted) -> dict:
    index = column_of(board, metric=metric, **wanted)
    return {row.method: row.cells[index] for row in board.rows}


@st.composite
def many_records(draw) -> list[Record]:
    """Draw records of a few methods, sets, protocols and students, each request once."""
    one = st.tuples(
        st.sampled_from(["random", "kmeans", "full"]),
        st.sampled_from(["t1", "t2"]),
        st.sampled_from(["v1", "v2"]),
        st.sampled_from([1, 10]),
        st.sampled_from(["hard", "vendor/odd"]),
        st.sampled_from(["convnet3", "resnet18"]),
        st.tuples(st.integers(0, 2), st.integers(0, 1)),
    )
    requests = draw(st.lists(one, max_size=30, unique=True))
    return [
        evaluation(
            method,
            None if method == "full" else ipc,
            student,
            key=str(index),
            data={"train_revision": train, "test_revision": test},
            protocol=described(protocol),
            student=described(net),
            distilled=f"{method}{train}{0 if method == 'full' else (ipc, student[0])}",
            scores=last(draw(FLOAT)),
        )
        for index, (method, train, test, ipc, protocol, net, student) in enumerate(requests)
    ]


def test_no_records_give_no_boards():
    assert build([]) == []


@settings(deadline=None)
@given(
    many_records().flatmap(lambda records: st.tuples(st.just(records), st.permutations(records)))
)
def test_the_order_of_records_changes_nothing(pair):
    records, shuffled = pair
    assert build(shuffled) == build(records)


@settings(deadline=None)
@given(many_records())
def test_every_cell_holds_exactly_the_records_of_its_headings(records):
    for board in build(records):
        for row in board.rows:
            for column, cell in zip(board.columns, row.cells, strict=True):
                own = [
                    (record.distilled, record.scores["top1_last"])
                    for record in records
                    if record.data.train_revision == board.train_revision
                    and record.data.test_revision == board.test_revision
                    and record.ipc == (None if row.reference else board.ipc)
                    and record.method.label == row.method
                    and record.protocol.label == column.protocol
                    and record.student.label == column.student
                ]
                assert bool(own) == (cell is not None)
                if cell:
                    frame = pd.DataFrame(own, columns=["distilled", "number"])
                    assert Counter(value.number for value in cell.values) == Counter(frame.number)
                    of_sets = frame.groupby("distilled").number.mean()
                    assert cell.mean == pytest.approx(of_sets.mean())


@settings(deadline=None)
@given(many_records())
def test_every_set_and_ipc_that_was_run_has_one_board(records):
    boards = [(b.dataset, b.train_revision, b.test_revision, b.ipc) for b in build(records)]
    run = {(r.data.name, r.data.train_revision, r.data.test_revision, r.ipc) for r in records}
    lonely = {
        key
        for key in run
        if key[3] is None
        and not any(other[:3] == key[:3] and other[3] is not None for other in run)
    }
    assert len(boards) == len(set(boards))
    assert set(boards) == {key for key in run if key[3] is not None} | lonely


@settings(deadline=None)
@given(many_records())
def test_a_column_is_ranked_as_far_as_its_seeds_tell_and_references_never(records):
    for board in build(records):
        for index, column in enumerate(board.columns):
            cells = [row.cells[index] for row in board.rows if not row.reference]
            ranked = [cell for cell in cells if cell and cell.rank is not None]
            assert len(ranked) == column.told.tested
            for own in ranked:
                separated = [other for other in ranked if not set(own.ties) & set(other.ties)]
                assert own.rank <= 1 + len(separated)
                assert own.rank_low <= own.rank <= own.rank_high
                assert len({value.seed for value in own.values}) > 1
            assert not any(
                r.cells[index].ties for r in board.rows if r.reference and r.cells[index]
            )


@settings(deadline=None)
@given(many_records())
def test_rows_are_sorted_by_the_means_of_the_first_ranked_column_that_both_have(records):
    for board in build(records):
        rows = [row for row in board.rows if not row.reference]
        for upper, lower in itertools.pairwise(rows):
            pairs = list(zip(upper.cells, lower.cells, strict=True))
            first = next((pair for pair in pairs if any(pair)), None)
            if first and all(first):
                assert first[0].mean >= first[1].mean
            elif first:
                assert first[0] is not None


def test_rows_are_sorted_by_mean_with_references_last():
    (board,) = build(
        [
            evaluation("worst", scores=last(10.0)),
            full(scores=last(90.0)),
            evaluation("best", scores=last(30.0)),
            evaluation("middle", scores=last(20.0)),
        ]
    )
    assert [row.method for row in board.rows] == ["best", "middle", "worst", "full"]


def several(label: str, *numbers: float, **changes) -> list[Record]:
    """Return the records of one student for each of several sets."""
    return [
        evaluation(label, at=(s, 0), scores=last(number), **changes)
        for s, number in enumerate(numbers)
    ]


def test_methods_that_differ_beyond_the_noise_of_their_seeds_are_ranked():
    records = [
        *several("a", 10.0, 11.0, 10.5),
        *several("b", 50.0, 51.5, 50.2),
        *several("c", 80.0, 80.9, 80.6),
    ]
    (board,) = build(records)
    found = {name: (cell.rank, cell.ties) for name, cell in cells_of(board).items()}
    assert found == {"a": (3, "c"), "b": (2, "b"), "c": (1, "a")}
    told = board.columns[0].told
    assert (told.tested, told.blocks, told.kind) == (3, 3, "sets")


def test_methods_that_do_not_share_rank_and_letter():
    (board,) = build([*several("a", 10.0, 30.0, 20.0), *several("b", 25.0, 15.0, 24.0)])
    assert {name: (cell.rank, cell.ties) for name, cell in cells_of(board).items()} == {
        "a": (1, "a"),
        "b": (1, "a"),
    }
    assert [row.method for row in board.rows] == ["b", "a"]


def test_one_distilled_set_a_method_ranks_nothing_however_many_students_there_are():
    records = [
        evaluation(method, at=(0, r), scores=last(value + r / 10))
        for method, value in (("a", 10.0), ("b", 90.0))
        for r in range(4)
    ]
    (board,) = build(records)
    assert board.columns[0].told.tested == 0
    assert all(cell.rank is None and cell.ties == "" for cell in cells_of(board).values())


def test_a_reference_takes_no_part_in_ranks():
    records = [*several("a", 10.0, 11.0, 10.5), *several("b", 50.0, 51.5, 50.2)]
    references = [full(at=(s, 0), scores=last(90.0 + s)) for s in range(3)]
    (board,) = build([*records, *references])
    assert board.columns[0].told.tested == 2
    assert cells_of(board)["full"].rank is None
    assert cells_of(board)["b"].rank == 1


def test_the_best_epoch_stands_beside_the_last_and_is_never_ranked():
    records = [
        evaluation(method, at=(s, 0), scores={"top1_last": value + s, "top1_best": value + s})
        for method, value in (("a", 10.0), ("b", 50.0))
        for s in range(3)
    ]
    (board,) = build(records)
    assert [column.metric for column in board.columns] == ["top1_last", "top1_best"]
    assert {cell.rank for cell in cells_of(board).values()} == {1, 2}
    assert {cell.rank for cell in cells_of(board, "top1_best").values()} == {None}
    assert board.columns[1].told is None


def distance(label: str, number: float, seed: int = 0, stochastic: bool = True, **card) -> Record:
    """Return the record of a metric of the images themselves."""
    return evaluation(
        label,
        at=(seed, 0),
        key=f"{label}/{seed}/fid",
        stochastic=stochastic,
        distilled=f"{label}/{seed if stochastic else 0}",
        protocol=described("fidelity"),
        student=None,
        student_seed=None,
        scores={"fid": number},
        cards={"fid": {"extractor": "embedded", "distilled": 50} | card},
    )


def test_the_lower_distance_is_better_and_one_without_randomness_needs_no_seeds():
    records = [distance("a", 40.0 + s / 10, s) for s in range(3)]
    records += [distance("b", 90.0 + s / 10, s) for s in range(3)]
    (board,) = build([*records, distance("fixed", 60.0, stochastic=False)])
    found = {name: (cell.rank, cell.rank_high) for name, cell in cells_of(board, "fid").items()}
    assert found == {"a": (1, 1), "fixed": (2, 2), "b": (3, 3)}
    assert [row.method for row in board.rows] == ["a", "fixed", "b"]
    assert (board.columns[0].block, board.columns[0].facts["distilled"]) == ("distribution", "50")


def test_distances_of_unequal_numbers_of_images_are_ranked_apart():
    records = [distance("a", 40.0 + s / 10, s) for s in range(3)]
    records += [distance("b", 90.0 + s / 10, s, distilled=30) for s in range(3)]
    (board,) = build(records)
    assert [column.told.tested for column in board.columns] == [0, 0]


def test_scores_of_no_table_are_shown_and_never_ranked():
    (board,) = build([evaluation(scores={"vendor_score": 3.0})])
    assert board.columns[0].score.title == "vendor_score"
    assert board.rows[0].cells[0].rank is None


def test_a_method_that_was_not_run_there_has_an_empty_cell():
    (board,) = build([evaluation("a"), evaluation("b", at=(0, 1), protocol=described("soft"))])
    assert cells_of(board, protocol="soft")["a"] is None
    assert cells_of(board, protocol="hard")["b"] is None


def test_a_reference_stands_on_every_board_and_alone_only_if_there_is_no_other():
    boards = build([evaluation(ipc=10), evaluation(ipc=1), full()])
    assert [board.ipc for board in boards] == [1, 10]
    assert all(board.rows[-1].method == "full" for board in boards)
    (alone,) = build([full()])
    assert alone.ipc is None
    assert cells_of(alone)["full"].rank is None


def test_a_reference_of_another_test_set_stays_away():
    boards = build([evaluation(), full(data={"test_revision": "v2"})])
    assert [[row.method for row in board.rows] for board in boards] == [["random"], ["full"]]


def test_two_identities_of_one_label_are_two_rows_that_show_them():
    (board,) = build(
        [
            evaluation("kmeans", method=described("kmeans", "kmeans@1")),
            evaluation("kmeans", method=described("kmeans", "kmeans@2")),
        ]
    )
    assert {row.method for row in board.rows} == {"kmeans (kmeans@1)", "kmeans (kmeans@2)"}


def test_two_origins_of_one_identity_are_two_rows_that_show_them():
    origins = ("", "vendor 1.0", "vendor 2.0")
    records = [evaluation("x", method=described("x", origin=origin)) for origin in origins]
    (board,) = build(records)
    assert {row.method for row in board.rows} == {
        "x (x, built in)",
        "x (x, vendor 1.0)",
        "x (x, vendor 2.0)",
    }


def test_what_has_to_be_said_of_a_method_is_said_of_its_row_though_older_records_lack_it():
    records = [
        evaluation("x", at=(seed, 0), method=msgspec.structs.replace(described("x"), remark=remark))
        for seed, remark in enumerate(("ours", ""))
    ]
    for order in (records, records[::-1]):
        (board,) = build(order)
        assert [row.remark for row in board.rows] == ["ours"]


def test_two_identities_of_a_protocol_are_two_columns():
    (board,) = build(
        [
            evaluation(protocol=described("hard", "hard@1"), scores=last(1.0)),
            evaluation(protocol=described("hard", "hard@2"), scores=last(2.0)),
        ]
    )
    assert [column.protocol for column in board.columns] == ["hard (hard@1)", "hard (hard@2)"]


def test_a_protocol_that_follows_the_student_needs_no_longer_heading():
    (board,) = build(
        [
            evaluation(protocol=described("hard", "hard+lr=1"), student=described("convnet3")),
            evaluation(protocol=described("hard", "hard+lr=2"), student=described("resnet18")),
        ]
    )
    assert {column.protocol for column in board.columns} == {"hard"}


def test_scores_of_different_cards_are_never_in_one_column():
    records = [
        evaluation(
            method,
            protocol=described("fidelity"),
            student=None,
            student_seed=None,
            scores={"fid": 9.0},
            cards={"fid": {"extractor": extractor, "n_real": 100}},
        )
        for method, extractor in (("a", "inception"), ("b", "resnet18"))
    ]
    (board,) = build(records)
    assert [column.group for column in board.columns] == ["images", "images"]
    assert [column.distinction for column in board.columns] == [
        "extractor=inception",
        "extractor=resnet18",
    ]
    assert all(sum(cell is not None for cell in row.cells) == 1 for row in board.rows)


def test_a_reference_run_for_other_epochs_stands_in_the_column_and_says_so():
    (board,) = build(
        [
            evaluation(protocol=described("hard", "hard+epochs=2000")),
            full(protocol=described("hard", "hard+epochs=300")),
        ]
    )
    cells = cells_of(board)
    assert cells["full"].protocol == "hard+epochs=300"
    assert cells["random"].protocol == ""


def test_two_protocols_of_a_reference_are_never_brought_into_one_column():
    (board,) = build(
        [
            evaluation(protocol=described("hard", "hard@3")),
            full(protocol=described("hard", "hard@1"), scores=last(1.0)),
            full(protocol=described("hard", "hard@2"), scores=last(2.0)),
        ]
    )
    (row,) = [row for row in board.rows if row.reference]
    assert sorted(cell.mean for cell in row.cells if cell) == [1.0, 2.0]


def test_sets_of_a_folder_that_changed_are_not_mixed():
    (board,) = build(
        [
            evaluation("folder", distilled="sha256:aaaaaaaabb", scores=last(10.0)),
            evaluation("folder", distilled="sha256:ccccccccdd", scores=last(20.0)),
        ]
    )
    means = {name: cell.mean for name, cell in cells_of(board).items()}
    assert means == {"folder (set aaaaaaaa)": 10.0, "folder (set cccccccc)": 20.0}


def test_sets_of_a_method_without_randomness_that_differ_are_not_mixed():
    """Its sets do not depend on the seed, so something else has changed."""
    records = [
        evaluation("first", at=(s, 0), stochastic=False, distilled=f"sha256:{s * 2}")
        for s in range(2)
    ]
    (board,) = build(records)
    assert {row.method for row in board.rows} == {"first (set 0)", "first (set 2)"}


def test_a_method_without_randomness_has_one_set_whatever_the_seeds():
    records = [
        evaluation("first", at=(s, r), stochastic=False, distilled="one")
        for s in range(2)
        for r in range(2)
    ]
    (board,) = build(records)
    (row,) = board.rows
    assert not row.stochastic
    assert (row.cells[0].n_sets, row.cells[0].n_students) == (1, 4)


def test_costs_come_last_from_the_distillations():
    (board,) = build([distillation(seed=0, seconds=2.0), evaluation(), distillation(seed=1)])
    assert [c.metric for c in board.columns if c.group == "cost"] == ["images", "bytes", "seconds"]
    assert board.columns[-1].group == "cost"
    (seconds,) = cells_of(board, "seconds").values()
    assert (seconds.mean, seconds.n_sets, seconds.n_students) == (1.5, 2, 0)
    assert cells_of(board, "bytes")["random"].mean == 5000


def test_forward_passes_are_a_cost_of_the_methods_that_tell_them():
    guided = distillation("dit")
    guided = msgspec.structs.replace(guided, facts={**guided.facts, "forwards": 164.0})
    (board,) = build([distillation(), guided])
    assert board.columns[-1].metric == "forwards"
    assert not board.columns[-1].score.ranked
    forwards = cells_of(board, "forwards")
    assert forwards["dit"].mean == 164
    assert forwards.get("random") is None


def test_groups_stand_in_the_order_hard_soft_other_images_cost():
    metric = {"student": None, "student_seed": None, "scores": {"fid": 1.0}}
    (board,) = build(
        [
            distillation(),
            evaluation(protocol=described("fidelity"), **metric),
            evaluation(protocol=described("vendor/odd")),
            evaluation(protocol=described("soft/rded")),
            evaluation(protocol=described("hard/igd")),
        ]
    )
    assert list(dict.fromkeys(column.group for column in board.columns)) == [
        "hard",
        "soft",
        "other",
        "images",
        "cost",
    ]


def test_students_stand_in_the_order_of_their_depth():
    nets = ("resnet101", "resnet18", "convnet6")
    (board,) = build([evaluation(student=described(net), scores=last(1.0)) for net in nets])
    assert [column.student for column in board.columns] == ["convnet6", "resnet18", "resnet101"]


def test_of_two_records_of_one_request_the_later_counts():
    records = [
        evaluation(key="k", scores=last(value), provenance=provenance(started=started))
        for value, started in ((1.0, "2026-01-01T00:00:00Z"), (2.0, "2026-01-02T00:00:00Z"))
    ]
    for ordered in (records, records[::-1]):
        assert cells_of(build(ordered)[0])["random"].values[0].number == 2.0


def test_leaderboards_and_reports_never_import_torch():
    code = (
        "import sys, leaderboards, leaderboards.ranks.standings;"
        "import reports.terminal, reports.markdown, reports.long_csv, reports.standings;"
        "heavy = {'torch', 'pandas', 'scipy', 'statsmodels'};"
        "sys.exit(any(name.partition('.')[0] in heavy for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Soft labels -------------------------------------------------------------------------------------


def soft(label="random", student="convnet3", teacher="t1", **changes) -> Record:
    """Return a soft record with the facts of its teacher."""
    facts = {
        "teacher": teacher,
        "teacher_top1": 90.0,
        "teacher_classes": "10 of 10",
        "epochs": 60,
        "updates": 300,
        "images_bytes": 12_100,
        "labels_bytes": 0,
        "teacher_bytes": 520_000,
        "stored_bytes": 532_100,
    }
    defaults = {
        "protocol": described("soft", "soft/rded+lr=0.001"),
        "student": described(student),
        "facts": facts | changes.pop("facts", {}),
        "cards": {name: {"teacher": teacher} for name in ("top1_last", "top1_best")},
    }
    return evaluation(label, **defaults | changes)


ALIASES = st.sampled_from(["hard", "soft", "hard/minimax", "soft/rded", "mine", "x"])


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(ALIASES, st.sampled_from(["hard/minimax", "soft/rded"]), st.integers(0, 9)),
        min_size=1,
        max_size=8,
        unique=True,
    )
)
def test_hard_and_soft_never_share_a_column_whatever_they_are_called(runs):
    records = []
    for alias, kind, number in runs:
        named = Described(alias, alias, f"{kind}@2+epochs=3", asked={}, fields={})
        value = number + (100.0 if kind.startswith("soft") else 0.0)
        records.append(
            evaluation(key=str(len(records)), protocol=named, at=(0, number), scores=last(value))
        )
    (board,) = build(records)
    for index, column in enumerate(board.columns):
        numbers = [v.number for row in board.rows for v in (row.cells[index].values)]
        expected = {"hard": all(n < 100 for n in numbers), "soft": all(n >= 100 for n in numbers)}
        assert expected[column.group]


def test_a_protocol_of_a_third_party_is_neither_hard_nor_soft_by_its_alias():
    (board,) = build([evaluation(protocol=described("hard", "vendor/odd"))])
    assert {column.group for column in board.columns} == {"other"}


def test_scores_of_two_teachers_stand_in_two_columns_that_name_them():
    (board,) = build([soft("a", teacher="t1"), soft("b", teacher="t2")])
    found = [c.distinction for c in board.columns if c.metric == "top1_last"]
    assert found == ["teacher=t1", "teacher=t2"]
    assert [c.distinction for c in board.columns if c.metric == "stored_bytes"] == found


def test_the_stored_size_is_a_cost_of_the_protocol_once_a_set():
    records = [
        soft(at=(s, r), student=net, protocol=described("soft", f"soft/rded+lr={net}"))
        for s in range(2)
        for r in range(2)
        for net in ("convnet3", "resnet18")
    ]
    (board,) = build([*records, distillation()])
    column = board.columns[column_of(board, metric="stored_bytes")]
    assert (column.group, column.protocol, column.student) == ("cost", "soft", "")
    cell = cells_of(board, "stored_bytes")["random"]
    assert (cell.mean, cell.n_sets, cell.n_students) == (532_100, 2, 0)
    assert not column.score.ranked


def test_a_hard_record_has_no_stored_size_and_no_remark():
    (board,) = build([evaluation(), distillation()])
    assert "stored_bytes" not in {column.metric for column in board.columns}
    assert board.remarks == ()


def test_a_remark_names_teacher_quality_length_and_size():
    (board,) = build([soft(), soft("kmeans", facts={"images_bytes": 15_000, "teacher_top1": 91.0})])
    assert board.remarks == (
        "soft on nette: teacher t1 (90.5 % of the test images right), 60 epochs, 300 updates; "
        "12.1 kB to 15 kB of images + 520 kB of teacher",
    )


def test_a_remark_says_which_classes_of_its_own_a_teacher_was_asked_for():
    facts = {"teacher_classes": "10 of 1000", "labels_bytes": 6_000_000_000, "teacher_bytes": 0}
    (remark,) = build([soft(facts=facts)])[0].remarks
    assert "(90.0 % of the test images right, 10 of its 1000 classes)" in remark
    assert remark.endswith("12.1 kB of images + 6 GB of labels")


def test_a_warning_about_a_teacher_is_said_once():
    facts = {"teacher_warning": "The test images may overlap."}
    (board,) = build([soft(at=(0, r), facts=facts) for r in range(3)])
    assert board.remarks[1:] == ("soft on nette: The test images may overlap.",)


def test_a_reference_row_does_not_blur_the_remark():
    whole = soft("full", ipc=None, facts={"epochs": 9, "updates": 999}, distilled="full")
    (board,) = build([soft(), whole])
    assert "60 epochs, 300 updates" in board.remarks[0]


def test_a_row_is_headed_by_the_short_label_where_every_record_agrees_on_it():
    plain = described("dit+steps=20")
    short = msgspec.structs.replace(plain, short="dit")

    def heading(*methods):
        records = [evaluation("dit+steps=20", at=(s, 0), method=m) for s, m in enumerate(methods)]
        return build(records)[0].rows[0].method

    assert heading(short, short) == "dit"
    assert heading(short, plain) == "dit+steps=20"

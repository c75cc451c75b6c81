from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.records import Data, Described, Provenance, Record
from leaderboards import build
from leaderboards.labels import with_one_label

PROVENANCE = Provenance("2026-01-01", 1.0, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")


def described(label: str, identity: str = "", **fields) -> Described:
    return Described(label.partition("+")[0], label, identity or label, asked={}, fields=fields)


def record(method="random", protocol="hard", student="convnet3", seed=0, ipc=10, **changes):
    """Return a record; names are labels, or pairs of label and identity, or `Described`."""
    made = [
        given if isinstance(given, Described) else described(*_pair(given))
        for given in (method, protocol, student)
    ]
    fields = {
        "kind": "evaluation",
        "key": str((made, seed, ipc, sorted(changes.items()))),
        "data": Data("nette", "train", "val", "t1", "v1", 10),
        "ipc": ipc,
        "seed": seed,
        "stochastic": True,
        "student_seed": (seed, 0),
        "distilled": f"{made[0].identity}/{seed}",
        "scores": {"top1_last": 50.0},
        "provenance": PROVENANCE,
    }
    return Record(method=made[0], protocol=made[1], student=made[2], **fields | changes)


def _pair(given):
    return given if isinstance(given, tuple) else (given, given)


def labels(records, part="protocol") -> list[str]:
    return [getattr(record, part).label for record in with_one_label(records)]


def test_two_labels_of_one_protocol_are_one_column_under_the_shorter():
    (board,) = build(
        [
            record(protocol=("hard+epochs=300", "hard@2+epochs=300"), seed=0),
            record(protocol=("mine", "hard@2+epochs=300"), seed=1),
        ]
    )
    assert [column.protocol for column in board.columns] == ["mine"]
    assert board.rows[0].cells[0].n_sets == 2


def test_two_labels_of_one_method_are_one_row_and_of_one_student_one_column():
    (board,) = build(
        [
            record(("theirs", "dit"), student=("small", "convnet3+width=32"), seed=0),
            record(("dit", "dit"), student=("convnet3+width=32", "convnet3+width=32"), seed=1),
        ]
    )
    assert [row.method for row in board.rows] == ["dit"]
    assert [column.student for column in board.columns] == ["small"]
    assert board.rows[0].cells[0].n_sets == 2


def test_a_registered_name_is_kept_however_short_its_aliases_are():
    """Published numbers are found by it."""
    for name, identity in (("mgd3", "mgd3"), ("mgd3/paper", "mgd3+discovery=mixture")):
        records = [record(("m", identity), seed=0), record((name, identity), seed=1)]
        assert labels(records, "method") == [name] * 2


def test_of_labels_with_and_without_fields_an_alias_is_taken_though_it_is_longer():
    records = [
        record(protocol=("hard+lr=1", "hard@2+lr=1"), seed=0),
        record(protocol=("a-name-of-mine", "hard@2+lr=1"), seed=1),
    ]
    assert labels(records) == ["a-name-of-mine"] * 2


def test_of_labels_of_equal_length_the_first_of_the_alphabet_is_taken():
    records = [record(protocol=(label, "x"), seed=s) for s, label in enumerate(("bb", "aa", "cc"))]
    assert labels(records) == labels(records[::-1]) == ["aa"] * 3


def test_a_label_that_stands_for_something_else_too_is_not_taken():
    records = [
        record(protocol=("hard", "hard+epochs=2000"), seed=0),
        record(protocol=("hard", "hard+epochs=300"), seed=1),
        record(protocol=("hard+epochs=300", "hard+epochs=300"), seed=2),
    ]
    assert labels(records) == ["hard", "hard+epochs=300", "hard+epochs=300"]


def test_a_label_may_stand_for_another_recipe_under_another_student():
    records = [
        record(protocol=("hard", "hard+lr=1"), student="convnet3"),
        record(protocol=("hard", "hard+lr=2"), student="resnet18", seed=0),
        record(protocol=("hard+lr=2", "hard+lr=2"), student="resnet18", seed=1),
    ]
    assert labels(records) == ["hard"] * 3


def test_a_reference_that_is_run_for_other_epochs_takes_no_label_away():
    records = [
        record(protocol=("hard", "hard+epochs=2000"), seed=0),
        record(protocol=("hard+epochs=2000", "hard+epochs=2000"), seed=1),
        record("full", ("hard", "hard+epochs=300"), ipc=None),
    ]
    assert labels(records) == ["hard"] * 3


def test_folders_of_one_identity_stay_two_rows():
    (board,) = build(
        [
            record(described("ours", "folder", pattern="a"), distilled="sha256:aa"),
            record(described("theirs", "folder", pattern="b"), distilled="sha256:bb"),
        ]
    )
    assert {row.method for row in board.rows} == {"ours", "theirs"}


def test_a_field_that_older_records_lack_is_no_difference():
    old, new = described("a", "x", steps=3), described("bb", "x", steps=3, added=1)
    assert labels([record(old, seed=0), record(new, seed=1)], "method") == ["a", "a"]


def test_two_origins_of_one_identity_keep_their_labels():
    other = replace(described("theirs", "x"), origin="vendor 1.0")
    assert labels([record(("ours", "x")), record(other)], "method") == ["ours", "theirs"]


def test_records_without_another_label_are_left_as_they_are():
    records = [record(), record(seed=1), record(protocol="soft")]
    assert with_one_label(records) == records


NAMES = st.tuples(st.sampled_from(["a", "b", "bb", "ccc"]), st.sampled_from(["x", "y"]))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(NAMES, NAMES, st.integers(0, 9)), max_size=10), st.randoms())
def test_every_identity_has_one_heading_and_no_number_is_lost(runs, random):
    records = [
        record(method, protocol, seed=seed, key=str(index), scores={"top1_last": float(index)})
        for index, (method, protocol, seed) in enumerate(runs)
    ]
    boards = build(records)
    for board in boards:
        methods = Counter(row.name.identity for row in board.rows)
        protocols = Counter(column.protocol_name.identity for column in board.columns)
        assert set(methods.values()) | set(protocols.values()) == {1}
        assert len({row.method for row in board.rows}) == len(board.rows)
        numbers = [v.number for row in board.rows for c in row.cells if c for v in c.values]
        assert sorted(numbers) == [float(index) for index in range(len(records))]
    random.shuffle(records)
    assert build(records) == boards

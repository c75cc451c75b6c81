from __future__ import annotations

import pytest
from hostile import hostile
from made import WORST, material, texts, words
from msgspec.structs import replace

from bench.records import Record
from reports.material import gather
from reports.words.compared import compared
from reports.words.missing import NEEDED, missing


def told_of(*records: Record) -> list[str]:
    return texts(compared(gather(records)))


def test_methods_sets_protocols_seeds_and_counts_are_said(record):
    records = [
        record(method, ipc, (s, r), 30.0 + s, dataset=name)
        for name in ("x", "y")
        for method in ("random", "kmeans", "dit")
        for ipc in (1, 10)
        for s in range(3)
        for r in range(2)
    ]
    records += [record("full", None, (0, r), 80.0, dataset=name) for name in "xy" for r in (0, 1)]
    assert told_of(*records) == [
        "3 methods beside `full` on 2 real sets (`x` and `y`), with 1 and 10 images per class.",
        "Students were trained and tested under `hard` with `convnet3`.",
        "A method has 3 distilled sets of different seeds, each with 2 students.",
        "All of it rests on 76 records.",
    ]


def test_one_of_each_is_said_in_the_singular(record):
    assert told_of(record("random", 1)) == [
        "One method (`random`) on one real set (`nette`), with 1 image per class.",
        "Students were trained and tested under `hard` with `convnet3`.",
        "A method has one distilled set with one student.",
        "All of it rests on 1 record.",
    ]


def test_a_reference_alone_is_no_method(record):
    first, *_ = told_of(record("full", None))
    assert first == "`full` on one real set (`nette`)."


def test_protocols_with_equal_students_stand_together_by_their_short_names(record, images):
    labels = ("hard+epochs=9", "soft/rded+epochs=9")
    records = [record(protocol=label, student=s) for label in labels for s in ("a", "b+width=8")]
    records.append(record(protocol="other", student="a"))
    assert told_of(*records, images())[1:3] == [
        "Students were trained and tested under `hard` and `soft/rded` with `a` and `b`; under "
        "`other` with `a`.",
        "The images themselves were measured under `fidelity`.",
    ]


def test_names_that_would_be_cut_to_the_same_stay_whole(record):
    records = [record(protocol=f"hard+epochs={epochs}") for epochs in (9, 99)]
    assert "under `hard+epochs=9` and `hard+epochs=99` with" in told_of(*records)[1]


def test_a_method_without_randomness_has_one_set(record):
    fixed = [
        replace(record("first", at=(s, 0)), stochastic=False, seed=0, distilled="one")
        for s in range(3)
    ]
    assert (
        told_of(*fixed)[2] == "A method without randomness has one distilled set with 3 students."
    )
    both = told_of(*fixed, *(record("random", at=(s, 0)) for s in range(3)))
    assert both[2:4] == [
        "A method with randomness has 3 distilled sets of different seeds, each with one student.",
        "A method without randomness has one distilled set with 3 students.",
    ]


def test_seeds_and_students_that_differ_between_methods_are_all_said(record):
    records = [record("a", at=(s, 0)) for s in range(3)] + [record("b", at=(0, r)) for r in (0, 1)]
    assert told_of(*records)[2] == (
        "A method has 1 or 3 distilled sets of different seeds, each with 1 or 2 students."
    )


def test_seeds_that_gave_one_set_are_no_sets_of_their_own(record, images):
    """As k-means does at IPC 1, whatever the seed."""
    equal = [replace(record("kmeans", at=(s, 0)), distilled="equal") for s in range(3)]
    start = "A method has one distilled set, whatever the seed"
    assert told_of(*equal)[2] == f"{start}, with 3 students."
    bare = [replace(images("kmeans", seed=s), distilled="equal") for s in range(3)]
    assert told_of(*bare)[2] == f"{start}."
    both = told_of(*equal, *(record("random", at=(s, 0)) for s in range(3)))
    assert both[2] == (
        "A method has 1 or 3 distilled sets of different seeds (equal ones count once), each with "
        "1 or 3 students."
    )


def test_students_are_counted_per_protocol_and_architecture_where_there_are_several(record):
    of_each = [record(protocol=protocol, student=s) for protocol in "xy" for s in "ab"]
    end = "one distilled set with one student"
    assert f"{end} per protocol and architecture." in told_of(*of_each)[2]
    assert f"{end} per architecture." in told_of(*of_each[:2])[2]
    assert f"{end} per protocol." in told_of(*of_each[::2])[2]
    assert f"{end}." in told_of(of_each[0])[2]


def test_a_method_that_no_student_learned_from_has_its_sets_counted_all_the_same(images):
    drawn = [images(seed=seed) for seed in range(2)]
    assert told_of(*drawn)[2] == "A method has 2 distilled sets of different seeds."
    fixed = [replace(drawn[0], stochastic=False)]
    assert told_of(*fixed)[2] == "A method without randomness has one distilled set."


def test_units_that_failed_are_counted(told_small):
    (*_, last) = texts(compared(told_small.material))
    assert last == f"All of it rests on {len(told_small.records)} records; 1 unit failed."


def test_nothing_is_said_of_nothing():
    assert compared(material()) == ()


@pytest.mark.parametrize("text", WORST)
def test_names_from_data_are_never_part_of_the_words(told_small, text):
    found, plainly = (compared(gather(hostile(told_small.records, name))) for name in (text, "x"))
    assert words(found) == words(plainly)


def test_sections_without_anything_to_show_are_named_with_what_they_need(record, told):
    found = dict(missing(gather([record(), record("kmeans")])))
    assert list(found) == list(NEEDED)
    assert texts([found["by-ipc"]]) == ["two IPCs or more (`--ipc 1,10`)."]
    assert texts([found["samples"]]) == [
        "a protocol that looks at them (`--protocols hard,fidelity`)."
    ]
    there = {name for name, _ in missing(told.material)}
    assert not there & {"by-ipc", "training", "metrics", "architectures", "samples", "coverage"}
    assert not there & {"guidance", "standings", "cost"}
    assert "published" in there

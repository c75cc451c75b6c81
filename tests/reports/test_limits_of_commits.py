from __future__ import annotations

import pytest
from made import WORST, words
from msgspec.structs import replace

from reports.material import gather
from reports.words.limits_of_commits import of_commits
from reports.words.sentences import text_of

TAIL = ": what differs between these need not be the method."
OLD, NEW, LAST = (letter * 40 for letter in "abc")


def at(record, commit):
    return replace(record, provenance=replace(record.provenance, commit=commit))


def said(*records):
    return [text_of(one) for one in of_commits(gather(records))]


def test_records_of_one_commit_or_of_none_are_not_spoken_of(record):
    assert said(at(record("a"), OLD), at(record("b"), OLD)) == []
    assert said(record("a"), record("b")) == []


def test_methods_of_one_column_at_other_commits_are_named(record):
    made = [at(record(name), NEW if name in ("im", "dit") else OLD) for name in "abcd"]
    made += [at(record(name), NEW) for name in ("im", "dit")]
    start = "The records come from 2 commits of the code, and methods of one comparison from "
    assert said(*made) == [
        f"{start}different ones (`dit` and `im` from `bbbbbbbb`, the others from `aaaaaaaa`){TAIL}"
    ]


def test_a_commit_that_only_distilled_counts_too(record, cost):
    made = [at(record(name), LAST) for name in "abc"]
    made += [at(cost(name), NEW if name == "a" else OLD) for name in "abc"]
    (text,) = said(*made)
    assert "3 commits" in text
    # The students of all are of one commit, which tells nothing apart.
    assert f"(`a` from `bbbbbbbb`, the others from `aaaaaaaa`){TAIL}" in text


def test_commits_that_differ_between_columns_alone_are_counted(record):
    made = [at(record(name, ipc), commit) for ipc, commit in ((1, OLD), (10, NEW)) for name in "ab"]
    assert said(*made) == [f"The records come from 2 commits of the code{TAIL}"]
    turned = [
        at(record(name, ipc), (OLD, NEW)[(ipc + ord(name)) % 2]) for ipc in (1, 10) for name in "ab"
    ]
    assert said(*turned) == [
        f"The records come from 2 commits of the code, also within one comparison{TAIL}"
    ]


def test_many_groups_are_counted_and_a_method_of_two_commits_has_both(record):
    made = [at(record(f"m{n}"), f"{n}" * 40) for n in range(6)]
    made += [replace(at(record("m0", at=(1, 0)), OLD), key="again")]
    made += [at(record(f"x{n}"), LAST) for n in range(3)]
    (text,) = said(*made)
    assert text.endswith(f", 3 more groups, the others from `cccccccc`){TAIL}")
    assert "`m0` from `00000000` and `aaaaaaaa`" in text


def test_references_are_not_held_against_methods(record):
    made = [at(record("a"), OLD), at(record("b"), OLD), at(record("full", None), NEW)]
    made.append(at(record("other", None), OLD))
    assert said(*made) == [f"The records come from 2 commits of the code{TAIL}"]


def test_a_commit_that_all_methods_have_is_named_where_one_has_no_other(record):
    made = [at(record(name), OLD) for name in "abc"]
    made.append(replace(at(record("a", at=(1, 0)), NEW), key="again"))
    (text,) = said(*made)
    assert "(`a` from `aaaaaaaa` and `bbbbbbbb`, the others from `aaaaaaaa`)" in text


@pytest.mark.parametrize("text", WORST)
def test_names_from_data_are_never_part_of_the_words(record, text):
    def found(name):
        made = [at(record(name), name), at(record("b"), NEW), at(record("c"), NEW)]
        return words(list(of_commits(gather(made))))

    assert found(text) == found("x")

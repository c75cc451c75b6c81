from __future__ import annotations

import pytest
from made import texts
from msgspec.structs import replace

from bench.records import Record
from reports.material import gather
from reports.words.limits import limits


def said(*records: Record) -> list[str]:
    return [text for text in texts(limits(gather(records))) if "guessing" in text]


@pytest.mark.parametrize(("classes", "last", "near"), [(10, 10.2, 1), (10, 15.0, 0), (2, 52.0, 1)])
def test_a_column_next_to_guessing_says_so(record, classes, last, near):
    """Guessing among so many classes is right in 1 / classes of the cases."""
    first = record(last=last)
    assert len(said(replace(first, data=replace(first.data, num_classes=classes)))) == near


def test_the_best_method_decides_and_a_reference_does_not(record):
    near = [record("a", last=10.0), record("full", None, last=10.0)]
    assert said(*near) == [
        "In the one accuracy column students do hardly better than guessing, so that methods "
        "cannot be judged by them: `nette` at IPC 10 (guessing: 10 %)."
    ]
    assert said(*near, record("b", last=50.0)) == []
    assert len(said(*near, record("full", None, (0, 1), last=90.0))) == 1


def test_where_all_columns_are_of_several_methods_they_are_called_comparisons(record):
    near = [record(name, last=10.0, student=student) for name in "ab" for student in "cd"]
    (text,) = said(*near)
    assert text.startswith("In both comparisons students do hardly better than guessing")
    (text,) = said(*near, record("a", last=10.0, student="e"))
    assert text.startswith("In all 3 accuracy columns students do hardly better than guessing")


def test_columns_next_to_guessing_are_counted_among_all_and_the_first_are_named(record):
    apart = [record(last=10.0, student=student) for student in "abcde"]
    (text,) = said(*apart, record(last=50.0, student="f"))
    assert text.startswith("In 5 of 6 accuracy columns students do hardly better than guessing")
    assert text.endswith("`nette` at IPC 10 with `c` (guessing: 10 %) and 2 more.")

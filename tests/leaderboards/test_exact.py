"""The strict gate."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from bench.errors import UsageError
from leaderboards.gate.baseline_file import from_records
from leaderboards.gate.checking import Incomparable
from leaderboards.gate.exact import Differing, differing


@pytest.fixture
def records(student, metric):
    found = [student(30.1 + s, at=(s, 0)) for s in range(2)]
    return [*found, metric(0.1 + 0.2, score="kid"), student(50.0, score="top1_best")]


def test_equal_records_do_not_differ(records):
    assert differing(from_records(records), records) == ()


def test_the_last_bit_of_a_value_is_a_difference(records):
    other = math.nextafter(30.1, 31)
    changed = replace(records[0], scores={"top1_last": other})
    (found,) = differing(from_records(records), [changed, *records[1:]])
    title = "nette IPC 10 random hard convnet3 top1_last"
    assert found == Differing(title, "student (0, 0)", "30.1", repr(other))


def test_scores_that_are_not_ranked_count_too(records):
    changed = replace(records[2], scores={"kid": 0.3})
    (found,) = differing(from_records(records), [*records[:2], changed, records[3]])
    assert (found.at, found.was, found.now) == ("set 0", "0.30000000000000004", "0.3")


def test_another_distilled_set_is_a_difference_even_with_equal_values(records):
    changed = [replace(records[1], distilled="other")]
    (found,) = differing(from_records(records), [records[0], *changed, *records[2:]])
    assert (found.at, found.was, found.now) == ("distilled set 1", "nette/random/1", "other")


def made_on(record, **changes):
    return replace(record, provenance=replace(record.provenance, **changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threads": 8}, "threads is 8 and was 2"),
        ({"device": "cuda"}, "device is 'cuda' and was 'cpu'"),
        ({"python": "3.13"}, "python is '3.13' and was '3.12'"),
        ({"platform": "mac"}, "platform is 'mac' and was 'linux'"),
        ({"packages": {"torch": "2.16"}}, "torch is 2.16 and was 2.15.0"),
        ({"packages": {}}, "torch is None and was 2.15.0"),
    ],
)
def test_another_machine_is_refused_with_what_is_other_there(records, changes, words):
    baseline = from_records(records)
    with pytest.raises(UsageError, match=words.replace("(", ".")):
        differing(baseline, [made_on(records[0], **changes), *records[1:]])
    mixed = from_records([made_on(records[0], **changes), *records[1:]])
    with pytest.raises(UsageError, match="of one machine"):
        differing(mixed, records)


def test_another_version_of_this_project_is_what_it_is_for(records):
    packages = {"torch": "2.15.0", "distillation-bench": "0.2.0"}
    newer = [made_on(record, packages=packages, commit="new") for record in records]
    assert differing(from_records(records), newer) == ()


def test_what_cannot_be_compared_is_refused_before_anything_is(records):
    with pytest.raises(Incomparable, match="without"):
        differing(from_records(records), records[:1])

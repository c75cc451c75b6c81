"""Many records read at once are the same records that are read one by one."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.many_records import REPEATED, WORDS, read
from bench.records import Data, Described, Provenance, Record, encode, read_record, read_records
from bench.store import Store

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBER = st.floats(-1e100, 1e100)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
FACTS = st.dictionaries(TEXT, st.one_of(TEXT, st.integers(-(2**53), 2**53), FINITE), max_size=2)
DESCRIBED = st.builds(Described, TEXT, TEXT, TEXT, asked=FACTS, fields=FACTS, remark=TEXT)
PROVENANCE = st.builds(
    Provenance,
    started=TEXT,
    seconds=FINITE,
    artefact_seconds=FINITE,
    peak_memory_bytes=st.integers(0, 2**40),
    device=TEXT,
    threads=st.integers(1, 64),
    commit=TEXT,
    dirty=st.booleans(),
    packages=st.dictionaries(TEXT, TEXT, max_size=2),
    python=TEXT,
    platform=TEXT,
    command=TEXT,
)
RECORDS = st.builds(
    Record,
    kind=st.sampled_from(["distillation", "evaluation"]),
    key=TEXT,
    data=st.builds(Data, TEXT, TEXT, TEXT, TEXT, TEXT, st.integers(1, 1000)),
    method=DESCRIBED,
    ipc=st.none() | st.integers(1, 100),
    seed=st.integers(0, 9),
    stochastic=st.booleans(),
    protocol=st.none() | DESCRIBED,
    student=st.none() | DESCRIBED,
    student_seed=st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)),
    distilled=TEXT,
    scores=st.dictionaries(TEXT, NUMBER, max_size=2),
    series=st.dictionaries(TEXT, st.lists(NUMBER, max_size=3), max_size=2),
    facts=FACTS,
    cards=st.dictionaries(TEXT, FACTS, max_size=2),
    artefacts=st.dictionaries(TEXT, TEXT, max_size=2),
    provenance=PROVENANCE,
)


def described(name):
    return Described(name, name, name, asked={"epochs": None}, fields={"epochs": 60})


def student(key):
    return Record(
        kind="evaluation",
        key=key,
        data=Data("nette", "train", "val", "sha256:1111", "sha256:2222", 10),
        method=described("random"),
        ipc=10,
        seed=0,
        stochastic=True,
        protocol=described("hard"),
        student=described("convnet3"),
        student_seed=(0, 0),
        distilled="sha256:3333",
        scores={"top1_last": 40.0},
        series={"epoch": [1.0, 2.0]},
        cards={"top1_last": {"teacher": "embedded"}},
        artefacts={"ab12": "teacher"},
        provenance=Provenance(
            *("2026-01-01", 2.5, 0.0, 10**9, "cpu (x86_64)", 2, "c0ffee", False, {"torch": "2.15"}),
            *("3.11.7", "Linux-6.1", "bench run quick"),
        ),
    )


RECORDS_OF_A_RUN = [student("aa"), student("bb")]


def written(folder, records):
    (folder / "records").mkdir()
    for number, record in enumerate(records):
        (folder / "records" / f"{number}.json").write_bytes(encode(record))
    return folder


@settings(max_examples=40, deadline=None)
@given(st.lists(RECORDS, max_size=4))
def test_any_records_come_back_as_they_were_written(records):
    with tempfile.TemporaryDirectory() as folder:
        assert list(read(written(Path(folder), records))) == records


def test_records_come_in_the_order_of_their_files(tmp_path):
    written(tmp_path, [student(f"{number:02}") for number in range(12)])
    assert list(read(tmp_path)) == list(read_records(tmp_path))


def test_equal_parts_are_one_object(tmp_path):
    first, second = read(written(tmp_path, RECORDS_OF_A_RUN))
    assert [first, second] == RECORDS_OF_A_RUN
    assert all(getattr(first, name) is getattr(second, name) for name in REPEATED)
    ours, theirs = first.provenance, second.provenance
    assert ours.packages is theirs.packages
    assert all(getattr(ours, name) is getattr(theirs, name) for name in WORDS)


def test_a_record_that_leaves_out_what_has_a_default_gets_it(tmp_path):
    lean = {
        name: value
        for name, value in json.loads(encode(RECORDS_OF_A_RUN[0])).items()
        if name not in ("protocol", "student", "cards", "artefacts", "series")
    }
    (tmp_path / "records").mkdir()
    path = tmp_path / "records" / "lean.json"
    path.write_text(json.dumps(lean), encoding="utf-8")
    assert list(read(tmp_path)) == [read_record(path)]


def broken(document):
    return document[: len(document) // 2]


def newer(document):
    return json.dumps(json.loads(document) | {"version": 99, "colour": "red"})


def unknown_field(document):
    return json.dumps(json.loads(document) | {"colour": "red"})


def unknown_field_of_the_method(document):
    value = json.loads(document)
    return json.dumps(value | {"method": value["method"] | {"colour": "red"}})


def wrong_type_in_the_packages(document):
    value = json.loads(document)
    return json.dumps(value | {"provenance": value["provenance"] | {"packages": {"torch": 2}}})


def without_a_key(document):
    return json.dumps({name: v for name, v in json.loads(document).items() if name != "key"})


def without_a_version(document):
    return json.dumps({name: v for name, v in json.loads(document).items() if name != "version"})


def with_the_value(name, value):
    return lambda document: json.dumps(json.loads(document) | {name: value})


@pytest.mark.parametrize(
    "spoil",
    [
        broken,
        with_the_value("ipc", 0),
        with_the_value("ipc", -1),
        with_the_value("scores", {"top1_last": 1.7e308}),
        with_the_value("series", {"top1": [1.0, -1.7e308]}),
        with_the_value("traces", {"energy": [1e200]}),
        with_the_value("per_class", {"top1": [None, 1e200]}),
        newer,
        unknown_field,
        unknown_field_of_the_method,
        wrong_type_in_the_packages,
        without_a_key,
        without_a_version,
        lambda document: "[]",
        lambda document: "",
        lambda document: "\x00",
    ],
)
def test_what_cannot_be_read_is_said_in_the_same_words(spoil, tmp_path):
    path = written(tmp_path, RECORDS_OF_A_RUN[:1]) / "records" / "0.json"
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(BenchError) as alone:
        read_record(path)
    with pytest.raises(BenchError) as among_many:
        list(read(tmp_path))
    assert str(among_many.value) == str(alone.value)


def test_text_that_is_no_utf_8_is_said_in_the_same_words(tmp_path):
    path = written(tmp_path, RECORDS_OF_A_RUN[:1]) / "records" / "0.json"
    path.write_bytes(path.read_bytes().replace(b"random", b"r\xe4ndom"))
    with pytest.raises(BenchError) as alone:
        read_record(path)
    with pytest.raises(BenchError) as among_many:
        list(read(tmp_path))
    assert str(among_many.value) == str(alone.value)


def test_the_records_of_a_run_are_read_so(tmp_path):
    store = Store.open(tmp_path / "run")
    for record in RECORDS_OF_A_RUN:
        store.add(record)
    found = list(store.records())
    assert found == list(read_records(store.root))
    assert found[0].data is found[1].data

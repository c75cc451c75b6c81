"""What every registered protocol keeps."""

from __future__ import annotations

import dataclasses
import json

import msgspec
import pytest

from bench import documents, specs
from bench.backbones import STUDENTS
from bench.records import read_records
from bench.registry import Registry
from protocols import ALIASES, PROTOCOLS

NAMES = tuple(PROTOCOLS)
SOFT = tuple(name for name in NAMES if name.startswith("soft/"))
TAUGHT = tuple(name for name in NAMES if PROTOCOLS[name].uses_students)
STUDENT = STUDENTS["resnet18"]
CELLS = [(1, 10), (10, 10), (50, 100), (10, 1000), (None, 10)]


@pytest.fixture(params=CELLS, ids=lambda cell: f"ipc{cell[0]}x{cell[1]}")
def cell(request, make_card):
    """Return the arguments of `resolve`."""
    ipc, num_classes = request.param
    return make_card(num_classes), ipc, STUDENT


@pytest.mark.parametrize("name", NAMES)
def test_a_protocol_is_a_frozen_value(name):
    protocol = PROTOCOLS[name]
    assert hash(protocol) == hash(dataclasses.replace(protocol))
    field = dataclasses.fields(protocol)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(protocol, field, None)


@pytest.mark.parametrize("name", NAMES)
def test_resolving_leaves_nothing_open_and_does_nothing_twice(name, cell):
    resolved = PROTOCOLS[name].resolve(*cell)
    assert None not in specs.plain(resolved).values()
    assert resolved.resolve(*cell) == resolved


@pytest.mark.parametrize("name", NAMES)
def test_resolving_is_pure_and_keeps_what_was_given(name, cell):
    before = specs.plain(PROTOCOLS[name])
    resolved = PROTOCOLS[name].resolve(*cell)
    assert resolved == PROTOCOLS[name].resolve(*cell)
    assert specs.plain(PROTOCOLS[name]) == before
    kept = {field: value for field, value in before.items() if value is not None}
    assert {field: specs.plain(resolved)[field] for field in kept} == kept


@pytest.mark.parametrize("name", NAMES)
def test_an_identity_is_a_request_for_the_same_protocol(name, cell):
    resolved = PROTOCOLS[name].resolve(*cell)
    head, _, fields = specs.identity(name, resolved).partition("+")
    (again,) = Registry().protocol(f"{head}[{fields}]")
    assert again.asked == resolved
    assert again.identity(resolved) == specs.identity(name, resolved)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in SOFT])
def test_a_protocol_survives_the_way_through_a_record(name, cell):
    """That of a teacher is one of several classes: it comes back by the identity, see above."""
    for protocol in (PROTOCOLS[name], PROTOCOLS[name].resolve(*cell)):
        text = json.dumps(specs.plain(protocol))
        assert msgspec.json.decode(text, type=type(protocol)) == protocol


def test_no_two_protocols_are_the_same_training(make_card):
    resolved = [protocol.resolve(make_card(100), 10, STUDENT) for protocol in PROTOCOLS.values()]
    assert len(set(resolved)) == len(PROTOCOLS)


def test_the_identity_of_the_first_preset_is_what_records_hold(make_card):
    resolved = PROTOCOLS["hard/minimax"].resolve(make_card(), 10, STUDENT)
    assert specs.identity("hard/minimax", resolved) == (
        "hard/minimax+batch=64,epochs=2000,evaluations=100,lr=0.01,resolution=224,"
        "weight_decay=0.0005"
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_explained_and_every_open_one_says_what_fills_it(name):
    explained = {field.name for field in documents.fields(PROTOCOLS[name]) if field.text}
    assert explained == {field.name for field in dataclasses.fields(PROTOCOLS[name])}
    plain = specs.plain(PROTOCOLS[name])
    fillings = getattr(PROTOCOLS[name], "fillings", dict)()
    assert set(fillings) == {field for field in plain if plain[field] is None}
    assert all(filling.words for filling in fillings.values())


def test_every_alias_stands_for_a_registered_protocol():
    assert set(ALIASES.values()) <= set(NAMES)
    assert not set(ALIASES) & set(NAMES)


def test_a_small_student_trains_two_epochs_under_every_protocol(bench, tiny_set, tmp_path):
    short = "epochs=2,evaluations=2,evaluate_after=0,resolution=16"
    teacher = "teacher=trained[network=convnet2[width=4],epochs=1]"
    requests = [f"{name}[{short}{f',{teacher}' if name in SOFT else ''}]" for name in TAUGHT]
    options = {
        "--methods": "first",
        "--datasets": f"tiny=folder:{tiny_set}",
        "--ipc": "2",
        "--protocols": ",".join(requests),
        "--students": "convnet2[width=4]",
        "--seeds": "1",
        "--repeats": "1",
        "--out": tmp_path / "out",
    }
    words = [word for option in options.items() for word in option]
    answer = bench("run", *words, "--no-control")
    assert answer.status == 0, answer.err
    records = [record for record in read_records(tmp_path / "out") if record.scores]
    assert {record.protocol.name for record in records} == set(TAUGHT)
    for record in records:
        name, facts, top1 = record.protocol.name, record.facts, record.series["top1"]
        assert record.series["epoch"] == [1.0, 2.0]
        assert record.scores == {"top1_last": top1[-1], "top1_best": max(top1)}
        assert facts["norm"] == ("batch" if name in ("hard/d3hr", *SOFT) else "instance")
        if name in SOFT:
            assert facts["teacher"].startswith("convnet2[width=4] trained 1 epochs")
            assert record.cards["top1_last"] == {"teacher": facts["teacher"]}
            # Two epochs of three classes with two images each, in two bytes a logit.
            assert (facts["labels_bytes"] >= 2 * 6 * 3 * 2) == (name == "soft/fkd")
            assert (facts["teacher_bytes"] > 0) == (name != "soft/fkd")

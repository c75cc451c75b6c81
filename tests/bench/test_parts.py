"""Requests of several parts: what each part asks for, and the plan of all of them."""

from __future__ import annotations

import msgspec
import pytest

from bench import suites
from bench.errors import UsageError
from bench.plan import planned
from bench.registry import Registry
from bench.request import Part, RunSpec, selections
from bench.sets import DatasetCard

CLASSES = ("ant", "bee", "cat")


def card(name="tiny", sizes=(6, 6, 6)) -> DatasetCard:
    return DatasetCard(
        name=name,
        classes=CLASSES,
        class_names=CLASSES,
        train_split="folder",
        test_split="folder",
        train_revision=name[0] * 64,
        test_revision=name[-1] * 64,
        class_sizes=sizes,
        resolution=16,
        features="convnet1@16",
    )


def request(*also: Part, **changes) -> RunSpec:
    """Return a small request of one set, with further parts."""
    keys = {
        "methods": ("random", "first"),
        "datasets": ("tiny=folder:x",),
        "ipc": (1,),
        "protocols": ("hard[epochs=2]",),
        "students": ("convnet1",),
        "seeds": 1,
    }
    return RunSpec(**keys | changes, also=also)


def plan(run: RunSpec, *cards: DatasetCard, note=lambda _: None):
    return planned(run, Registry(), cards or (card(),), note)


def cells(units) -> list[tuple]:
    """Return method, set, IPC, protocol and student of every evaluation, in words."""
    return [
        (u.method.label, u.card.name, u.ipc, u.protocol.label, u.student.label)
        for u in units
        if u.kind == "evaluation"
    ]


def test_a_part_has_what_it_names_and_takes_the_rest_from_the_request():
    run = request(Part(methods=("first",), protocols=("hard/igd",)), seeds=2, repeats=3)
    whole, part = run.parts()
    assert (whole.methods, whole.protocols) == (run.methods, run.protocols)
    assert (part.methods, part.protocols) == (("first",), ("hard/igd",))
    for name in ("datasets", "ipc", "students", "seeds", "repeats", "hold_out", "data_root"):
        assert getattr(part, name) == getattr(run, name)


def test_a_request_without_further_parts_is_its_only_part():
    run = request(settings=("protocol.epochs=3",))
    assert run.parts() == (run,)


def test_the_plan_holds_the_units_of_every_part_and_nothing_of_their_cross_product():
    run = request(
        Part(methods=("first",), protocols=("hard/igd[epochs=1]",), students=("convnet2",))
    )
    assert cells(plan(run)) == [
        ("random", "tiny", 1, "hard/minimax+epochs=2", "convnet1"),
        ("first", "tiny", 1, "hard/minimax+epochs=2", "convnet1"),
        ("first", "tiny", 1, "hard/igd+epochs=1", "convnet2"),
    ]


def test_a_distilled_set_that_two_parts_use_is_made_once_and_before_both():
    units = plan(request(Part(protocols=("hard/igd[epochs=1]",))))
    keys = [unit.key for unit in units]
    assert len(keys) == len(set(keys))
    assert sum(unit.kind == "distillation" for unit in units) == 2
    for position, unit in enumerate(units):
        assert unit.distillation in keys[: position + 1]


def test_a_part_that_asks_for_the_same_again_adds_nothing():
    alone, twice = plan(request()), plan(request(Part(methods=("random",))))
    assert [unit.key for unit in twice] == [unit.key for unit in alone]


def test_a_unit_has_one_key_whatever_part_asks_for_it():
    whole = plan(request(protocols=("hard[epochs=2]", "hard/igd[epochs=1]")))
    parts = plan(request(Part(protocols=("hard/igd[epochs=1]",))))
    assert {unit.key for unit in parts} == {unit.key for unit in whole}


def test_a_part_may_be_of_other_sets_and_sizes():
    run = request(Part(datasets=("other=folder:y",), ipc=(2,), repeats=2))
    assert run.all_datasets == ("tiny=folder:x", "other=folder:y")
    found = [
        (u.card.name, u.ipc, u.student_seed)
        for u in plan(run, card(), card("other"))
        if u.kind == "evaluation" and u.method.name == "first"
    ]
    assert found == [("tiny", 1, (0, 0)), ("other", 2, (0, 0)), ("other", 2, (0, 1))]


def test_settings_of_the_request_are_those_of_every_part_that_has_the_field():
    run = request(
        Part(protocols=("hard/igd",), settings=("protocol.batch=7",)),
        settings=("protocol.epochs=5", "hard/igd.lr=0.5"),
    )
    resolved = [unit.resolved_protocol for unit in plan(run) if unit.kind == "evaluation"]
    assert {(p.epochs, p.batch, p.lr) for p in resolved} == {(5, 64, 0.01), (5, 7, 0.5)}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("protocol.epoch=3",), "nothing selected"),
        (("soft.epochs=3",), "'soft'"),
        (("epochs",), "protocol.field=value"),
    ],
)
def test_a_setting_that_fits_in_no_part_is_refused(settings, words):
    run = request(Part(protocols=("hard/igd",)), settings=settings)
    with pytest.raises(UsageError, match=words):
        selections(run, Registry())


def test_a_setting_of_a_part_has_to_fit_in_that_part():
    run = request(Part(protocols=("hard/igd",), settings=("hard/minimax.epochs=3",)))
    with pytest.raises(UsageError, match="hard/minimax"):
        selections(run, Registry())


@pytest.mark.parametrize("part", [Part(seeds=0), Part(ipc=(0,)), Part(methods=())])
def test_numbers_of_a_part_that_mean_nothing_are_refused_at_once(part):
    with pytest.raises(UsageError):
        request(part)


def test_a_plan_file_replays_its_parts():
    run = request(Part(methods=("first",), seeds=2), control=False)
    keys = msgspec.json.decode(msgspec.json.encode(run))
    assert suites.Suite(keys).run_spec({}) == run


SUITE = """
methods = ["random", "first"]
datasets = ["shapenette"]
ipc = [5]

[[also]]
methods = ["random"]
protocols = ["hard/igd"]
ipc = [1]
repeats = 4
"""


@pytest.fixture
def suite(tmp_path):
    """Return a suite of a file with one further part."""
    (tmp_path / "mine.toml").write_text(SUITE)
    return suites.load(str(tmp_path / "mine.toml"))


def test_a_suite_names_its_parts_in_tables(suite):
    part = Part(methods=("random",), protocols=("hard/igd",), ipc=(1,), repeats=4)
    assert suite.run_spec({}).also == (part,)


@pytest.mark.parametrize("name", ["methods", "protocols", "students"])
def test_who_names_methods_protocols_or_students_gets_them_without_the_parts(suite, name):
    assert suite.run_spec({name: ("first",)}).also == ()


def test_sizes_and_counts_given_elsewhere_are_those_of_every_part(suite):
    whole, part = suite.run_spec({"ipc": (3,), "repeats": 2}).parts()
    assert (whole.ipc, part.ipc, part.repeats) == ((3,), (3,), 2)
    assert part.methods == ("random",)


def test_a_key_that_no_part_has_is_named(tmp_path):
    (tmp_path / "mine.toml").write_text(SUITE.replace('methods = ["random"]', 'method = "x"'))
    with pytest.raises(
        UsageError, match=r"`mine.toml`: `also` has no key 'method'; .* 'methods'\?"
    ):
        suites.load(str(tmp_path / "mine.toml")).run_spec({})


@pytest.mark.parametrize("text", ["also = 3", "also = [1]", "[[also]]\nseeds = 'two'"])
def test_parts_that_cannot_be_read_are_refused(tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UsageError, match=r"mine\.toml"):
        suites.load(str(tmp_path / "mine.toml")).run_spec({})

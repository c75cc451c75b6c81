"""The suites that come with the project: what they ask for is there, and their header is whole."""

import msgspec
import pytest

from bench import suites
from bench.data.shapes import CLASSES, SIDE, SPLITS
from bench.plan import planned
from bench.registry import Registry
from bench.request import Selection, selections
from bench.sets import DatasetCard
from methods import METHODS, PRESETS


def card_of(name):
    """Return the card of a procedural set, which is not drawn for it."""
    return DatasetCard(
        name=name,
        classes=CLASSES[name],
        class_names=CLASSES[name],
        train_split="drawn",
        test_split="drawn",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=(SPLITS["train"],) * len(CLASSES[name]),
        resolution=SIDE,
        features="embedded",
    )


@pytest.mark.parametrize("name", suites.names())
def test_a_suite_of_all_methods_leaves_none_out(name):
    run = suites.load(name).run_spec({})
    if "all" not in run.methods:
        assert name == "embedded-gate"
        return
    left_out = []
    cards = [card_of(dataset) for dataset in run.all_datasets]
    units = planned(run, Registry(), cards, left_out.append)
    assert {unit.method.name for unit in units} - set(PRESETS) == set(METHODS)
    assert {unit.card.name for unit in units} == set(CLASSES)
    assert left_out == []


@pytest.mark.parametrize("name", suites.names())
def test_a_suite_begins_with_what_it_is_and_what_to_expect(name):
    header = (suites.FOLDER / f"{name}.toml").read_text().partition("\nmethods")[0]
    assert all(line.startswith("#") for line in header.splitlines())
    assert f"Command:  bench run{'' if name == 'quick' else ' ' + name}" in header
    assert "figures of this suite only" in header
    for word in ("Time:", "Expect:"):
        assert word in header
    assert "TO BE" not in header
    assert len(suites.summary(name)) > 20


def test_the_long_suite_has_three_sizes_students_seeds_and_repeats():
    run = suites.load("embedded-full").run_spec({})
    assert run.ipc == (1, 10, 50)
    assert (len(run.students), run.seeds, run.repeats) == (3, 3, 3)


@pytest.mark.parametrize("name", suites.names())
def test_every_part_of_a_suite_adds_something_and_needs_no_further_control(name):
    run = suites.load(name).run_spec({})
    assert len(selections(run, Registry())) == len(run.parts())
    cards, said = [card_of(dataset) for dataset in run.all_datasets], []
    keys = {unit.key for unit in planned(run, Registry(), cards, said.append)}
    for number in range(len(run.also)):
        without = msgspec.structs.replace(
            run, also=(*run.also[:number], *run.also[number + 1 :]), control=False
        )
        assert {unit.key for unit in planned(without, Registry(), cards)} < keys
    assert not any("control" in sentence for sentence in said)


def test_a_suite_can_be_run_with_one_method_that_has_none_of_its_fields():
    run = suites.load("quick").run_spec({"methods": ("random",)})
    assert [named.label for named in Selection.of(run, Registry()).methods] == ["random"]


def test_what_a_suite_sets_for_all_stands_in_labels_and_not_in_short_ones():
    run = suites.load("embedded-gate").run_spec({"settings": ("dit.cfg=2.0",)})
    found = {one.name: one for one in Selection.of(run, Registry()).methods}
    assert found["dit"].label == "dit+sampling[cfg=2.0,scheduler=ddim,steps=20]"
    assert found["dit"].short == "dit+sampling[cfg=2.0]"
    assert found["random"].label == "random"
    assert found["random"].short == ""  # there is nothing to leave out

"""Controls: what a protocol is never run without, and how one does without all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
from idle import CARD, Idle, registry_of

from bench.controls import control_parts
from bench.errors import UsageError
from bench.plan import planned
from bench.request import Part, RunSpec


@dataclass(frozen=True)
class Plain(Idle):
    """A protocol that trains nothing."""

    strength: int = 1


@dataclass(frozen=True)
class Controlled(Plain):
    """The same, never without `random`."""

    controls: ClassVar[tuple[str, ...]] = ("random",)


REGISTRY = registry_of(plain=Plain(), controlled=Controlled())


def request(*protocols: str, **changes) -> RunSpec:
    keys = {
        "methods": ("first",),
        "datasets": ("tiny=folder:x",),
        "ipc": (2,),
        "protocols": tuple(f"fake/{name}" for name in protocols),
        "students": ("convnet1",),
        "seeds": 2,
    }
    return RunSpec(**keys | changes)


def evaluated(run: RunSpec, said=None) -> set[tuple]:
    """Return the method and protocol of every evaluation of the plan."""
    units = planned(run, REGISTRY, [CARD], (said if said is not None else []).append)
    return {(u.method.name, u.protocol.name) for u in units if u.kind == "evaluation"}


def test_the_control_of_a_protocol_is_in_the_plan_and_the_user_is_told():
    said: list[str] = []
    assert evaluated(request("controlled"), said) == {
        ("first", "fake/controlled"),
        ("random", "fake/controlled"),
    }
    assert said == [
        "`random` is added as the control of fake/controlled; `--no-control` leaves it out."
    ]


def test_a_protocol_without_controls_gets_none():
    said: list[str] = []
    run = request("plain", "controlled")
    assert evaluated(request("plain"), said) == {("first", "fake/plain")}
    assert said == []
    assert ("random", "fake/plain") not in evaluated(run)


def test_a_control_has_the_students_seeds_and_sizes_of_what_it_controls():
    run = request("controlled", students=("convnet1", "convnet2"), ipc=(1, 2), repeats=2)
    found = {
        name: {
            (u.ipc, u.student.label, u.student_seed)
            for u in planned(run, REGISTRY, [CARD])
            if u.kind == "evaluation" and u.method.name == name
        }
        for name in ("first", "random")
    }
    assert found["random"] == found["first"]
    assert len(found["random"]) == 2 * 2 * 2 * 2


@pytest.mark.parametrize("method", ["random", "r=random", "all"])
def test_a_control_that_is_named_already_is_not_added(method):
    said: list[str] = []
    run = request("controlled", methods=("first", method))
    assert control_parts(run.parts(), REGISTRY) == ()
    evaluated(run, said)
    assert not any("control" in sentence for sentence in said)


def test_a_method_with_the_name_of_the_control_is_none():
    run = request("controlled", methods=("folder:x/random",))
    (part,) = control_parts(run.parts(), REGISTRY)
    assert part.methods == ("random",)
    with pytest.raises(UsageError, match="'random' is a registered name and cannot stand for"):
        evaluated(request("controlled", methods=("random=folder:x",)))


def test_a_control_that_another_part_has_run_already_is_not_announced():
    said: list[str] = []
    also = (Part(methods=("random",)),)
    assert evaluated(request("controlled", also=also), said) >= {("random", "fake/controlled")}
    assert said == []


def test_no_control_is_added_where_the_request_says_so():
    assert evaluated(request("controlled", control=False)) == {("first", "fake/controlled")}


def test_every_part_gets_the_control_of_its_own_protocols():
    also = (Part(protocols=("fake/controlled",), students=("convnet2",)),)
    units = planned(request("plain", also=also), REGISTRY, [CARD])
    found = {
        (u.protocol.name, u.student.label)
        for u in units
        if u.kind == "evaluation" and u.method.name == "random"
    }
    assert found == {("fake/controlled", "convnet2")}


def test_a_control_that_cannot_serve_the_set_is_left_out_with_a_sentence():
    said: list[str] = []
    run = request("controlled", methods=("full",), ipc=(7,))  # of six images a class
    assert evaluated(run, said) == {("full", "fake/controlled")}
    (sentence,) = said
    assert sentence.startswith("random is left out for tiny: ")


def test_settings_reach_the_control_though_it_need_not_have_the_field():
    also = (Part(methods=("kmeans",), settings=("method.n_init=2",)),)
    run = request("controlled", also=also, settings=("protocol.strength=3",))
    units = planned(run, REGISTRY, [CARD])
    strengths = {u.resolved_protocol.strength for u in units if u.kind == "evaluation"}
    assert strengths == {3}
    assert {u.method.name for u in units} == {"first", "kmeans", "random"}


def test_a_control_does_not_change_the_units_that_are_there_without_it():
    with_it, without = (
        planned(request("controlled", control=control), REGISTRY, [CARD])
        for control in (True, False)
    )
    assert {unit.key for unit in without} < {unit.key for unit in with_it}

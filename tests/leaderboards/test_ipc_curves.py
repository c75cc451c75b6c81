"""Accuracy over IPCs: which cells are joined."""

from __future__ import annotations

from msgspec.structs import replace

from leaderboards import build
from leaderboards.figures.ipc_curves import ipc_curves


def lines_of(curve) -> dict[str, dict[int, float]]:
    return {
        line.method: dict(zip(line.ipcs, [cell.mean for cell in line.cells], strict=True))
        for line in curve.lines
        if line.ipcs
    }


def several(make, method, by_ipc, **changes):
    return [
        make(value, method=method, ipc=ipc, key=f"{method}{ipc}{sorted(changes)}", **changes)
        for ipc, value in by_ipc.items()
    ]


def test_a_line_a_method_and_references_across(student):
    records = several(student, "a", {10: 40.0, 1: 10.0, 50: 60.0})
    records += several(student, "b", {1: 20.0, 50: 55.0})
    records.append(student(90.0, method="full", ipc=None))
    (curve,) = ipc_curves(build(records))
    assert lines_of(curve) == {"a": {1: 10.0, 10: 40.0, 50: 60.0}, "b": {1: 20.0, 50: 55.0}}
    assert [line.ipcs for line in curve.lines if line.method == "a"] == [(1, 10, 50)]
    reference = curve.lines[-1]
    assert (reference.method, reference.ipcs) == ("full", ())
    assert [cell.mean for cell in reference.cells] == [90.0]
    assert (curve.dataset, curve.protocol, curve.student) == ("nette", "hard", "convnet3")


def test_one_ipc_is_no_curve(student):
    assert ipc_curves(build([student(50.0)])) == []
    assert ipc_curves(build([student(90.0, method="full", ipc=None)])) == []


def test_identities_may_hold_what_the_ipc_resolves(student, described):
    records = [
        replace(
            student(float(ipc), ipc=ipc, key=str(ipc)),
            method=described("mgd3", identity=f"mgd3+modes={ipc}"),
            protocol=described("hard", identity=f"hard+epochs={ipc}"),
        )
        for ipc in (1, 10)
    ]
    (curve,) = ipc_curves(build(records))
    assert lines_of(curve) == {"mgd3": {1: 1.0, 10: 10.0}}
    assert curve.lines[0].name.identity == "mgd3+modes=1"


def test_students_protocols_and_revisions_have_curves_of_their_own(student, described):
    records = several(student, "a", {1: 1.0, 10: 2.0})
    records += several(student, "a", {1: 3.0, 10: 4.0}, student=described("resnet18"))
    records += several(student, "a", {1: 5.0, 10: 6.0}, protocol=described("soft"))
    moved = several(student, "a", {1: 7.0, 10: 8.0})
    records += [
        replace(one, key=f"t2{one.key}", data=replace(one.data, train_revision="t2"))
        for one in moved
    ]
    found = ipc_curves(build(records))
    assert [list(lines_of(curve)["a"].values()) for curve in found] == [
        [1.0, 2.0],
        [3.0, 4.0],
        [5.0, 6.0],
        [7.0, 8.0],
    ]
    assert len({(curve.dataset, curve.protocol, curve.student) for curve in found}) == 4


def test_a_protocol_that_was_run_at_one_ipc_only_has_no_curve(student, described):
    records = several(student, "a", {1: 1.0, 10: 2.0})
    records += several(student, "a", {10: 4.0}, protocol=described("soft"))
    assert [curve.protocol for curve in ipc_curves(build(records))] == ["hard"]

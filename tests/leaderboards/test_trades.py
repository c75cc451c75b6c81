"""The front of cost and accuracy, against checking every pair."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from leaderboards import build
from leaderboards.figures.trades import front, trades

FEW = st.integers(0, 4).map(float)


@given(points=st.lists(st.tuples(FEW, FEW), max_size=12))
def test_the_front_is_who_is_beaten_by_nobody(points):
    def beaten(point) -> bool:
        return any(
            other[0] <= point[0] and other[1] >= point[1] and other != point for other in points
        )

    found = front([cost for cost, _ in points], [score for _, score in points])
    assert set(found) == {at for at, point in enumerate(points) if not beaten(point)}
    assert len(set(found)) == len(found)
    assert [points[at][0] for at in found] == sorted(points[at][0] for at in found)


def cost(student, method, seconds, *, device="cpu", size=1000.0, ipc=10):
    made = student(
        0.0,
        method=method,
        kind="distillation",
        key=f"{method} on {device}",
        protocol=None,
        student=None,
        student_seed=None,
        scores={},
        facts={"bytes": size, "images": 10},
        ipc=ipc,
    )
    return replace(made, provenance=replace(made.provenance, seconds=seconds, device=device))


def told(board, trade) -> tuple[str, dict[str, tuple[float, float]], list[str]]:
    """Return the cost, the points by method, and the names on the front."""
    points = {point.method: (point.x, point.y) for point in trade.points}
    return (
        board.columns[trade.cost].metric,
        points,
        [trade.points[at].method for at in trade.front],
    )


def test_seconds_and_bytes_with_the_accuracy_as_points(student):
    records = [
        student(50.0, method="fast"),
        student(40.0, method="worse"),
        student(60.0, method="good"),
        cost(student, "fast", 1.0, size=30.0),
        cost(student, "worse", 2.0, size=20.0),
        cost(student, "good", 5.0, size=10.0),
    ]
    (board,) = build(records)
    found = [told(board, trade) for trade in trades([board])]
    names = {name: (points, best) for name, points, best in found}
    assert set(names) == {"seconds", "bytes"}
    points, best = names["seconds"]
    assert points == {"fast": (1.0, 50.0), "worse": (2.0, 40.0), "good": (5.0, 60.0)}
    assert best == ["fast", "good"]
    assert names["bytes"][1] == ["good"]


def test_references_are_points_and_not_on_the_front(student):
    records = [
        student(50.0, method="a"),
        student(60.0, method="b"),
        student(90.0, method="full", ipc=None),
        cost(student, "a", 1.0),
        cost(student, "b", 2.0),
        cost(student, "full", 0.5, ipc=None),
    ]
    (board,) = build(records)
    seconds = next(told(board, trade) for trade in trades([board]))
    assert seconds[1]["full"] == (0.5, 90.0)
    assert seconds[2] == ["a", "b"]


def test_seconds_of_two_machines_are_not_compared(student):
    records = [student(50.0, method=method) for method in "abcd"]
    records += [cost(student, method, 1.0) for method in "ab"]
    records += [cost(student, method, 9.0, device="gpu") for method in "cd"]
    (board,) = build(records)
    found = [told(board, trade) for trade in trades([board])]
    seconds = [set(points) for name, points, _ in found if name == "seconds"]
    assert seconds == [{"a", "b"}, {"c", "d"}]


def test_what_a_protocol_stores_takes_the_place_of_the_images(student, described):
    soft = described("soft", identity="soft@2+epochs=45")
    records = [
        student(50.0, method=method, protocol=soft, facts={"stored_bytes": 700 + at})
        for at, method in enumerate("ab")
    ]
    records += [student(50.0, method=method, key=f"hard {method}") for method in "ab"]
    records += [cost(student, method, 1.0) for method in "ab"]
    (board,) = build(records)
    found = {
        (board.columns[trade.accuracy].protocol, board.columns[trade.cost].metric): trade
        for trade in trades([board])
    }
    assert set(found) == {
        ("hard", "seconds"),
        ("hard", "bytes"),
        ("soft", "seconds"),
        ("soft", "stored_bytes"),
    }
    assert [point.x for point in found["soft", "stored_bytes"].points] == [700.0, 701.0]


def test_costs_of_nothing_and_single_methods_are_left_out(student):
    records = [student(50.0, method="a"), student(50.0, method="b")]
    records += [cost(student, "a", 0.0, size=0.0), cost(student, "b", 1.0)]
    (board,) = build(records)
    assert trades([board]) == []

"""Cost against accuracy, and who is beaten by nobody."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from leaderboards.figures.relations import Point, accuracies, points
from leaderboards.headings import Name
from leaderboards.table import Board, Column

LEAST = 2
"""Methods of a trade, besides references."""


@dataclass(frozen=True)
class Trade:
    """A cost beside an accuracy, in one board."""

    board: int
    """Position among the boards."""
    accuracy: int
    """Position among the board's columns, as `cost`."""
    cost: int
    points: tuple[Point, ...]
    """x is the cost, above 0."""
    front: tuple[int, ...]
    """Positions in `points`, by cost: nobody costs as little and scores as high."""


def trades(boards: Sequence[Board]) -> list[Trade]:
    """Return every pair of a last accuracy and a cost that two methods have.

    Costs are seconds, of one machine each, and bytes: all that is stored where the protocol counts
    it, else the images. References are points, and never on the front.
    """
    return [
        trade
        for at, board in enumerate(boards)
        for accuracy in accuracies(board)
        for cost in _costs(board, board.columns[accuracy])
        if (trade := _trade(at, board, accuracy, cost)) is not None
    ]


def front(costs: Sequence[float], scores: Sequence[float]) -> tuple[int, ...]:
    """Return the positions that nobody beats, by cost.

    Who costs no more and scores no less beats another, if one of both is strict: equal ones stay.
    """
    order = sorted(range(len(costs)), key=lambda at: (costs[at], -scores[at], at))
    kept: list[int] = []
    for at in order:
        last = kept[-1] if kept else None
        if last is None or scores[at] > scores[last]:
            kept.append(at)
        elif (costs[at], scores[at]) == (costs[last], scores[last]):
            kept.append(at)
    return tuple(kept)


def _costs(board: Board, accuracy: Column) -> list[int]:
    """Return the places of the costs that go with an accuracy."""
    columns = [(at, one) for at, one in enumerate(board.columns) if one.group == "cost"]
    own = _recipe(accuracy.protocol_name)
    stored = [
        at
        for at, one in columns
        if one.metric == "stored_bytes" and _recipe(one.protocol_name) == own
    ]
    size = stored or [at for at, one in columns if one.metric == "bytes"]
    return [at for at, one in columns if one.metric == "seconds"] + size


def _recipe(protocol: Name) -> Name:
    """Return a protocol without revision and fields, as the size of a set names it."""
    return protocol._replace(identity=re.split(r"[@+]", protocol.identity, maxsplit=1)[0])


def _trade(at: int, board: Board, accuracy: int, cost: int) -> Trade | None:
    shown = [(row, point) for row, point in points(board, cost, accuracy) if point.x > 0]
    own = [place for place, (row, _) in enumerate(shown) if not row.reference]
    if len(own) < LEAST:
        return None
    found = front([shown[place][1].x for place in own], [shown[place][1].y for place in own])
    return Trade(
        board=at,
        accuracy=accuracy,
        cost=cost,
        points=tuple(point for _, point in shown),
        front=tuple(own[place] for place in found),
    )

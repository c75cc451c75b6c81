"""What is said of the time that methods take, beside the accuracy of their sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from leaderboards.figures.relations import Point
from leaderboards.figures.trades import Trade
from reports.words.counting import seconds, share
from reports.words.naming import ACCURACY, Naming
from reports.words.sentences import Code, Sentence, listed

if TYPE_CHECKING:
    from reports.material import Material

FEWEST = 3
"""Methods of one trade."""

SHARED = "not counting what is made once and shared, such as a tuned generator"
FAR = 10.0
"""How many times as long the slowest takes before it is spoken of."""


def cost_sentences(material: Material, naming: Naming) -> Iterator[Sentence]:
    """Yield who is beaten by nobody in seconds and accuracy, and how far seconds lie apart."""
    found = []
    for trade in material.trades:
        columns = material.boards[trade.board].columns
        timed = columns[trade.cost].metric == "seconds"
        if timed and columns[trade.accuracy].metric == ACCURACY:
            points = _methods(material, trade)
            if len(points) >= FEWEST:
                found.append((trade, points))
    if not found:
        return
    yield from _front(material, naming, [trade for trade, _ in found])
    trade, points = max(found, key=lambda one: max(point.x for point in one[1]))
    fast, *_, slow = sorted(points, key=lambda point: point.x)
    if slow.x >= FAR * fast.x:
        times = (seconds(fast.x), " with ", Code(fast.method), " and ", seconds(slow.x))
        start = ("On ", *naming.where(material.boards[trade.board]), ", a distilled set takes ")
        yield (*start, *times, " with ", Code(slow.method), f", {SHARED}.")


def _front(material: Material, naming: Naming, trades: Sequence[Trade]) -> Iterator[Sentence]:
    """Yield the methods that are on the front of every trade beside its fastest."""
    fronts = [[trade.points[at].method for at in trade.front] for trade in trades]
    slower = [method for method in fronts[0] if all(method in front[1:] for front in fronts)]
    alone = ", going by means alone."
    if len(trades) > 1:
        where: Sentence = (f" in {share(len(trades), len(trades))}",)
    else:
        board = material.boards[trades[0].board]
        where = (" on ", *naming.where(board, board.columns[trades[0].accuracy]))
    if slower:
        have = "has a higher mean" if len(slower) == 1 else "have higher means"
        yield (*listed(slower), f" {have} than every faster method", *where, alone)
    elif all(len(front) == 1 for front in fronts) and len({front[0] for front in fronts}) == 1:
        fastest = Code(fronts[0][0])
        yield ("No slower method has a higher mean than ", fastest, ", the fastest,", *where, alone)


def _methods(material: Material, trade: Trade) -> list[Point]:
    """Return the points of a trade without references."""
    rows = material.boards[trade.board].rows
    references = {row.method for row in rows if row.reference}
    return [point for point in trade.points if point.method not in references]

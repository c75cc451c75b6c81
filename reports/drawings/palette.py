"""The colours of figures, the same for a method throughout a report.

Every two of the seven stay apart under normal sight, deuteranopia, protanopia and tritanopia, and
each has a contrast of 3 or more with the ground it stands on. Colour never tells methods apart
alone: each position has a marker and a dash of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leaderboards import Board
    from leaderboards.headings import Name
    from leaderboards.ranks.standings import Standing

LIGHT = ("#003396", "#A84400", "#03A957", "#E92793", "#5B3323", "#060720", "#1F6BFF")
"""On white."""
DARK = ("#56B4E9", "#E69F00", "#00B488", "#E88BC0", "#F0E442", "#E8E8E8", "#FF7043")
"""On `DARK_GROUND`."""
DARK_GROUND = "#14171A"
GREY = "#6B7280"
"""Of methods without a colour, on either ground."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "o")
"""Shapes by position, in matplotlib's letters; the last, at -1, is grey's."""
DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (7, 3),
    (2, 2),
    (9, 3, 2, 3),
    (5, 2),
    (),
    (12, 3),
    (),
)
"""Lengths of stroke and gap by position; () is solid, and the last, at -1, is grey's."""
INK = 5
"""Of real images drawn at random, which every method is held against."""
ORDER = (0, 1, 2, 3, 4, 6)
"""Of the other methods, best first."""

_Method = tuple[str, str]
"""Heading and origin: identities hold fields that follow from the IPC."""


def colours(boards: Sequence[Board], standings: Sequence[Standing]) -> dict[Name, int]:
    """Return the position in the palette for methods that have a colour of their own.

    These are random images, and the first six of the others: by average rank, and those that have
    none by their place in the first board that holds them. The rest is grey.
    """
    names: dict[_Method, list[Name]] = {}
    for board in boards:
        for row in board.rows:
            if not row.reference:
                names.setdefault((row.method, row.name.origin), []).append(row.name)
    found: dict[Name, int] = {}
    free = iter(ORDER)
    for method in _in_order(list(names), standings):
        members = names[method]
        if any(name in found for name in members):
            place = next(found[name] for name in members if name in found)
        elif _is_random(members[0]):
            place = INK
        else:
            place = next(free, -1)
        found |= {name: place for name in members if name not in found}
    return {name: place for name, place in found.items() if place >= 0}


def _in_order(methods: list[_Method], standings: Sequence[Standing]) -> Iterator[_Method]:
    """Yield methods by average rank: of an accuracy if there is one, of most methods."""
    wanted = sorted(standings, key=lambda one: (one.metric != "top1_last", -len(one.methods)))[:1]
    ranks = {method: rank for standing in wanted for rank, method in enumerate(standing.methods)}
    yield from sorted(methods, key=lambda method: ranks.get(method[0], len(ranks)))


def _is_random(name: Name) -> bool:
    return not name.origin and re.split(r"[@+]", name.identity, maxsplit=1)[0] == "random"

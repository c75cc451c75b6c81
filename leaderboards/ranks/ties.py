"""Tie letters: methods that share one are not separated.

"Not separated" is not transitive, so groups overlap: with A and C separated and B between them, A
is "a", B is "ab" and C is "b".
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BEYOND = 0x100
"""The first letter after a-z and A-Z, so that a group is always one character."""


def letters(separated: NDArray[np.bool_], order: Sequence[int]) -> tuple[str, ...]:
    """Return the letters of every row; two rows share one exactly if they are not separated.

    `separated` is symmetric, `[K, K]`; `order` has all rows, and "a" holds its first. Insert and
    absorb (Piepho, An Algorithm for a Letter-Based Representation of All-Pairwise Comparisons,
    J. Comput. Graph. Stat. 13, 2004): begin with one group of all, split every group that holds
    two separated rows, drop groups that lie within others. Groups can be exponentially many; those
    of differences of means are about as many as rows.
    """
    place = {row: position for position, row in enumerate(order)}
    groups = {frozenset(order)}
    for first in order:
        for second in order[place[first] + 1 :]:
            if separated[first, second]:
                groups = _split(groups, first, second)
    found = sorted(groups, key=lambda group: sorted(place[row] for row in group))
    return tuple(
        "".join(_name(number) for number, group in enumerate(found) if row in group)
        for row in range(len(order))
    )


def _split(groups: set[frozenset[int]], first: int, second: int) -> set[frozenset[int]]:
    """Return the groups after no one holds both; halves that lie within others are absorbed."""
    kept = {group for group in groups if not (first in group and second in group)}
    halves = {group - {row} for group in groups - kept for row in (first, second)}
    # A half can lie within an old group or another half; an old group never within a half.
    halves = {half for half in halves if not any(half < other for other in halves)}
    return kept | {half for half in halves if not any(half <= group for group in kept)}


def _name(number: int) -> str:
    if number < len(string.ascii_letters):
        return string.ascii_letters[number]
    return chr(BEYOND + number - len(string.ascii_letters))

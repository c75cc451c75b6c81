"""Rectangles that names and dots of a drawing take."""

from __future__ import annotations

from typing import NamedTuple


class Box(NamedTuple):
    """What takes room; `low` is the smaller of two heights, which is above where these go down."""

    left: float
    low: float
    right: float
    high: float

    def meets(self, other: Box) -> bool:
        """Return whether two boxes share a point, be it of their edges alone."""
        return (
            self.left <= other.right
            and other.left <= self.right
            and self.low <= other.high
            and other.low <= self.high
        )

    def holds(self, other: Box) -> bool:
        """Return whether all of another box lies within this one."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.low <= other.low
            and other.high <= self.high
        )

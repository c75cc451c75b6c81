"""From features in two dimensions to places in the square of a panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SIDE = 999
"""Largest coordinate of a panel."""
SHARE = 0.01
"""Of the real points, left beyond either end of either direction."""
ROOM = 0.06
"""Of a panel, beyond what it has to hold."""

_Point = tuple[float, float]


@dataclass(frozen=True)
class Square:
    """A part of the plane, equally scaled in both directions."""

    x: float
    """Of the centre."""
    y: float
    half: float
    """Of a side."""

    def placed(self, points: Sequence[_Point]) -> tuple[tuple[int, int], ...]:
        """Return integers from 0 to 999, downwards; points beyond lie on the edge."""
        return tuple(
            (_clamped((x - self.x) / self.half), _clamped((self.y - y) / self.half))
            for x, y in points
        )

    def holds(self, point: _Point) -> bool:
        """Return whether a point is not beyond the edge."""
        return max(abs(point[0] - self.x), abs(point[1] - self.y)) <= self.half


def square_of(points: Sequence[_Point]) -> Square:
    """Return the square that holds nearly all points, with room around them."""
    if not points:
        return Square(0.0, 0.0, 1.0)
    (left, right), (low, high) = (_ends(sorted(values)) for values in zip(*points, strict=True))
    half = max(right - left, high - low) / 2 * (1 + 2 * ROOM)
    return Square((left + right) / 2, (low + high) / 2, half or 1.0)


def _ends(ordered: Sequence[float]) -> tuple[float, float]:
    """Return the 1st and the 99th percentile, by nearest rank."""
    beyond = int(SHARE * len(ordered))
    return ordered[beyond], ordered[-1 - beyond]


def _clamped(share: float) -> int:
    """Return the coordinate of a share from -1 to 1."""
    return round(SIDE * (min(max(share, -1.0), 1.0) + 1) / 2)

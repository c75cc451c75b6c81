"""Signed distances of forms, negative inside: planes `[N, FINE, FINE]` in units of a frame.

Only additions, multiplications, divisions, square roots and comparisons are used (see `canvas`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from bench.data.shapes.canvas import Frame, Number, column


def disc(frame: Frame, x: Number, y: Number, radius: Number) -> Tensor:
    """Return the distance of a disc around (x, y)."""
    return _far(frame.u - column(x), frame.v - column(y)) - column(radius)


def ring(frame: Frame, x: Number, y: Number, radius: Number, width: Number) -> Tensor:
    """Return the distance of a circular line of the given half width."""
    return disc(frame, x, y, radius).abs_() - column(width)


def ellipse(frame: Frame, x: Number, y: Number, wide: Number, high: Number) -> Tensor:
    """Return about the distance of an ellipse with half axes `wide` and `high`: exact on its edge.

    Off the edge it is too small along the longer axis.
    """
    far = _far((frame.u - column(x)) / column(wide), (frame.v - column(y)) / column(high))
    return (far - 1.0) * column(np.minimum(wide, high))


def box(
    frame: Frame, x: Number, y: Number, wide: Number, high: Number, corner: Number = 0.0
) -> Tensor:
    """Return the distance of a box with half sides `wide` and `high` and corners of that radius."""
    across = (frame.u - column(x)).abs_() - column(wide - corner)
    down = (frame.v - column(y)).abs_() - column(high - corner)
    inside = torch.maximum(across, down).clamp_(max=0.0)
    return _far(across.clamp_(min=0.0), down.clamp_(min=0.0)) + inside - column(corner)


def bar(frame: Frame, x0: Number, y0: Number, x1: Number, y1: Number, width: Number) -> Tensor:
    """Return the distance of a straight stroke with round ends and the given half width."""
    dx, dy = np.asarray(x1 - x0, np.float64), np.asarray(y1 - y0, np.float64)
    length = dx * dx + dy * dy
    u, v = frame.u - column(x0), frame.v - column(y0)
    along = (u * column(dx / length) + v * column(dy / length)).clamp_(0.0, 1.0)
    return _far(u - along * column(dx), v - along * column(dy)) - column(width)


def polygon(frame: Frame, *corners: tuple[Number, Number]) -> Tensor:
    """Return about the distance of a convex polygon, exact but near the outside of its corners."""
    turns = zip(corners, (*corners[1:], corners[0]), strict=True)
    twice_area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in turns)
    side = np.sign(twice_area)
    turns = zip(corners, (*corners[1:], corners[0]), strict=True)
    return common(*(_half_plane(frame, *start, *end, side) for start, end in turns))


def above(frame: Frame, y: Number) -> Tensor:
    """Return the distance of all that lies above the line v = y."""
    return frame.v - column(y)


def below(frame: Frame, y: Number) -> Tensor:
    """Return the distance of all that lies below the line v = y."""
    return column(y) - frame.v


def union(*distances: Tensor) -> Tensor:
    """Return the distance of what lies in any of the forms."""
    return reduce(torch.minimum, distances)


def common(*distances: Tensor) -> Tensor:
    """Return the distance of what lies in all of the forms."""
    return reduce(torch.maximum, distances)


def without(distance: Tensor, hole: Tensor) -> Tensor:
    """Return the distance of the first form where the second one is not."""
    return torch.maximum(distance, -hole)


def where(chosen: np.ndarray[tuple[int], np.dtype[np.bool_]], distance: Tensor) -> Tensor:
    """Return the form in the chosen images, and nothing in the others."""
    return distance + column(np.where(chosen, 0.0, 9.0))


def spread(count: int, first: float, last: float) -> Sequence[float]:
    """Return `count` positions from `first` to `last`, both included."""
    return [first + (last - first) * k / (count - 1) for k in range(count)]


def _half_plane(
    frame: Frame, x0: Number, y0: Number, x1: Number, y1: Number, side: Number
) -> Tensor:
    dx, dy = np.asarray(x1 - x0, np.float64), np.asarray(y1 - y0, np.float64)
    length = np.sqrt(dx * dx + dy * dy) * side
    across, down = dy / length, -dx / length
    shift = across * x0 + down * y0
    return frame.u * column(across) + (frame.v * column(down) - column(shift))


def _far(across: Tensor, down: Tensor) -> Tensor:
    return (across * across + down * down).sqrt_()

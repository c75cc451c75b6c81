"""The parts that all faces of `shapewoof` share: a head that may be turned, eyes, nose, muzzle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.data.shapes.forms import bar, common, disc, ellipse, polygon, union, where
from bench.data.shapes.pen import Pen

if TYPE_CHECKING:
    from torch import Tensor

    from bench.data.shapes.canvas import Number
    from bench.data.shapes.colours import Colours
    from bench.data.shapes.draws import Numbers

SIDES = (-1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Head:
    """The measures of a head around (0, 0.15), the same distributions for every kind."""

    pen: Pen
    wide: Numbers
    """Half its width."""
    high: Numbers
    """Half its height."""
    turn: Numbers
    """Where the tip of the nose is seen: right of the middle if above 0."""
    gaze: Numbers
    """Half the distance of the eyes."""
    eye_line: Numbers
    """The v of the eyes."""

    @property
    def skull(self) -> Tensor:
        """Return the distance of the head without ears."""
        return ellipse(self.pen.frame, 0.0, 0.15, self.wide, self.high)

    def across(self, x: Number, depth: float = 0.7) -> Numbers:
        """Return where a mark at `x` is seen; the farther in front, the more a turn moves it."""
        return np.asarray(x + self.turn * depth)


def draw_head(pen: Pen) -> Head:
    """Draw the measures of a head, and shoulders below some; the ears and the skull come next."""
    d, p = pen.draws, pen.palette
    wide, high = d.uniform(0.56, 0.72), d.uniform(0.52, 0.68)
    shoulders = ellipse(pen.frame, d.uniform(-0.15, 0.15), 1.15, d.uniform(0.5, 0.8), 0.5)
    pen.fill(where(d.chance(0.5), shoulders), p.main)
    gaze, eye_line = d.uniform(0.24, 0.34), d.uniform(-0.12, 0.08)
    return Head(pen, wide, high, d.bell(0.36), gaze, eye_line)


def skull(head: Head) -> None:
    """Fill the head with its fur."""
    head.pen.fill(head.skull, head.pen.palette.main)


def eyes(head: Head, size: float = 1.0) -> None:
    """Draw two eyes, open, half shut or wide with a white, as the image has it."""
    pen, d = head.pen, head.pen.draws
    radius = d.uniform(0.075, 0.11) * size
    shut, wide = d.chance(0.2), d.chance(0.35)
    for side in SIDES:
        x = head.across(side * head.gaze)
        white = disc(pen.frame, x, head.eye_line, radius + 0.06)
        pen.fill(where(wide & ~shut, white), pen.palette.pale, 0.0)
        high = np.where(shut, 0.35, 1.0) * radius
        pupil = ellipse(pen.frame, x, head.eye_line, radius * np.where(shut, 1.3, 1.0), high)
        pen.fill(pupil, pen.palette.dark, 0.0)


def muzzle(head: Head, wide: Number, high: Number, y: Number, colour: Colours) -> None:
    """Draw a round snout below the eyes."""
    form = ellipse(head.pen.frame, head.across(0.0, 0.9), y, wide, high)
    head.pen.fill(form, colour, 0.7)


def nose(head: Head, y: Number, wide: Number, high: Number) -> None:
    """Draw the tip of the nose in the dark colour."""
    tip = ellipse(head.pen.frame, head.across(0.0, 1.0), y, wide, high)
    head.pen.fill(tip, head.pen.palette.dark, 0.0)


def mouth(head: Head, y: Number) -> None:
    """Draw a mouth below the nose in some images: a line, or an open one with a tongue."""
    pen, d = head.pen, head.pen.draws
    x, kind = head.across(0.0, 0.95), d.pick((0.4, 0.35, 0.25))
    line = bar(pen.frame, x - 0.1, y, x + 0.1, y, 0.025)
    pen.fill(where(kind == 1, line), pen.palette.dark, 0.0)
    pen.fill(where(kind == 2, ellipse(pen.frame, x, y + 0.05, 0.1, 0.12)), pen.palette.accent, 0.0)


def round_ears(
    head: Head, x: Numbers, y: Numbers, size: Numbers, outer: Colours, inner: Colours
) -> None:
    """Draw two round ears with lighter or darker insides around (-x, y) and (x, y)."""
    for side in SIDES:
        place = head.across(side * x, -0.3)
        head.pen.fill(disc(head.pen.frame, place, y, size), outer)
        head.pen.fill(disc(head.pen.frame, place, y + 0.03, size * 0.55), inner, 0.0)


def pointed_ears(head: Head, reach: Numbers, tip: Numbers, outer: Colours, inner: Colours) -> None:
    """Draw two upright triangles whose tips are at (-reach, tip) and (reach, tip)."""
    frame = head.pen.frame
    for side in SIDES:
        inside, outside = head.across(side * 0.12, -0.2), head.across(side * head.wide, -0.2)
        point = head.across(side * reach, -0.3)
        head.pen.fill(polygon(frame, (inside, -0.3), (point, tip), (outside, 0.1)), outer)
        middle = (inside + outside) / 2
        low, high = (middle - 0.15, -0.22), (middle + 0.15, -0.18)
        head.pen.fill(polygon(frame, low, (point, tip + 0.2), high), inner, 0.0)


def hanging_ears(head: Head, length: Numbers, width: Numbers, colour: Colours) -> None:
    """Draw two ears that hang beside the head from its upper corners."""
    for side in SIDES:
        x = head.across(side * (head.wide * 0.95), -0.3)
        frame = head.pen.frame.at(x, -0.2, side * -0.25)
        head.pen.fill(ellipse(frame, 0.0, length * 0.75, width, length), colour)


def masked(head: Head, form: Tensor) -> Tensor:
    """Return the part of a form that lies on the head."""
    return common(form, head.skull)


def patches(head: Head, wide: Number, high: Number, tilt: Number) -> Tensor:
    """Return two ellipses around the eyes, leaning outwards by `tilt` radians."""
    forms = []
    for side in SIDES:
        frame = head.pen.frame.at(head.across(side * head.gaze), head.eye_line, -side * tilt)
        forms.append(ellipse(frame, side * 0.03, 0.04, wide, high))
    return union(*forms)

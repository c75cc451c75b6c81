"""Boat, car and house: every function is a body plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.data.shapes.forms import (
    bar,
    box,
    disc,
    polygon,
    spread,
    where,
    without,
)  # fmt: skip
from bench.data.shapes.pen import Pen

if TYPE_CHECKING:
    from bench.data.shapes.draws import Numbers


def sailing_boat(pen: Pen) -> None:
    """Draw a hull with a mast and one or two sails."""
    p, d, f = pen.palette, pen.draws, pen.frame
    bow, deck = d.uniform(0.75, 1.0), d.uniform(0.35, 0.5)
    mast, top = d.uniform(-0.2, 0.1), d.uniform(-1.0, -0.8)
    pen.fill(bar(f, mast, deck, mast, top, 0.05), p.dark)
    sail = polygon(f, (mast + 0.08, top), (mast + 0.08, deck - 0.12), (bow - 0.1, deck - 0.12))
    pen.fill(sail, p.second, 0.4)
    jib = polygon(f, (mast - 0.08, top + 0.25), (mast - 0.08, deck - 0.12), (-0.7, deck - 0.12))
    pen.fill(where(d.chance(0.7), jib), p.accent, 0.4)
    keel = d.uniform(0.45, 0.65)
    pen.fill(polygon(f, (-0.9, deck), (bow, deck), (keel, 0.85), (-0.6, 0.85)), p.main)


def steam_boat(pen: Pen) -> None:
    """Draw a hull with a cabin and one or two funnels."""
    p, d, f = pen.palette, pen.draws, pen.frame
    deck, roof = d.uniform(0.2, 0.35), d.uniform(-0.3, -0.1)
    for x, there in ((0.2, d.chance(1.0)), (-0.25, d.chance(0.5))):
        funnel = box(f, x, (roof - 0.8) / 2, 0.14, (roof + 0.8) / 2 + 0.05)
        pen.fill(where(there, funnel), p.accent)
    pen.fill(box(f, 0.0, (roof + deck) / 2, d.uniform(0.5, 0.65), (deck - roof) / 2), p.second)
    for x in spread(3, -0.3, 0.3):
        pen.fill(disc(f, x, (roof + deck) / 2, 0.1), p.dark, 0.0)
    bow = d.uniform(0.85, 1.0)
    pen.fill(polygon(f, (-0.95, deck), (bow, deck), (0.65, 0.8), (-0.7, 0.8)), p.main)


def saloon_car(pen: Pen) -> None:
    """Draw a car from the side: a low body, a cabin with windows, two wheels."""
    p, d, f = pen.palette, pen.draws, pen.frame
    roof, front, back = d.uniform(-0.55, -0.35), d.uniform(0.3, 0.5), d.uniform(-0.75, -0.5)
    left, right = back + 0.2, front - 0.15
    cabin = polygon(f, (back, 0.05), (left, roof), (right, roof), (front + 0.15, 0.05))
    pen.fill(cabin, p.main, 0.5)
    glass = polygon(
        f, (back + 0.17, 0.0), (left + 0.08, roof + 0.12), (right - 0.06, roof + 0.12), (front, 0.0)
    )
    pen.fill(without(glass, box(f, -0.1, 0.0, 0.05, 1.0)), p.pale, 0.0)
    pen.fill(box(f, 0.0, 0.22, d.uniform(0.9, 1.0), 0.24, 0.12), p.main)
    pen.fill(disc(f, 0.9, 0.15, 0.08), p.accent, 0.0)
    _wheels(pen, d.uniform(0.18, 0.26), 0.45, (-0.55, 0.55))


def lorry(pen: Pen) -> None:
    """Draw a lorry from the side: a box or a flat bed behind a cab."""
    p, d, f = pen.palette, pen.draws, pen.frame
    top, cab, joint = d.uniform(-0.75, -0.45), d.uniform(-0.35, -0.15), d.uniform(0.25, 0.4)
    load = box(f, (joint - 1.0) / 2, (top + 0.4) / 2, (joint + 0.95) / 2, (0.4 - top) / 2)
    pen.fill(load, p.main)
    front = (joint + 1.0) / 2
    pen.fill(box(f, front, (cab + 0.4) / 2, (0.96 - joint) / 2, (0.4 - cab) / 2, 0.08), p.second)
    pen.fill(box(f, front + 0.05, cab + 0.22, (0.75 - joint) / 2, 0.12), p.pale, 0.0)
    _wheels(pen, d.uniform(0.18, 0.25), 0.5, (-0.6, 0.62))


def bus(pen: Pen) -> None:
    """Draw a long box on wheels with a row of windows."""
    p, d, f = pen.palette, pen.draws, pen.frame
    top = d.uniform(-0.6, -0.45)
    pen.fill(box(f, 0.0, (top + 0.45) / 2, 1.0, (0.45 - top) / 2, 0.12), p.main)
    for x in spread(4, -0.72, 0.72):
        pen.fill(box(f, x, top + 0.3, 0.18, 0.17), p.pale, 0.0)
    pen.fill(box(f, 0.0, 0.2, 1.0, 0.08), p.accent, 0.0)
    _wheels(pen, d.uniform(0.18, 0.24), 0.5, (-0.55, 0.55))


def _wheels(pen: Pen, size: Numbers, y: float, places: tuple[float, ...]) -> None:
    for x in places:
        pen.fill(disc(pen.frame, x, y, size), pen.palette.dark, 0.0)
        pen.fill(disc(pen.frame, x, y, size * 0.45), pen.palette.pale, 0.0)


def cottage(pen: Pen) -> None:
    """Draw a house with a gable, a door, one or two windows and perhaps a chimney."""
    p, d, f = pen.palette, pen.draws, pen.frame
    half, eaves, top = d.uniform(0.6, 0.8), d.uniform(-0.15, 0.1), d.uniform(-0.95, -0.75)
    side = np.where(d.chance(0.5), 1.0, -1.0)
    pen.fill(where(d.chance(0.6), box(f, 0.42 * side, -0.55, 0.11, 0.35)), p.second)
    pen.fill(box(f, 0.0, (eaves + 0.85) / 2, half, (0.85 - eaves) / 2), p.main, 0.4)
    pen.fill(polygon(f, (-half - 0.2, eaves), (0.0, top), (half + 0.2, eaves)), p.second, 0.5)
    pen.fill(box(f, -0.28 * side, 0.62, 0.15, 0.25), p.dark, 0.0)
    pen.fill(box(f, 0.28 * side, 0.42, 0.17, 0.15), p.pale, 0.0)


def town_house(pen: Pen) -> None:
    """Draw a tall house: rows of windows above a door, under a roof of either kind."""
    p, d, f = pen.palette, pen.draws, pen.frame
    half, eaves = d.uniform(0.42, 0.55), d.uniform(-0.65, -0.5)
    pen.fill(box(f, 0.0, (eaves + 0.95) / 2, half, (0.95 - eaves) / 2), p.main, 0.4)
    flat = d.chance(0.35)
    gable = polygon(f, (-half - 0.12, eaves), (0.0, eaves - 0.45), (half + 0.12, eaves))
    pen.fill(where(~flat, gable), p.second, 0.5)
    pen.fill(where(flat, box(f, 0.0, eaves, half + 0.1, 0.1)), p.second, 0.5)
    for y in (-0.3, 0.15):
        for side in (-0.5, 0.5):
            pen.fill(box(f, half * side, y, 0.13, 0.14), p.pale, 0.0)
    pen.fill(box(f, 0.0, 0.72, 0.15, 0.23), p.dark, 0.0)


def barn(pen: Pen) -> None:
    """Draw a long house from the side, with a wide roof and a row of windows."""
    p, d, f = pen.palette, pen.draws, pen.frame
    eaves, top, slant = d.uniform(-0.05, 0.15), d.uniform(-0.6, -0.4), d.uniform(0.1, 0.35)
    chimney = d.uniform(-0.5, 0.5)
    pen.fill(where(d.chance(0.6), box(f, chimney, top - 0.05, 0.12, 0.3)), p.main)
    pen.fill(box(f, 0.0, (eaves + 0.7) / 2, 0.88, (0.7 - eaves) / 2), p.main, 0.4)
    roof = polygon(f, (-1.0, eaves), (slant - 1.0, top), (1.0 - slant, top), (1.0, eaves))
    pen.fill(roof, p.second, 0.5)
    middle = (eaves + 0.7) / 2
    for x in (-0.58, 0.58):
        pen.fill(box(f, x, middle - 0.04, 0.15, 0.13), p.pale, 0.0)
    pen.fill(box(f, 0.0, middle + 0.08, 0.16, (0.7 - eaves) / 2 - 0.08), p.dark, 0.0)

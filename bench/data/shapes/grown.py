"""Fish, flower, mushroom and tree: every function is a body plan."""

from __future__ import annotations

import numpy as np

from bench.data.shapes.forms import (
    above,
    bar,
    below,
    box,
    common,
    disc,
    ellipse,
    polygon,
    union,
    where,
)  # fmt: skip
from bench.data.shapes.pen import Pen


def oval_fish(pen: Pen) -> None:
    """Draw an oval body with a forked tail, a fin and an eye."""
    p, d, f = pen.palette, pen.draws, pen.frame
    high, fork = d.uniform(0.36, 0.52), d.uniform(0.35, 0.55)
    pen.fill(polygon(f, (0.35, 0.0), (0.95, -fork), (0.78, 0.0), (0.95, fork)), p.second)
    pen.fill(polygon(f, (-0.3, -high * 0.7), (0.1, -high - 0.25), (0.4, -high * 0.5)), p.second)
    pen.fill(ellipse(f, -0.2, 0.0, 0.72, high), p.main)
    inner = ellipse(f, -0.2, 0.0, 0.7, high - 0.03)
    band = common(box(f, d.uniform(-0.3, 0.0), 0.0, 0.1, 1.0), inner)
    pen.fill(where(d.chance(0.5), band), p.accent, 0.0)
    pen.fill(polygon(f, (-0.2, 0.08), (0.15, 0.3), (0.12, 0.0)), p.second, 0.3)
    _eye(pen, -0.62, -0.1, 0.11)


def long_fish(pen: Pen) -> None:
    """Draw a shark-like fish: slim, with a high back fin and a pale belly."""
    p, d, f = pen.palette, pen.draws, pen.frame
    high = d.uniform(0.22, 0.32)
    pen.fill(polygon(f, (0.55, 0.0), (1.0, -0.5), (0.82, 0.05), (0.95, 0.35)), p.main)
    pen.fill(polygon(f, (-0.2, -0.1), (0.15, -high - 0.38), (0.3, -0.1)), p.main)
    pen.fill(polygon(f, (-0.3, 0.1), (0.05, high + 0.35), (0.1, 0.1)), p.main)
    rear = polygon(f, (0.0, -high), (0.75, 0.0), (0.0, high))
    pen.fill(union(ellipse(f, -0.2, 0.0, 0.78, high), rear), p.main)
    pen.fill(common(ellipse(f, -0.25, 0.02, 0.68, high - 0.05), below(f, 0.06)), p.pale, 0.3)
    _eye(pen, -0.7, -0.06, 0.09)


def disc_fish(pen: Pen) -> None:
    """Draw a tall round fish with long fins and bands."""
    p, d, f = pen.palette, pen.draws, pen.frame
    reach = d.uniform(0.75, 0.95)
    pen.fill(polygon(f, (-0.25, -0.2), (0.5, -reach), (0.35, 0.0)), p.second)
    pen.fill(polygon(f, (-0.25, 0.2), (0.5, reach), (0.35, 0.0)), p.second)
    pen.fill(polygon(f, (0.3, 0.0), (0.85, -0.35), (0.85, 0.35)), p.second)
    round_body = ellipse(f, -0.15, 0.0, 0.58, d.uniform(0.5, 0.6))
    pen.fill(round_body, p.main)
    for x in (-0.35, 0.1):
        pen.fill(common(box(f, x, 0.0, 0.09, 1.0), round_body), p.accent, 0.0)
    _eye(pen, -0.5, -0.1, 0.1)


def _eye(pen: Pen, x: float, y: float, size: float) -> None:
    pen.fill(disc(pen.frame, x, y, size), pen.palette.pale, 0.0)
    pen.fill(disc(pen.frame, x, y, size * 0.6), pen.palette.dark, 0.0)


def daisy(pen: Pen) -> None:
    """Draw a flower with five to eight petals, seen from the front, with or without a stem."""
    p, d, f = pen.palette, pen.draws, pen.frame
    stem = d.chance(0.6)
    y = np.where(stem, -0.3, 0.0)
    size = np.where(stem, 0.62, 0.92)
    pen.fill(where(stem, bar(f, 0.0, 0.0, d.uniform(-0.2, 0.2), 0.95, 0.07)), p.second)
    pen.fill(where(stem, ellipse(f.at(0.28, 0.55, -0.6), 0.0, 0.0, 0.28, 0.12)), p.second)
    count, turn = d.pick((1, 1, 1, 1)) + 5, d.uniform(0.0, 1.0)
    slim = d.uniform(0.85, 1.15) * 0.55
    petals = []
    for k in range(8):
        angle = 2.0 * np.pi * (np.minimum(k, count - 1) + turn) / count
        x, up = 0.6 * size * np.cos(angle), 0.6 * size * np.sin(angle)
        petals.append(ellipse(f.at(x, y + up, angle), 0.0, 0.0, 0.42 * size, slim * 0.42 * size))
    pen.fill(union(*petals), p.main)
    pen.fill(disc(f, 0.0, y, size * d.uniform(0.26, 0.36)), p.accent)


def tulip(pen: Pen) -> None:
    """Draw a cup of three pointed petals on a stem with two leaves."""
    p, d, f = pen.palette, pen.draws, pen.frame
    wide, tip = d.uniform(0.36, 0.5), d.uniform(-0.95, -0.8)
    pen.fill(bar(f, 0.0, 0.0, 0.0, 0.95, 0.07), p.second)
    for side in (-1.0, 1.0):
        leaf = ellipse(f.at(side * 0.3, 0.5, side * -d.uniform(0.8, 1.1)), 0.0, 0.0, 0.42, 0.13)
        pen.fill(leaf, p.second)
    cup = common(ellipse(f, 0.0, -0.45, wide, 0.48), below(f, -0.45))
    petals = [
        polygon(f, (x - 0.45 * wide, -0.44), (x, tip + abs(k) * 0.06), (x + 0.45 * wide, -0.44))
        for k, x in ((-1, -0.55 * wide), (1, 0.55 * wide))
    ]
    pen.fill(union(cup, *petals), p.main)
    pen.fill(ellipse(f, 0.0, -0.42, wide * 0.5, -tip - 0.45), p.accent, 0.8)


def bunch(pen: Pen) -> None:
    """Draw three small round flowers on one bundle of stems."""
    p, d, f = pen.palette, pen.draws, pen.frame
    left, right, middle = d.uniform(-0.45, -0.2), d.uniform(-0.45, -0.2), d.uniform(-0.7, -0.5)
    heads = ((-0.5, left), (0.5, right), (0.0, middle))
    for x, y in heads:
        pen.fill(bar(f, x, y, 0.0, 0.9, 0.06), p.second)
    for x, y in heads:
        petals = (
            disc(f, x + 0.22 * np.cos(a), y + 0.22 * np.sin(a), 0.18)
            for a in 2.0 * np.pi * (np.arange(5) + 0.25) / 5
        )
        pen.fill(union(*petals), p.main)
        pen.fill(disc(f, x, y, 0.13), p.accent, 0.0)


def dome_mushroom(pen: Pen) -> None:
    """Draw a half-round cap with spots on a stalk."""
    p, d, f = pen.palette, pen.draws, pen.frame
    edge, half, high = d.uniform(-0.05, 0.15), d.uniform(0.75, 0.95), d.uniform(0.65, 0.85)
    stalk = d.uniform(0.2, 0.3)
    foot = ellipse(f, 0.0, 0.85, stalk + 0.08, 0.13)
    pen.fill(union(box(f, 0.0, 0.5, stalk, 0.4, 0.1), foot), p.second)
    cap = common(ellipse(f, 0.0, edge, half, high), above(f, edge + 0.04))
    pen.fill(cap, p.main)
    spotted = d.chance(0.65)
    for x, y in ((-0.42, -0.2), (0.05, -0.45), (0.45, -0.15)):
        pen.fill(where(spotted, ellipse(f, x, edge + y, 0.15, 0.12)), p.pale, 0.0)


def tall_mushroom(pen: Pen) -> None:
    """Draw a pointed cap on a long stalk."""
    p, d, f = pen.palette, pen.draws, pen.frame
    edge, half = d.uniform(-0.2, 0.0), d.uniform(0.45, 0.6)
    pen.fill(bar(f, d.uniform(-0.15, 0.15), 0.85, 0.0, -0.3, d.uniform(0.1, 0.16)), p.second)
    cap = common(ellipse(f, 0.0, edge, half, edge + 0.95), above(f, edge))
    pen.fill(union(cap, ellipse(f, 0.0, edge, half, 0.12)), p.main)
    pen.fill(ellipse(f, 0.0, edge + 0.02, half * 0.7, 0.06), p.accent, 0.0)


def two_mushrooms(pen: Pen) -> None:
    """Draw a flat mushroom and a smaller one beside it."""
    p, d, f = pen.palette, pen.draws, pen.frame
    places = ((0.5, 0.15, 0.55), (-0.3, d.uniform(-0.4, -0.2), 0.8))
    for x, edge, size in places:
        pen.fill(box(f, x, (edge + 0.85) / 2, 0.2 * size, (0.85 - edge) / 2, 0.05), p.second)
        cap = common(ellipse(f, x, edge, 0.75 * size, 0.62 * size), above(f, edge + 0.05))
        pen.fill(cap, p.main)
        pen.fill(ellipse(f, x - 0.2 * size, edge - 0.22 * size, 0.13, 0.1), p.pale, 0.0)


def round_tree(pen: Pen) -> None:
    """Draw a crown of overlapping balls on a trunk."""
    p, d, f = pen.palette, pen.draws, pen.frame
    pen.fill(bar(f, 0.0, 0.0, 0.0, 0.9, d.uniform(0.1, 0.16)), p.dark)
    y = d.uniform(-0.4, -0.25)
    crown = [disc(f, 0.0, y - 0.15, d.uniform(0.42, 0.52))]
    for x in (-0.45, 0.45):
        crown.append(disc(f, x, y + d.uniform(-0.1, 0.25), d.uniform(0.28, 0.42)))
    pen.fill(union(*crown), p.main)
    fruit = d.chance(0.4)
    for x, up in ((-0.4, 0.1), (0.1, -0.25), (0.35, 0.15)):
        pen.fill(where(fruit, disc(f, x, y + up, 0.11)), p.accent, 0.0)


def conifer(pen: Pen) -> None:
    """Draw two or three pointed tiers on a short trunk."""
    p, d, f = pen.palette, pen.draws, pen.frame
    half = d.uniform(0.5, 0.75)
    pen.fill(box(f, 0.0, 0.8, d.uniform(0.09, 0.14), 0.2), p.dark)
    tiers = [
        polygon(f, (-half * s, low), (0.0, high), (half * s, low))
        for s, low, high in ((1.0, 0.65, -0.25), (0.82, 0.2, -0.6), (0.62, -0.25, -0.98))
    ]
    for tier in tiers:
        pen.fill(tier, p.main)


def palm(pen: Pen) -> None:
    """Draw a bent trunk with hanging leaves."""
    p, d, f = pen.palette, pen.draws, pen.frame
    foot, y = d.uniform(-0.4, 0.0), d.uniform(-0.55, -0.4)
    knee = foot * 0.35 + 0.1
    pen.fill(union(bar(f, foot, 0.92, knee, 0.2, 0.1), bar(f, knee, 0.2, 0.1, y, 0.09)), p.dark)
    for side in (-1.0, 1.0):
        for reach, drop, width in ((0.62, 0.32, 0.12), (0.6, -0.12, 0.13), (0.28, -0.34, 0.12)):
            lean = np.arctan2(drop, side * reach)
            leaf = f.at(0.1 + side * reach * 0.62, y + drop * 0.6, lean)
            pen.fill(ellipse(leaf, 0.0, 0.0, 0.42, width), p.main)
    pen.fill(where(d.chance(0.5), disc(f, 0.1, y + 0.1, 0.12)), p.accent)

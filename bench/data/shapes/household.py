"""Chair, cup and umbrella: every function is a body plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.data.shapes.forms import (
    above,
    bar,
    below,
    box,
    common,
    disc,
    ellipse,
    polygon,
    ring,
    spread,
    union,
    where,
    without,
)  # fmt: skip
from bench.data.shapes.pen import Pen

if TYPE_CHECKING:
    from torch import Tensor

    from bench.data.shapes.draws import Numbers


def side_chair(pen: Pen) -> None:
    """Draw a chair from the side: a back, a seat, two legs."""
    p, d, f = pen.palette, pen.draws, pen.frame
    seat, lean, width = d.uniform(0.05, 0.25), d.uniform(0.0, 0.2), d.uniform(0.08, 0.13)
    pen.fill(bar(f, -0.45, seat, -0.5, 0.92, width), p.main)
    pen.fill(bar(f, 0.5, seat, 0.55, 0.92, width), p.main)
    pen.fill(bar(f, -0.45, seat, -0.5 - lean, -0.9, width), p.main)
    pen.fill(bar(f, -0.42, seat, 0.5, seat, width + 0.05), p.second)
    pen.fill(where(d.chance(0.4), bar(f, -0.5, seat - 0.4, 0.3, seat - 0.4, width * 0.8)), p.main)


def front_chair(pen: Pen) -> None:
    """Draw a chair from the front: a back between two posts, a seat, two legs."""
    p, d, f = pen.palette, pen.draws, pen.frame
    seat, half, width = d.uniform(0.1, 0.3), d.uniform(0.42, 0.55), d.uniform(0.08, 0.12)
    for side in (-1.0, 1.0):
        pen.fill(bar(f, half * side, -0.85, half * side, 0.92, width), p.main)
    rail = d.uniform(0.12, 0.3)
    pen.fill(box(f, 0.0, -0.85 + rail, half, rail, 0.06), p.second)
    pen.fill(where(d.chance(0.5), box(f, 0.0, -0.08, half, 0.08)), p.second)
    back, front, near = seat - 0.1, seat + 0.18, half + 0.15
    pen.fill(polygon(f, (-half, back), (half, back), (near, front), (-near, front)), p.main)


def armchair(pen: Pen) -> None:
    """Draw an armchair: a padded back, a cushion between two arms, short feet."""
    p, d, f = pen.palette, pen.draws, pen.frame
    top, half = d.uniform(-0.85, -0.65), d.uniform(0.5, 0.62)
    for side in (-1.0, 1.0):
        pen.fill(box(f, half * side, 0.8, 0.08, 0.14), p.dark, 0.0)
    pen.fill(box(f, 0.0, (top + 0.5) / 2, half, (0.5 - top) / 2, 0.25), p.main)
    pen.fill(box(f, 0.0, 0.48, half, 0.27, 0.05), p.main)
    pen.fill(box(f, 0.0, 0.3, half, 0.16, 0.12), p.second)
    for side in (-1.0, 1.0):
        pen.fill(box(f, (half + 0.1) * side, 0.33, 0.2, 0.42, 0.18), p.main)


def mug(pen: Pen) -> None:
    """Draw a mug with a handle and a dark or filled opening."""
    p, d, f = pen.palette, pen.draws, pen.frame
    half, high, foot = d.uniform(0.45, 0.6), d.uniform(0.6, 0.8), d.uniform(0.75, 1.0)
    handle = ring(f, half + 0.08, d.uniform(-0.15, 0.1), d.uniform(0.26, 0.36), 0.09)
    pen.fill(handle, p.main)
    pen.fill(_beaker(pen, half, half * foot, high), p.main)
    pen.fill(where(d.chance(0.5), box(f, 0.0, 0.12, half * 0.85, d.uniform(0.1, 0.22))), p.accent)
    pen.fill(ellipse(f, 0.0, -high, half, 0.2), p.second)
    pen.fill(ellipse(f, 0.0, -high + 0.03, half * 0.8, 0.12), p.dark, 0.0)


def tea_cup(pen: Pen) -> None:
    """Draw a wide cup with a small handle on a saucer."""
    p, d, f = pen.palette, pen.draws, pen.frame
    half, rim, deep = d.uniform(0.58, 0.72), d.uniform(-0.4, -0.25), d.uniform(0.75, 0.95)
    pen.fill(ellipse(f, 0.0, deep - 0.35, d.uniform(0.85, 1.0), 0.18), p.second)
    pen.fill(ring(f, half + 0.05, rim + 0.25, 0.2, 0.08), p.main)
    pen.fill(common(ellipse(f, 0.0, rim, half, deep), below(f, rim)), p.main)
    pen.fill(ellipse(f, 0.0, rim, half, 0.17), p.second)
    pen.fill(ellipse(f, 0.0, rim + 0.02, half * 0.82, 0.1), p.dark, 0.0)


def goblet(pen: Pen) -> None:
    """Draw a bowl on a stem with a foot."""
    p, d, f = pen.palette, pen.draws, pen.frame
    half, deep, rim = d.uniform(0.42, 0.58), d.uniform(0.8, 1.0), d.uniform(-0.9, -0.75)
    pen.fill(bar(f, 0.0, 0.0, 0.0, 0.8, d.uniform(0.07, 0.12)), p.main)
    pen.fill(ellipse(f, 0.0, 0.85, d.uniform(0.38, 0.52), 0.13), p.main)
    pen.fill(common(ellipse(f, 0.0, rim, half, deep), below(f, rim)), p.main)
    level = rim + deep * d.uniform(0.2, 0.5)
    pen.fill(common(ellipse(f, 0.0, rim, half * 0.85, deep * 0.88), below(f, level)), p.accent, 0.3)
    pen.fill(ellipse(f, 0.0, rim, half, 0.13), p.second)


def _beaker(pen: Pen, top: Numbers, foot: Numbers, high: Numbers) -> Tensor:
    walls = polygon(pen.frame, (-top, -high), (top, -high), (foot, high), (-foot, high))
    return union(walls, ellipse(pen.frame, 0.0, high, foot, 0.15))


def open_umbrella(pen: Pen) -> None:
    """Draw a canopy with a scalloped edge, and a stick with a hook."""
    p, d, f = pen.palette, pen.draws, pen.frame
    edge, top = d.uniform(-0.05, 0.15), d.uniform(-0.85, -0.65)
    pen.fill(bar(f, 0.0, top, 0.0, 0.7, 0.06), p.dark)
    pen.fill(common(ring(f, 0.18, 0.7, 0.18, 0.06), below(f, 0.7)), p.dark)
    _canopy(pen, edge, edge - top, 3)
    pen.fill(bar(f, 0.0, top, 0.0, top - 0.12, 0.05), p.dark)


def sunshade(pen: Pen) -> None:
    """Draw a pointed canopy of two colours on a straight pole."""
    p, d, f = pen.palette, pen.draws, pen.frame
    edge, top = d.uniform(-0.25, 0.0), d.uniform(-0.95, -0.75)
    pen.fill(bar(f, 0.0, top, 0.0, 0.92, 0.07), p.dark)
    pen.fill(where(d.chance(0.5), ellipse(f, 0.0, 0.9, 0.35, 0.1)), p.dark)
    pen.fill(polygon(f, (-0.95, edge), (0.0, top), (0.95, edge)), p.main)
    pen.fill(polygon(f, (-0.34, edge), (0.0, top), (0.34, edge)), p.second, 0.3)
    pen.fill(box(f, 0.0, edge + 0.05, 0.95, 0.09), p.accent, 0.3)


def tilted_umbrella(pen: Pen) -> None:
    """Draw an umbrella that leans against the wind."""
    lean = pen.draws.uniform(0.45, 0.8)
    open_umbrella(pen.at(0.0, 0.0, lean))


def _canopy(pen: Pen, edge: Numbers, high: Numbers, scallops: int) -> None:
    p, f = pen.palette, pen.frame
    step = 1.9 / scallops
    dome = common(ellipse(f, 0.0, edge, 0.95, high), above(f, edge))
    outermost = 0.95 - step / 2
    bites = (disc(f, x, edge + 0.14, step / 2) for x in spread(scallops, -outermost, outermost))
    whole = without(dome, union(*bites))
    pen.fill(whole, p.main)
    middle = ellipse(f, 0.0, edge, step / 2, high)
    pen.fill(common(whole, middle), p.second, 0.4)

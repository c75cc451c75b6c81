"""Lines, intervals and marks of a chart."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from reports.drawings.chart import Line, Mark
from reports.drawings.palette import DASHES, MARKERS
from reports.drawings.svg_frame import Frame, inside
from reports.drawings.svg_text import number, said

RADIUS = 4.0
RING = 6.5
"""Wide enough to be seen around a dot."""
DASHED = (6, 4)


def drawn(line: Line, frame: Frame, across: bool) -> Markup:
    """Return a line with its intervals and marks, in its colour, marker and dash."""
    parts = [_path(line, frame), _intervals(line, frame, across)]
    parts += [_mark(mark, line.colour, frame) for mark in line.marks if mark.shape != "none"]
    return Markup('<g class="{}">{}</g>').format(name(line.colour), Markup("").join(parts))


def name(colour: int) -> str:
    """Return the class of a colour: c0 to c6, and cx for grey."""
    return f"c{colour}" if 0 <= colour <= 6 else "cx"


def _path(line: Line, frame: Frame) -> Markup:
    if not line.joined or len(line.marks) < 2:
        return Markup("")
    points = [f"{number(frame.across(m.x))} {number(frame.down(m.y))}" for m in line.marks]
    dash = DASHED if line.dashed else DASHES[line.colour]
    return Markup(
        '<path d="M{}" fill="none" stroke="currentColor" stroke-width="{}" '
        'stroke-linejoin="round"{}/>'
    ).format("L".join(points), 2 if line.colour >= 0 else 1.2, _dashes(dash))


def _dashes(dash: tuple[float, ...]) -> Markup:
    if not dash:
        return Markup("")
    return Markup(' stroke-dasharray="{}"').format(" ".join(map(number, dash)))


def _intervals(line: Line, frame: Frame, across: bool) -> Markup:
    """Return the intervals of all marks; an end beyond the frame has no cap."""
    parts = [part for mark in line.marks for part in _interval(mark, frame, across)]
    if not parts:
        return Markup("")
    return Markup(
        '<path class="interval" d="{}" fill="none" stroke="currentColor" stroke-width="{}"/>'
    ).format("".join(parts), 1.6 if line.colour >= 0 else 1.2)


def _interval(mark: Mark, frame: Frame, across: bool) -> Iterator[str]:
    if mark.low is None or mark.high is None:
        return
    axis, scale = (frame.x, frame.across) if across else (frame.y, frame.down)
    low, high = number(scale(mark.low)), number(scale(mark.high))
    x, y = number(frame.across(mark.x)), number(frame.down(mark.y))
    yield f"M{low} {y}H{high}" if across else f"M{x} {low}V{high}"
    for value, at in ((mark.low, low), (mark.high, high)):
        if inside(value, axis):
            yield f"M{at} {y}m0-3v6" if across else f"M{x} {at}m-3 0h6"


def _mark(mark: Mark, colour: int, frame: Frame) -> Markup:
    ring = mark.shape == "ring"
    outline = shape(MARKERS[colour], RING if ring else RADIUS)
    told = Markup("<title>{}</title>").format(said(mark.text)) if mark.text else ""
    paint = (
        Markup('fill="none" stroke="currentColor" stroke-width="1.6" pointer-events="all"')
        if ring
        else Markup('fill="currentColor"')
    )
    return Markup('<path class="mark" d="M{} {}{}" {}>{}</path>').format(
        number(frame.across(mark.x)), number(frame.down(mark.y)), outline, paint, told
    )


def shape(marker: str, radius: float) -> str:
    """Return the outline of a marker around the current point, as relative commands."""
    r = radius
    side = r * 0.89  # a square of about the area of the circle
    outlines = {
        "o": f"m-{n(r)} 0a{n(r)} {n(r)} 0 1 0 {n(2 * r)} 0a{n(r)} {n(r)} 0 1 0-{n(2 * r)} 0z",
        "s": f"m-{n(side)}-{n(side)}h{n(2 * side)}v{n(2 * side)}h-{n(2 * side)}z",
        "^": f"m0-{n(1.2 * r)}l{n(1.15 * r)} {n(2 * r)}h-{n(2.3 * r)}z",
        "v": f"m0 {n(1.2 * r)}l{n(1.15 * r)}-{n(2 * r)}h-{n(2.3 * r)}z",
        "D": f"m0-{n(1.3 * r)}l{n(1.3 * r)} {n(1.3 * r)}l-{n(1.3 * r)} {n(1.3 * r)}"
        f"l-{n(1.3 * r)}-{n(1.3 * r)}z",
        "P": _turned_plus(r, upright=True),
        "X": _turned_plus(r, upright=False),
    }
    return outlines[marker]


def n(value: float) -> str:
    """Return a length of a marker, which is small enough to need two decimals."""
    return f"{value:.2f}".rstrip("0").removesuffix(".")


def _turned_plus(radius: float, upright: bool) -> str:
    """Return a plus, or the cross that it is when turned by 45 degrees."""
    arm, half = 1.15 * radius, 0.42 * radius
    a, b = arm - half, 2 * half
    steps = [(b, 0), (0, a), (a, 0), (0, b), (-a, 0), (0, a), (-b, 0), (0, -a), (-a, 0), (0, -b)]
    steps += [(a, 0)]
    start = (-half, -arm)
    if not upright:
        steps, start = [_turned(*step) for step in steps], _turned(*start)
    return "m" + " ".join(map(n, start)) + "".join(f"l{n(x)} {n(y)}" for x, y in steps) + "z"


def _turned(x: float, y: float) -> tuple[float, float]:
    return 0.7071 * (x - y), 0.7071 * (x + y)

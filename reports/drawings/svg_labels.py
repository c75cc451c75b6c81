"""Names of lines: at their right ends in a column, or beside single dots where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from reports.drawings.chart import Chart, Line
from reports.drawings.svg_frame import Frame
from reports.drawings.svg_marks import name
from reports.drawings.svg_places import placed, side
from reports.drawings.svg_text import SIZE, label, number

APART = 14.0
"""Between the lines of two labels."""


def drawn(chart: Chart, frame: Frame) -> Markup:
    """Return the names of all labelled lines that have room."""
    parts = [*_at_the_ends(_kept(_wanted(chart, joined=True), frame), frame)]
    parts += _beside(_wanted(chart, joined=False), chart, frame)
    return Markup('<g class="labels" font-size="{}">{}</g>').format(SIZE, Markup("").join(parts))


def unnamed(chart: Chart) -> list[str]:
    """Return the names of labelled lines that have no room in the drawing."""
    frame = Frame.of(chart)
    ends, single = _wanted(chart, joined=True), _wanted(chart, joined=False)
    places = placed(single, chart, frame)
    kept = {id(line) for line in _kept(ends, frame)}
    kept |= {id(line) for line, place in zip(single, places, strict=True) if place}
    return [line.name for line in (*ends, *single) if id(line) not in kept]


def spread(wanted: Sequence[float], low: float, high: float, apart: float) -> list[float]:
    """Return places in the order of `wanted`, as near to them as being `apart` allows.

    All lie from `low` to `high`, as far as that is long enough for them. Nearest by least squares:
    isotonic regression of what is left of each place when those before it have their room.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    pools: list[tuple[float, int]] = []
    for number_before, index in enumerate(order):
        mean, size = wanted[index] - number_before * apart, 1
        while pools and pools[-1][0] >= mean:
            other, more = pools.pop()
            mean, size = (mean * size + other * more) / (size + more), size + more
        pools.append((mean, size))
    last = high - (len(order) - 1) * apart
    starts = [min(max(mean, low), max(last, low)) for mean, size in pools for _ in range(size)]
    found = [0.0] * len(order)
    for number_before, (index, start) in enumerate(zip(order, starts, strict=True)):
        found[index] = start + number_before * apart
    return found


def _wanted(chart: Chart, joined: bool) -> list[Line]:
    """Return the lines that are to be named, coloured ones first."""
    lines = [line for line in chart.lines if line.labelled and line.marks and line.joined == joined]
    return sorted(lines, key=lambda line: line.colour < 0)


def _kept(lines: list[Line], frame: Frame) -> list[Line]:
    """Return the lines whose names have room in a column as high as the frame."""
    return lines[: int((frame.bottom - frame.top) // APART) + 1]


def _at_the_ends(kept: list[Line], frame: Frame) -> Iterator[Markup]:
    """Yield names in a column right of the frame."""
    ends = [max(line.marks, key=lambda mark: mark.x) for line in kept]
    wanted = [frame.down(mark.y) for mark in ends]
    places = spread(wanted, frame.top, frame.bottom, APART)
    for line, mark, y, place in zip(kept, ends, wanted, places, strict=True):
        x = frame.across(mark.x)
        yield Markup('<g class="{}">{}{}</g>').format(
            name(line.colour),
            _leader(min(x + 6, frame.right + 6), y, frame.right + 6, place),
            _written(frame.right + 9, place + 4, line.name, frame.width - frame.right - 10),
        )


def _leader(x: float, y: float, to_x: float, to_y: float) -> Markup:
    """Return a line to a name: in the colour of its group, and dotted, as it shows no data."""
    return Markup(
        '<path d="M{} {}L{} {}" fill="none" stroke="currentColor" stroke-dasharray="1.5 2"/>'
    ).format(*map(number, (x, y, to_x, to_y)))


def _beside(lines: list[Line], chart: Chart, frame: Frame) -> Iterator[Markup]:
    """Yield names beside dots, with lines to those that stand far off."""
    for line, place in zip(lines, placed(lines, chart, frame), strict=True):
        if place is not None:
            box, mark = place.box, line.marks[-1]
            at = frame.across(mark.x), frame.down(mark.y)
            lead = _leader(*at, *side(at, box)) if place.led else Markup("")
            text = _written(box.left, box.high - 3, line.name, box.right - box.left + 1)
            yield Markup('<g class="{}">{}{}</g>').format(name(line.colour), lead, text)


def _written(x: float, y: float, text: str, room: float) -> Markup:
    # Written over lines and dots, so the ground shows around the letters.
    return Markup(
        '<g class="label" fill="currentColor" paint-order="stroke" stroke="var(--bg)" '
        'stroke-width="3" stroke-linejoin="round">{}</g>'
    ).format(label(x, y, text, room))

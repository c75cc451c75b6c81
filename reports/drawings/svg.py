"""A chart as SVG for the page: themes by classes, no script, no style attributes.

Colours are classes of groups, `c0` to `c6`, `cx`, `axis`, `tick` and `band`, and everything in them
is drawn in `currentColor`: a style sheet gives `color` to these, and the same drawing stands on a
light and on a dark ground.
"""

from __future__ import annotations

from markupsafe import Markup

from reports.drawings import svg_frame, svg_labels, svg_marks
from reports.drawings.chart import Axis, Chart
from reports.drawings.svg_frame import NARROW, WIDTH, Frame
from reports.drawings.svg_text import number as coordinate
from reports.drawings.svg_text import said
from reports.drawings.ticks import ticks
from reports.words.counting import counted

MOST_TOLD = 12
"""Names in the description for those who do not see the drawing."""


def render(chart: Chart, number: int, narrow: bool = False) -> Markup:
    """Return the SVG of a chart; its ids begin with `f`, or `n`, and its number on the page."""
    frame = Frame.of(chart, NARROW if narrow else WIDTH)
    lines = sorted(chart.lines, key=lambda line: line.colour >= 0)
    return Markup(
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" '
        'aria-labelledby="{n}-title {n}-desc">'
        '<title id="{n}-title">{title}</title><desc id="{n}-desc">{desc}</desc>'
        "{band}{axes}{lines}{labels}</svg>"
    ).format(
        w=frame.width,
        h=coordinate(frame.height),
        n=f"{'n' if narrow else 'f'}{number}",
        title=said(chart.title),
        desc=_described(chart),
        band=_band(chart, frame),
        axes=svg_frame.drawn(frame),
        lines=Markup("").join(svg_marks.drawn(line, frame, chart.across) for line in lines),
        labels=svg_labels.drawn(chart, frame),
    )


def _band(chart: Chart, frame: Frame) -> Markup:
    if chart.band is None:
        return Markup("")
    top, bottom = sorted(frame.down(end) for end in chart.band)
    return Markup(
        '<g class="band"><rect x="2" y="{}" width="{}" height="{}" rx="3" fill="currentColor"/></g>'
    ).format(coordinate(top), coordinate(frame.right - 2), coordinate(bottom - top))


def _described(chart: Chart) -> str:
    """Return what is drawn, for those who hear it."""
    names = [said(line.name) for line in chart.lines if line.name]
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
    told = f"{', '.join(names[:MOST_TOLD])}{more}"
    ranges = [_range(axis) for axis in (chart.x, chart.y) if not axis.names]
    return f"{counted(len(names), 'line')}: {told}. " + "; ".join(ranges) + "."


def _range(axis: Axis) -> str:
    texts = [text for _, text in ticks(axis)]
    return f"{said(axis.title)} from {texts[0]} to {texts[-1]}" if texts else said(axis.title)

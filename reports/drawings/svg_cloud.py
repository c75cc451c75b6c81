"""A cloud of points as SVG: a path of dots for every set of points, real ones drawn once a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from markupsafe import Markup

from reports.drawings.chart import Cloud, Panel
from reports.drawings.svg_frame import WIDTH
from reports.drawings.svg_marks import name
from reports.drawings.svg_text import SIZE, label, said
from reports.drawings.svg_text import number as coordinate

LARGEST = 150.0
"""Side of a panel."""
GAP = 5.0
HEAD = 20.0
"""Above every row, where its name stands; above the first also the methods."""
REAL, DISTILLED = 22, 46
"""Diameters of dots in a panel of 1000."""


def render(cloud: Cloud, number: int) -> Markup:
    """Return the SVG of a cloud; its ids begin with `f` and its number on the page."""
    columns = max(len(cloud.columns), 1)
    side = min(LARGEST, (WIDTH - 4 + GAP) / columns - GAP)
    ids = {key: f"f{number}-p{place}" for place, key in enumerate(_real(cloud))}
    height = HEAD + len(cloud.rows) * (HEAD + side) + 4
    return Markup(
        '<svg class="chart cloud" viewBox="0 0 {w} {h}" role="img" '
        'aria-labelledby="f{n}-title f{n}-desc">'
        '<title id="f{n}-title">{title}</title><desc id="f{n}-desc">{desc}</desc>'
        "<defs>{defs}</defs>{heads}{panels}</svg>"
    ).format(
        w=WIDTH,
        h=coordinate(height),
        n=number,
        title=said(cloud.title),
        desc=f"{', '.join(map(said, cloud.columns))}; {', '.join(map(said, cloud.rows))}.",
        defs=Markup("").join(_defined(ids, cloud)),
        heads=_heads(cloud, side),
        panels=Markup("").join(_panels(cloud, side, ids)),
    )


def _real(cloud: Cloud) -> list[str]:
    """Return the keys of real points, each once, in the order of panels."""
    return list(dict.fromkeys(panel.real for line in cloud.panels for panel in line if panel))


def _defined(ids: Mapping[str, str], cloud: Cloud) -> Iterator[Markup]:
    for key, identity in ids.items():
        yield Markup('<path id="{}" d="{}"/>').format(identity, _dots(cloud, key))


def _dots(cloud: Cloud, key: str) -> str:
    """Return a path that is a dot of no length at every point."""
    return "".join(f"M{x} {y}h0" for x, y in cloud.points.get(key, ()))


def _heads(cloud: Cloud, side: float) -> Markup:
    texts = [
        label(_left(place, side) + side / 2, 14, text, side, "middle")
        for place, text in enumerate(cloud.columns)
    ]
    texts += [
        label(2, _top(place, side) - 5, text, WIDTH - 4) for place, text in enumerate(cloud.rows)
    ]
    return Markup('<g class="tick" fill="currentColor" font-size="{}">{}</g>').format(
        SIZE, Markup("").join(texts)
    )


def _panels(cloud: Cloud, side: float, ids: Mapping[str, str]) -> Iterator[Markup]:
    for row, line in enumerate(cloud.panels):
        for column, panel in enumerate(line):
            if panel is not None:
                yield _panel(panel, cloud, (_left(column, side), _top(row, side)), side, ids)


def _panel(
    panel: Panel, cloud: Cloud, corner: tuple[float, float], side: float, ids: Mapping[str, str]
) -> Markup:
    dots = Markup("").join(
        Markup('<g class="{}"><path d="{}" stroke="currentColor" stroke-width="{}"/></g>').format(
            name(colour), _dots(cloud, key), DISTILLED
        )
        for colour, key in panel.distilled
    )
    return Markup(
        '<g transform="translate({x} {y}) scale({scale})" fill="none" stroke-linecap="round">'
        "<title>{title}</title>"
        '<g class="axis"><rect x="-2" y="-2" width="1004" height="1004" stroke="currentColor" '
        'stroke-width="10" pointer-events="all"/></g>'
        '<g class="axis"><use href="#{real}" stroke="currentColor" stroke-opacity="0.6" '
        'stroke-width="{width}"/></g>{dots}</g>'
    ).format(
        x=coordinate(corner[0]),
        y=coordinate(corner[1]),
        scale=f"{side / 1000:.4f}",
        title=said(panel.title),
        real=ids[panel.real],
        width=REAL,
        dots=dots,
    )


def _left(column: int, side: float) -> float:
    return 2 + column * (side + GAP)


def _top(row: int, side: float) -> float:
    return 2 * HEAD + row * (HEAD + side)

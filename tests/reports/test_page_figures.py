"""What stands below the figures of the page."""

from __future__ import annotations

import re

import html5lib
from made import board, cell, column, material, with_columns

from reports.page import page

SVG = "{http://www.w3.org/2000/svg}"


def test_names_that_a_chart_has_no_room_for_stand_below_it():
    means = {f"method-{at:02d}": 50.0 for at in range(60)}
    cells = {name: (cell(1.0),) for name in means}
    html = page(material(with_columns(board(means), column("fid"), cells=cells)))
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    (figure,) = (one for one in tree.iter("figure") if "FID against" in one.findtext("figcaption"))
    drawn = {text.text for text in figure.iter(f"{SVG}text")} & set(means)
    pattern = r"No room for the names of (.*?) and (\d+) more\."
    ((names, more),) = re.findall(pattern, figure.findtext("p"))
    told = set(names.split(", "))
    assert told < set(means) - drawn
    assert len(drawn) + len(told) + int(more) == 60

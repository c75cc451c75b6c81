"""What stands below the figures of the page."""

from __future__ import annotations

import re
from dataclasses import replace

import html5lib
import pytest
from made import board, cell, column, material, with_columns

from reports.page import page
from reports.page.budget import FIGURES

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


def texts_of(html: str, section: str) -> str:
    """Return all text of a section, with one space between words."""
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    (found,) = (one for one in tree.iter("section") if one.get("id") == section)
    return " ".join("".join(found.itertext()).split())


@pytest.mark.parametrize("columns", [30, 3])
def test_pairs_without_a_figure_are_said_to_stand_in_the_table_below(columns):
    names = [f"m{at}" for at in range(3)]
    many = [column("fid", protocol=f"fidelity+n={at}") for at in range(columns)]
    cells = {name: tuple(cell(at + 1.0) for _ in many) for at, name in enumerate(names)}
    made = with_columns(board(dict.fromkeys(names, 40.0)), *many, cells=cells)
    text = texts_of(page(material(made)), "metrics")
    said = f"{columns - FIGURES} more figures found no room here: the table below has all."
    assert (said in text) == (columns > FIGURES)
    assert "--datasets" not in text


@pytest.mark.parametrize("tables", [1, 2])
def test_a_page_of_fewer_tables_is_offered_where_there_are_several(tables, monkeypatch):
    monkeypatch.setattr("reports.page.figures.FIGURES", 1)
    cells = {name: (cell(cost), cell(cost)) for name, cost in (("a", 5.0), ("b", 9.0))}
    boards = [
        with_columns(
            board({"a": 40.0, "b": 30.0}, dataset=f"set {number}"),
            *(column("seconds"), column("bytes")),
            cells=cells,
        )
        for number in range(tables)
    ]
    text = texts_of(page(material(*boards)), "cost")
    assert f"{2 * tables - 1} more figure" in text
    assert ("--datasets" in text) == (tables > 1)


@pytest.mark.parametrize(
    ("letters", "std", "ends", "said"),
    [
        ("ab", 0.5, True, "A number is a mean, with its spread beside it and its 95% interval "
         "below it, where it has them. Shaded numbers are not separated"),
        ("", 0.5, False, "A number is a mean, with its spread beside it, where it has one. "
         "Nothing is ranked here: the order means nothing."),
        ("", None, False, "Leaderboards Nothing is ranked here: the order means nothing."),
    ],
)  # fmt: skip
def test_what_is_said_above_the_tables_is_true_of_them(letters, std, ends, said):
    made = board({"a": 40.0, "b": 30.0}, letters)
    rows = []
    for row in made.rows:
        interval = {} if ends else {"low": None, "high": None}
        rows.append(replace(row, cells=(replace(row.cells[0], std=std, **interval),)))
    text = texts_of(page(material(replace(made, rows=tuple(rows)))), "leaderboards")
    assert said in text
    assert ("Press a rank" in text) == bool(letters)
    assert "Press a heading" in text or letters


def test_notes_are_broken_behind_signs():
    made = replace(board({"a": 40.0}), remarks=("method is im[decay=0.998,diverse=0.008]",))
    tree = html5lib.parse(page(material(made)), namespaceHTMLElements=False)
    notes = [one for one in tree.iter("li") if "decay" in "".join(one.itertext())]
    (breaks,) = (list(one.iter("wbr")) for one in notes)
    assert [one.tail for one in breaks] == ["diverse=0.008]"]

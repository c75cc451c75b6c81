"""The table of rank correlations, against the captions of their charts and known orders."""

from __future__ import annotations

import re
from dataclasses import dataclass

import html5lib
import pytest
from browsing import needed
from made import board, cell, column, material, with_columns

from reports.drawings import SECTIONS
from reports.page import page
from reports.page.budget import FIGURES

CAPTION = "Scores of the images beside accuracy, over methods"
NOTE = re.compile(
    r"Rank correlation (?P<rho>\S+?)(?: (?P<ends>\[.*?\]))?, n = (?P<n>\d+) methods"
    r"(?:.*tested together it (?P<shown>is|is not) shown)?"
)
TEN = "abcdefghij"


@dataclass
class Row:
    """One row as it is read."""

    score: str
    better: str
    link: str
    where: list[str]
    numbers: list[str]


def rows(html: str) -> list[Row]:
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    (table,) = (t for t in tree.iter("table") if t.findtext("caption") == CAPTION)
    found = []
    for line in table.find("tbody"):
        head, *cells = line
        better = head.findtext("i")
        texts = [
            " ".join("".join(part.itertext()) for part in one.findall("span") or [one])
            for one in cells
        ]
        link = head.find("a").get("href")[1:] if head.find("a") is not None else ""
        score = "".join(head.itertext()).removesuffix(better)
        found.append(Row(score, better, link, texts[:3], texts[3:]))
    return found


def made(**means: dict[str, float]):
    """Return the material of a board of ten methods with these scores; accuracy falls from a."""
    accuracy = {name: 50.0 - 2 * place for place, name in enumerate(TEN)}
    columns = [column(metric) for metric in means]
    cells = {name: tuple(cell(of[name]) for of in means.values()) for name in TEN}
    return material(with_columns(board(accuracy, dataset="a <b> set"), *columns, cells=cells))


def places(order: str) -> dict[str, float]:
    return {name: float(place) for place, name in enumerate(order)}


def test_every_relation_has_a_row_that_says_what_its_chart_says(told):
    charts = SECTIONS["metrics"](told.material)
    assert len(charts) == len(told.material.relations) > FIGURES
    lines = rows(page(told.material))
    assert len(lines) == len(charts)
    for line, chart in zip(lines, charts, strict=True):
        note = NOTE.search(chart.note)
        said = [note["rho"], note["ends"] or "", note["n"], "", ""]
        assert line.numbers == said
        assert chart.title.lower().startswith(f"{line.score} against".lower())
        assert f"{line.where[0]} at IPC {line.where[1]}, under" in chart.title
        assert chart.title.endswith(" with ".join(line.where[2].split()))


def test_rows_of_enough_methods_agree_with_their_captions():
    found = made(fid=places("bacdefghij"), kid=places("jabcdefghi"), coverage=places("fbhdjaicge"))
    charts, lines = SECTIONS["metrics"](found), rows(page(found))
    for line, chart in zip(lines, charts, strict=True):
        note = NOTE.search(chart.note)
        shown = {"is": "yes", "is not": "no"}[note["shown"]]
        assert [line.numbers[at] for at in (0, 1, 2, 4)] == [
            note["rho"], note["ends"], note["n"], shown,
        ]  # fmt: skip


def test_known_orders_have_their_correlations():
    one_swap = "bacdefghij"  # 1 - 6 * 2 / (10 * 99)
    last_first = "jabcdefghi"  # 1 - 6 * (81 + 9) / (10 * 99)
    lines = {line.score: line for line in rows(page(made(
        fid=places(one_swap), coverage=places(last_first[::-1]))))}  # fmt: skip
    assert (lines["FID"].better, lines["FID"].numbers[0]) == ("lower is better", "-0.99")
    assert (lines["coverage"].better, lines["coverage"].numbers[0]) == ("higher is better", "0.45")
    assert [lines[score].numbers[4] for score in ("FID", "coverage")] == ["yes", "no"]
    # Of 10! orders 1 + 9 are as near to the opposite one, as many to the same; twice, by Holm.
    assert lines["FID"].numbers[3] == "< 0.001"
    assert lines["FID"].where == ["a <b> set", "10", "hard/minimax convnet3"]


def test_a_row_leads_to_its_chart_where_the_page_has_one(told):
    html = page(told.material)
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    notes = {one.get("id"): one.findtext("p") for one in tree.iter("figure")}
    lines = rows(html)
    assert [bool(line.link) for line in lines] == [at < FIGURES for at in range(len(lines))]
    for line in lines[:FIGURES]:
        assert notes[line.link].startswith(f"Rank correlation {line.numbers[0]}, n = ")


@needed
def test_pressing_its_headings_sorts_it(browser, tmp_path):
    found = made(fid=places("bacdefghij"), kid=places("jabcdefghi"), coverage=places("fbhdjaicge"))
    (path := tmp_path / "index.html").write_text(page(found), encoding="utf-8")
    shown = browser.new_page()
    shown.goto(path.as_uri())
    table = shown.locator("table", has_text=CAPTION)
    first = table.locator("tbody th")

    def pressed(title: str) -> tuple[list[str], str | None]:
        head = table.locator("th[data-col]", has_text=title)
        head.locator("button").click()
        names = [text.split("\n")[0] for text in first.all_inner_texts()]
        return names, head.get_attribute("aria-sort")

    # FID is nearest to the opposite order, KID next; coverage is near no order.
    assert pressed("rank correlation") == (["coverage", "KID", "FID"], "descending")
    assert pressed("rank correlation") == (["FID", "KID", "coverage"], "ascending")
    assert pressed("corrected p") == (["FID", "KID", "coverage"], "ascending")
    assert pressed("score") == (["coverage", "FID", "KID"], "ascending")
    shown.close()


@pytest.mark.parametrize(
    ("number", "starts", "is_open"),
    [(1, "The rank", True), (12, "All 12 rank", True), (13, "All 13 rank", False)],
)
def test_a_table_of_a_few_rows_stands_open(number, starts, is_open, told):
    changed = material(*told.material.boards, relations=told.material.relations[:number])
    tree = html5lib.parse(page(changed), namespaceHTMLElements=False)
    folds = [one for one in tree.iter("details") if one.find("summary").text.startswith(starts)]
    assert [fold.get("open") is not None for fold in folds] == [is_open]

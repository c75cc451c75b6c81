"""Pages on paper: what Chromium prints, as the PDF says it."""

from __future__ import annotations

import unicodedata
from io import BytesIO

import pytest
from browsing import needed
from hostile import hostile, hostile_failures
from made import board, material
from pypdf import PdfReader

from reports.material import gather
from reports.page import page

pytestmark = needed

PAPER = {"width": 1047, "height": 718}
"""A4 on its side without its margins, 277 mm by 190 mm, in pixels of 1/96 inch."""


@pytest.fixture
def opened(browser, tmp_path):
    """Open the page of some material on a screen as wide as paper."""

    def opening(of, **options):
        (path := tmp_path / "index.html").write_text(page(of), encoding="utf-8")
        shown = browser.new_context(viewport=PAPER, **options).new_page()
        shown.goto(path.as_uri())
        return shown

    return opening


def squeezed(text: str) -> str:
    """Return a text without spaces and ligatures, which PDF has where it likes."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def printed(shown) -> list[str]:
    """Return the text of every page that is printed."""
    made = shown.pdf(print_background=True, prefer_css_page_size=True)
    return [squeezed(sheet.extract_text()) for sheet in PdfReader(BytesIO(made)).pages]


WIDER = """(width) => Array.from(document.querySelectorAll("table, figure, pre, li, dl, p, h2, h3"))
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > width + 1)
  .map((one) => `${one.tagName} ${one.className} ${one.getBoundingClientRect().right}`)"""


def widths(shown) -> list[str]:
    """Return what is wider than paper where everything is unfolded."""
    shown.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    shown.emulate_media(media="print")
    assert shown.evaluate("document.documentElement.scrollWidth") <= PAPER["width"]
    return shown.evaluate(WIDER, PAPER["width"])


def test_all_rows_are_printed_and_every_page_of_a_table_has_its_headings(opened):
    means = {f"method-{place:03d}": 90.0 - place / 2 for place in range(100)}
    sheets = printed(opened(material(board(means))))
    rows = [f"{name}{mean:.1f}±0.5[" for name, mean in means.items()]
    assert [sum(row in sheet for sheet in sheets) for row in rows] == [1] * 100
    with_rows = [sheet for sheet in sheets if any(row in sheet for row in rows)]
    assert len(with_rows) > 2
    assert all("methodtop-1%n" in sheet for sheet in with_rows)


def test_nothing_is_wider_than_paper(opened, told):
    assert widths(opened(told.material)) == []


def test_names_of_any_length_are_no_wider_than_paper(opened, told_small):
    failures = hostile_failures(told_small.failures, "x" * 500)
    assert widths(opened(gather(hostile(told_small.records, "x" * 500), failures))) == []


def test_a_figure_stands_on_one_page_with_its_title_and_its_words(opened, told):
    shown = opened(told.material)
    shown.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    sheets = printed(shown)
    figures = shown.locator("figure", has=shown.locator("p.note")).all()
    assert len(figures) > 20
    for figure in figures:
        title = squeezed(figure.locator("figcaption").inner_text())
        note = squeezed(figure.locator("p.note").inner_text())
        assert any(title in sheet and note in sheet for sheet in sheets), title


def test_no_heading_is_the_last_of_its_page(opened, told):
    shown = opened(told.material)
    heads = [squeezed(text) for text in shown.locator("h2, h3, figcaption").all_text_contents()]
    assert [
        head for sheet in printed(shown) for head in heads if sheet.endswith(head)
    ] == []  # fmt: skip


def test_what_is_unfolded_for_paper_is_folded_again(opened, told):
    shown = opened(told.material)
    folds = shown.locator("details[data-print]")
    state = "all => all.map((one) => one.open)"
    before = folds.evaluate_all(state)
    assert False in before
    shown.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert set(folds.evaluate_all(state)) == {True}
    shown.evaluate("dispatchEvent(new Event('afterprint'))")
    assert folds.evaluate_all(state) == before

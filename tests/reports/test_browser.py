from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from browsing import PHONE, TABLE, WIDE, needed, place_of
from hostile import hostile, hostile_failures
from made import board, cell, column, material, with_columns

from leaderboards.ranks.standings import Standing
from reports.material import gather
from reports.page import page

pytestmark = needed


def names(shown, number, body=0):
    rows = shown.locator(f"{TABLE.format(number)} tbody >> nth={body} >> tr > th")
    return [text.strip() for text in rows.all_inner_texts()]


def head_of(shown, number, title, which=0):
    heads = shown.locator(f"{TABLE.format(number)} th[data-col]")
    texts = [text.strip() for text in heads.all_inner_texts()]
    return heads.nth([at for at, text in enumerate(texts) if text.startswith(title)][which])


def test_the_page_says_nothing_and_asks_for_nothing(opened):
    with opened() as shown:
        assert shown.locator("h1").inner_text().startswith("Dataset distillation")
        shown.locator("main").evaluate("main => window.scrollTo(0, main.scrollHeight)")


def test_a_press_sorts_down_then_up_then_back(opened, told):
    number = place_of(told, "shapenette", 1)
    board = told.material.boards[number]
    seconds = next(at for at, c in enumerate(board.columns) if c.metric == "seconds")
    rows = [row for row in board.rows if not row.reference]
    order = np.argsort([row.cells[seconds].mean for row in rows], kind="stable")
    up = [rows[at].method for at in order]
    with opened() as shown:
        before = names(shown, number)
        assert before == [row.method for row in rows]
        head = head_of(shown, number, "distil")
        for direction, expected in (("descending", up[::-1]), ("ascending", up), (None, before)):
            head.locator("button").click()
            assert names(shown, number) == expected
            assert head.get_attribute("aria-sort") == direction
        assert names(shown, number, body=1) == ["full"]


def test_empty_cells_stay_last_both_ways_and_one_heading_is_marked(opened, told):
    number = place_of(told, "shapenette", 1)
    with opened() as shown:
        head = head_of(shown, number, "forwards")
        for _ in range(2):
            head.locator("button").click()
            assert set(names(shown, number)[-2:]) == {"random", "kmeans"}
        head_of(shown, number, "method").locator("button").click()
        assert names(shown, number) == ["dap", "dit", "kmeans", "mgd3", "random"]
        assert shown.locator(f"{TABLE.format(number)} [aria-sort]").count() == 1


def test_the_keyboard_sorts(opened, told):
    number = place_of(told, "shapewoof", 10)
    with opened() as shown:
        head = head_of(shown, number, "method")
        head.locator("button").focus()
        shown.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        shown.keyboard.press("Space")
        assert head.get_attribute("aria-sort") == "descending"
        assert names(shown, number) == ["random", "mgd3", "kmeans", "dit", "dap"]


def test_a_press_on_a_rank_marks_the_rows_that_share_a_letter(opened, told):
    number = place_of(told, "shapenette", 1)
    with opened() as shown:
        table = shown.locator(TABLE.format(number))
        button = table.locator("tbody tr", has_text="mgd3").locator("td[data-ties] button").first
        button.click()
        marked = [text.strip() for text in table.locator("tr.tied > th").all_inner_texts()]
        assert sorted(marked) == ["dap", "dit", "kmeans", "mgd3"]
        assert table.locator("tr.untied > th").all_inner_texts() == ["random"]
        assert button.get_attribute("aria-pressed") == "true"
        button.click()
        assert table.locator("tr.tied, tr.untied").count() == 0


def test_filters_hide_tables_columns_and_rows_and_say_so(opened, told):
    with opened() as shown:
        status = shown.locator("#shown")
        assert status.inner_text() == "4 of 4 tables shown"
        shown.locator("#filters").get_by_label("real set").select_option(label="shapewoof")
        assert status.inner_text() == "2 of 4 tables shown"
        shown.locator("#filters").get_by_label("IPC").select_option(label="10")
        assert status.inner_text() == "1 of 4 tables shown"
        number = place_of(told, "shapewoof", 10)
        assert shown.locator(".board:visible table.sortable").get_attribute("data-board") == str(
            number
        )
        shown.locator("#filters").get_by_label("method").fill("MG")
        assert shown.locator(f"{TABLE.format(number)} tbody tr:visible").count() == 1
        shown.locator("#filters").get_by_label("method").fill("no such method")
        assert status.inner_text() == "0 of 4 tables shown"


def test_a_protocol_and_a_student_leave_their_columns_and_the_costs(opened, told):
    number = place_of(told, "shapenette", 10)
    with opened() as shown:
        spans = shown.locator(f"{TABLE.format(number)} .spans th:visible")
        before = spans.count()
        shown.locator("#filters").get_by_label("protocol").select_option(label="soft/rded")
        shown.locator("#filters").get_by_label("student").select_option(label="resnetap10+width=8")
        shown_spans = [" ".join(text.split()) for text in spans.all_inner_texts()]
        assert shown_spans == ["soft/rded resnetap10+width=8", "cost"]
        heads = shown.locator(f"{TABLE.format(number)} th[data-col]:visible")
        cells = shown.locator(f"{TABLE.format(number)} tbody tr >> nth=0 >> td:visible")
        width = sum(int(span.get_attribute("colspan")) for span in spans.all())
        assert heads.count() - 1 == cells.count() == width
        shown.locator("#filters").get_by_label("protocol").select_option(label="all")
        shown.locator("#filters").get_by_label("student").select_option(label="all")
        assert spans.count() == before


def test_other_scores_are_shown_on_demand(opened, told):
    number = place_of(told, "shapenette", 10)
    with opened() as shown:
        coverage = head_of(shown, number, "coverage")
        assert not coverage.is_visible()
        shown.locator("#filters").get_by_label("all scores").check()
        assert coverage.is_visible()


SMALL = """() => {
  const found = new Set();
  const walker = document.createTreeWalker(document.querySelector("body"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const at = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !at.checkVisibility()) continue;
    if (at.closest("svg, script, style")) continue;
    const size = parseFloat(getComputedStyle(at).fontSize);
    if (size < 12) found.add(`${at.tagName} ${at.className} ${size}`);
  }
  return Array.from(found);
}"""


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_nothing_overflows_and_all_text_is_readable(opened, viewport):
    with opened(viewport) as shown:
        shown.evaluate(
            "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
        )
        width = shown.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"]
        assert shown.evaluate(SMALL) == []


DRAWN = """Array.from(document.querySelectorAll(".chart text"))
  .filter((one) => one.checkVisibility())
  .map((one) => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a)"""


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_letters_of_drawings_are_neither_small_nor_larger_than_titles(opened, viewport):
    with opened(viewport) as shown:
        shown.evaluate(
            "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
        )
        sizes = shown.evaluate(DRAWN)
    assert 11.99 < min(sizes)
    assert max(sizes) < 16.5


CUT = """(selector) => Array.from(document.querySelectorAll(selector))
  .map((one) => one.scrollWidth - one.clientWidth)"""


@pytest.mark.parametrize(
    ("viewport", "selector"),
    [(WIDE, ".tall"), (WIDE, "#standings .scroll"), (PHONE, "#standings .scroll")],
)
def test_tables_of_ranks_and_of_correlations_show_all_columns(
    browser, tmp_path, viewport, selector
):
    names = [f"kmeans+features=embedded{at}" for at in range(8)]
    fids = {name: (cell(40.0 - at),) for at, name in enumerate(names)}
    means = {name: 40.0 + at for at, name in enumerate(names)}
    boards = [
        with_columns(board(means, dataset=dataset), column("fid"), cells=fids)
        for dataset in ("shapenette", "shapewoof")
    ]
    recipe = "hard/minimax+epochs_scale=0.02,evaluations=4,resolution=32"
    ranks = [tuple(8.0 * end for _ in names) for end in (1.0, 0.5, 1.5)]
    standing = Standing(recipe, "top1_last", "", 2, tuple(names), *ranks, 0)
    found = material(*boards, standings=[standing])
    (path := tmp_path / "index.html").write_text(page(found), encoding="utf-8")
    shown = browser.new_page(viewport=viewport)
    shown.goto(path.as_uri())
    shown.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    cut = shown.evaluate(CUT, selector)
    assert cut
    assert max(cut) == 0
    shown.close()


BROKEN = """() => Array.from(document.querySelectorAll(".sortable .method")).flatMap((one) =>
  Array.from(one.childNodes).filter((part) => part.nodeType === 3).filter((part) => {
    const range = document.createRange();
    range.selectNodeContents(part);
    return new Set(Array.from(range.getClientRects(), (box) => box.top)).size > 1;
  }).map((part) => part.data))"""


def test_a_phone_shows_all_intervals_of_a_table_without_scrolling(opened):
    with opened(PHONE) as shown:
        found = shown.evaluate("""() => [...document.querySelectorAll('.narrow .chart')]
            .filter((chart) => chart.checkVisibility())
            .map((chart) => [chart.getBoundingClientRect().right,
                ...[...chart.querySelectorAll('.interval')]
                    .map((one) => one.getBoundingClientRect().right)])""")
        assert found
        assert max(map(max, found)) <= PHONE["width"]
        assert not shown.locator(".ample").first.is_visible()
    with opened(WIDE) as shown:
        assert not shown.locator(".narrow").first.is_visible()
        assert shown.locator(".ample .chart").first.is_visible()


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_phone_names_the_lines_of_a_chart_without_scrolling(opened, viewport):
    with opened(viewport) as shown:
        figure = shown.locator("#training figure").first
        ends = figure.locator(".labels text").all_text_contents()
        named = figure.locator(".legend > span").all()
        visible = [one.text_content().strip() for one in named if one.is_visible()]
        assert sorted(visible) == (sorted(ends) if viewport is PHONE else [])
        for one in named if viewport is PHONE else ():
            box = one.bounding_box()
            assert box["x"] + box["width"] <= viewport["width"]
        chips = {one.text_content().strip(): one.locator(".chip").evaluate(COLOUR) for one in named}
        groups = figure.locator(".labels > g").all()
        assert chips == {one.locator("text").text_content(): one.evaluate(COLOUR) for one in groups}


COLOUR = "one => getComputedStyle(one).color"


def test_names_of_methods_are_broken_behind_signs_alone(browser, tmp_path):
    names = ("kmeans+features=embedded", "mgd3+sampling=ddim,strength=0.1", "random")
    many = [column(metric) for metric in ("fid", "kid", "coverage", "top1_best") * 4]
    cells = {name: (cell(1.0),) * len(many) for name in names}
    made = with_columns(board(dict.fromkeys(names, 40.0)), *many, cells=cells)
    (path := tmp_path / "index.html").write_text(page(material(made)), encoding="utf-8")
    shown = browser.new_page(viewport=WIDE)
    shown.goto(path.as_uri())
    assert shown.locator(".sortable .method").count() == 3
    assert shown.evaluate(BROKEN) == []
    shown.close()


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_links_to_sections_do_not_overlap(opened, viewport):
    with opened(viewport) as shown:
        boxes = [link.bounding_box() for link in shown.locator("nav a").all()]
    for one, after in pairwise(boxes):
        beside = one["x"] + one["width"] <= after["x"] + 1
        below = one["y"] + one["height"] <= after["y"] + 1
        assert beside or below


def test_tab_leads_through_the_headings_of_a_table_and_shows_where_it_is(opened, told):
    number = place_of(told, "shapenette", 1)
    with opened() as shown:
        shown.locator(TABLE.format(number)).evaluate("table => table.parentElement.focus()")
        for expected in ("method", "#", "top-1 %"):
            shown.keyboard.press("Tab")
            focused = shown.locator(":focus-visible")
            assert focused.inner_text().strip() == expected
            assert focused.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
            assert focused.evaluate("one => parseFloat(getComputedStyle(one).outlineWidth)") >= 2


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_names_of_any_length_widen_nothing(browser, told_small, viewport, tmp_path):
    path = tmp_path / "index.html"
    failures = hostile_failures(told_small.failures, "x" * 500)
    made = gather(hostile(told_small.records, "x" * 500), failures)
    path.write_text(page(made), encoding="utf-8")
    shown = browser.new_page(viewport=viewport)
    shown.goto(path.as_uri())
    shown.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert shown.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    shown.close()


def test_the_methods_stay_in_sight_where_a_table_is_scrolled(opened, told):
    number = place_of(told, "shapenette", 10)
    with opened(PHONE) as shown:
        table = shown.locator(TABLE.format(number))
        left = table.locator("tbody th").first
        before = left.bounding_box()["x"]
        table.evaluate("table => { table.parentElement.scrollLeft = 300; }")
        assert table.evaluate("table => table.parentElement.scrollLeft") > 100
        assert left.bounding_box()["x"] == pytest.approx(before, abs=2)


def test_without_scripts_everything_can_be_read(opened, told):
    with opened(java_script_enabled=False) as shown:
        tables = shown.locator(".board table.sortable")
        assert tables.count() == len(told.material.boards)
        assert all(table.is_visible() for table in tables.all())
        assert shown.locator("th.extra").first.is_visible()
        assert not shown.locator("#filters").is_visible()
        assert not shown.locator("#theme").is_visible()


def test_a_link_to_what_is_folded_opens_it(opened):
    with opened() as shown:
        folded = shown.locator("details:not([open]) figure[id]").first
        if folded.count():
            name = folded.get_attribute("id")
            shown.evaluate("name => { location.hash = name; }", name)
            shown.wait_for_function(
                "name => document.getElementById(name).checkVisibility()", arg=name
            )


def test_sample_strips_are_drawn(opened):
    with opened() as shown:
        strip = shown.locator(".strip").first
        strip.scroll_into_view_if_needed()
        box = strip.bounding_box()
        assert box["width"] > 100
        from io import BytesIO

        from PIL import Image

        pixels = np.asarray(Image.open(BytesIO(strip.screenshot())).convert("RGB"))
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 5

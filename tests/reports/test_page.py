from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
import random
import re
import subprocess
import sys
import unicodedata
from itertools import pairwise
from pathlib import Path

import html5lib
import made
import pytest
from hostile import HOSTILE, hostile, hostile_failures, hostile_files, texts
from hypothesis import given, settings
from msgspec.structs import replace
from skeletons import Page
from story import CLASSES, METHODS, story

from leaderboards.published import ledger
from reports.material import gather
from reports.page import page, provenance
from reports.page.outline import SECTIONS, WHY

ROOT = Path(__file__).parents[2]
FIVE = (
    "<script>alert(1)</script>",
    "</title></svg><svg onload=alert(1)>",
    '" onmouseover="alert(1)" x=\'',
    "<!-- ]]> {{ 7 * 7 }} &lt; </style>",
    "\x1b[2J\x00\x9b\u202e 蒸留 😀",
)


def bad(told, text, folder):
    """Return the page of a run in which every text is this one."""
    hostile_files(told.folder, folder, text)
    failures = hostile_failures(told.failures, text)
    return page(gather(hostile(told.records, text), failures, folder))


@pytest.fixture(scope="module")
def html(told):
    return page(told.material)


@pytest.fixture(scope="module")
def read(html):
    return Page.of(html)


@pytest.fixture(scope="module")
def letters(told, tmp_path_factory):
    return Page.of(bad(told, "letters", tmp_path_factory.mktemp("letters")))


def test_the_page_is_valid_html(html):
    html5lib.HTMLParser(strict=True).parse(html)


@pytest.mark.parametrize("text", FIVE)
def test_no_text_of_the_data_becomes_markup(text, told, letters, tmp_path):
    made = bad(told, text, tmp_path)
    found = Page.of(made)
    assert found.tree == letters.tree
    assert found.drawn <= letters.drawn | {"<title >"}
    html5lib.HTMLParser(strict=True).parse(made)


def test_no_text_at_all_becomes_markup(told_small, small_letters):
    @settings(max_examples=30, deadline=None)
    @given(text=texts())
    def no_markup(text):
        failures = hostile_failures(told_small.failures, text)
        found = Page.of(page(gather(hostile(told_small.records, text), failures)))
        assert set(found.counts) <= set(small_letters.counts) | {"wbr", "title"}
        known = {name for _, name, _ in small_letters.attributes}
        assert {name for _, name, _ in found.attributes} <= known
        for tag in ("script", "style", "a", "button", "input", "form", "section", "table", "h3"):
            assert (tag, found.counts[tag]) == (tag, small_letters.counts[tag])

    no_markup()


@pytest.fixture(scope="module")
def small_letters(told_small):
    records, failures = hostile(told_small.records, "x"), hostile_failures(told_small.failures, "x")
    return Page.of(page(gather(records, failures)))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_control_or_direction_character_is_on_the_page(text, told_small):
    records, failures = (
        hostile(told_small.records, text),
        hostile_failures(told_small.failures, text),
    )
    made = page(gather(records, failures))
    assert {c for c in made if unicodedata.category(c) in ("Cc", "Cf", "Cs")} <= {"\n"}


def test_nothing_is_fetched_and_nothing_runs_but_our_own_script(read):
    for name in ("src", "href", "srcset", "data", "action", "formaction", "poster", "xlink:href"):
        assert all(
            value.startswith(("#", "data:image/webp;base64,")) for value in read.values(name)
        )
    assert not [name for _, name, _ in read.attributes if name == "style" or name.startswith("on")]
    assert read.counts["script"] == read.counts["style"] == 1
    assert not {"link", "base", "iframe", "object", "embed", "img"} & set(read.counts)


def test_the_policy_names_the_hashes_of_the_very_style_and_script(html, read):
    (policy,) = (value for value in read.values("content") if "default-src" in value)
    for tag in ("style", "script"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "base-uri 'none'" in policy


def test_ids_are_unique_and_every_reference_has_one(read):
    ids = read.values("id")
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in read.values("href") if value.startswith("#")} <= set(ids)
    named = (id for value in read.values("aria-labelledby") for id in value.split())
    assert set(named) <= set(ids)


def test_headings_never_skip_a_level_and_there_is_one_title(read):
    levels = [int(tag[2]) for tag in read.tree if re.match(r"<h[1-6] ", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_table_has_a_caption_and_every_heading_a_scope(read):
    opened = [tag for tag in read.tree if tag.startswith(("<table", "<caption"))]
    assert [tag[:6] for tag in opened] == ["<table", "<capti"] * (len(opened) // 2)
    assert read.counts["th"] == sum(
        tag == "th" for tag, name, _ in read.attributes if name == "scope"
    )
    assert ("html", "lang", "en") in read.attributes


def test_every_section_of_the_story_is_there_in_order_and_linked(read):
    sections = [value for tag, name, value in read.attributes if (tag, name) == ("section", "id")]
    assert sections == [name for name in SECTIONS if name in sections]
    links = [value for tag, name, value in read.attributes if (tag, name) == ("a", "href")]
    assert {f"#{name}" for name in sections} <= set(links)
    always = set(SECTIONS) - set(WHY) - {"failures"}
    assert always | {"standings", "failures"} <= set(sections)


def test_what_is_absent_is_named(read, told_small):
    for found in (read, Page.of(page(told_small.material)), Page.of(page(gather([])))):
        sections = {v for tag, name, v in found.attributes if (tag, name) == ("section", "id")}
        assert set(found.values("data-section")) == set(WHY) - sections


def test_a_board_has_a_row_a_method_and_says_every_number_once_more_for_sorting(html, told):
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    for number, board in enumerate(told.material.boards):
        (table,) = (t for t in tree.iter("table") if t.get("data-board") == str(number))
        rows = [
            "".join(row[0].itertext()) for row in table.iter("tr") if row.find("td") is not None
        ]
        assert rows[1:] == [row.method for row in board.rows]
        means = [cell.mean for row in board.rows for cell in row.cells if cell is not None]
        values = {float(cell.get("data-v")) for cell in table.iter("td") if cell.get("data-v")}
        assert all(any(v == pytest.approx(mean, rel=1e-5) for v in values) for mean in means)


def test_intervals_letters_and_the_best_group_are_visible(html, told):
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    number, board = next(
        (n, b)
        for n, b in enumerate(told.material.boards)
        if (b.dataset, b.ipc) == ("shapenette", 10)
    )
    (table,) = (t for t in tree.iter("table") if t.get("data-board") == str(number))
    rows = {
        "".join(row[0].itertext()): row for row in table.iter("tr") if row.find("td") is not None
    }
    rank, score = list(rows["mgd3"])[1:3]
    cell = board.rows[0].cells[0]
    assert "".join(rank.itertext()) == "1a"
    assert f"[{cell.low:.1f}, {cell.high:.1f}]" in "".join(score.itertext())
    assert "b" in score.get("class").split()
    assert "b" not in list(rows["random"])[2].get("class").split()


def test_cards_fields_failures_and_words_are_there_without_paths_of_the_machine(html, read, told):
    text = read.text()
    assert "someone" not in html
    assert "/home/" not in html
    assert str(told.folder) not in html
    for shown in (*METHODS, "hard/minimax+epochs=60", "soft/rded", "resnetap10+width=8", "0.0005"):
        assert shown in text
    assert "BenchError" in text
    assert "minimax, shapenette, IPC 10, set 0" in text
    assert "our reading of the paper" in text


def test_the_sheets_are_embedded_once_and_every_class_has_a_strip(html, read, told):
    sheets, complaints = told.material.sheets
    assert sheets
    assert not complaints
    embedded = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", html)
    assert len(embedded) == len(set(embedded)) == len({sheet.data for sheet in sheets})
    assert {base64.b64decode(text) for text in embedded} == {sheet.data for sheet in sheets}
    for name in CLASSES:
        assert f"of {name} by mgd3, seed 0" in read.text()
    strips = [value for tag, name, value in read.attributes if (tag, name) == ("use", "href")]
    used = [value for value in strips if value.startswith("#sheet-")]
    distilled = sum(sheet.kind != "real" for sheet in sheets)
    assert len(used) == len(CLASSES) * (distilled + len(told.material.boards))


def test_pages_of_equal_records_are_equal_bytes(told_small, html, told, tmp_path):
    shuffled = list(told.records)
    random.Random(0).shuffle(shuffled)
    assert page(gather(shuffled, told.failures, told.folder)) == html
    again = story(tmp_path, small=True)
    assert page(again.material) == page(told_small.material)


def test_neither_clock_zone_nor_hash_seed_is_in_the_page(tmp_path):
    code = (
        "import sys; from pathlib import Path; sys.path.append(sys.argv[1])\n"
        "from story import story; from reports.page import page\n"
        "told = story(Path(sys.argv[2]), small=True)\n"
        "sys.stdout.buffer.write(page(told.material).encode())"
    )
    made = []
    for number, zone in enumerate(("UTC", "Asia/Tokyo")):
        environment = os.environ | {"TZ": zone, "PYTHONHASHSEED": str(number), "LANG": "C"}
        command = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path / zone[:3])]
        done = subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT)
        made.append(done.stdout)
    assert made[0] == made[1]
    assert len(made[0]) > 10_000


def test_a_page_of_nothing_says_so_without_failing():
    made = page(gather([]))
    html5lib.HTMLParser(strict=True).parse(made)
    assert "Dataset distillation" in made


def test_a_title_of_ones_own_is_escaped(told_small):
    read = Page.of(page(told_small.material, "Tom & <b>Jerry</b>"))
    assert ("title", "Tom & <b>Jerry</b>") in read.texts
    assert ("h1", "Tom & <b>Jerry</b>") in read.texts


def test_templates_trust_no_text():
    folder = ROOT / "reports" / "page"
    for template in (folder / "templates").glob("*.jinja"):
        text = template.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", "")
        assert "autoescape" not in text
        assert not re.search(r"\sstyle=|\son[a-z]+=", text)
    script = (folder / "report.js").read_text(encoding="utf-8")
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "eval(", "</", "<!--", "fetch("):
        assert word not in script
    for style in folder.glob("*.css"):
        assert "</" not in style.read_text(encoding="utf-8")


def test_a_printed_number_stands_with_the_difference_and_the_width_of_its_interval():
    """The width says how much `reproduced` lets pass."""
    rows = [replace(ledger.read()[0], value=40.0, std=None, decimals=1)] * 3
    found = [
        ledger.Quote(rows[0], "hard", "read", verdict, difference, half, ())
        for verdict, difference, half in (
            ("reproduced", 3.36, 3.45),
            ("not reproduced", -9.0, 1.0),
            ("not comparable", None, None),
        )
    ]
    first = made.row("a", made.cell(40.0, quotes=tuple(found)))
    board = dataclasses.replace(made.board({"a": 40.0, "b": 20.0}, "a"), rows=(first,))
    told = [one.difference for one in provenance.quotes(made.material(board))]
    assert told == ["+3.4 ± 3.5", "-9.0 ± 1.0", ""]

"""Reports of large runs stay small enough to be opened, and say what they leave out."""

from __future__ import annotations

import html
import sys
from pathlib import Path

import pytest

from reports.material import gather
from reports.page import page
from reports.page.budget import DRAWN_BOARDS, MOST_CELLS, PAGE_BYTES

# Last, so that the installed rooms are found before the folders of the checkout.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.invented_records import MANY_CELLS, MANY_RECORDS, Extent, records


def students(extent: Extent) -> int:
    cells = extent.methods * extent.sets * extent.ipcs * extent.protocols * extent.students
    return cells * extent.seeds * extent.repeats


def rows(text: str) -> int:
    return text.count("<tr")


@pytest.fixture(scope="module")
def of_many_records():
    made = list(records(MANY_RECORDS))
    assert sum(record.kind == "evaluation" for record in made) == students(MANY_RECORDS) == 100_000
    return made


def test_the_page_of_a_hundred_thousand_records_is_below_its_limit(of_many_records):
    text = page(gather(of_many_records))
    assert len(text.encode()) < PAGE_BYTES
    assert rows(text) > MANY_RECORDS.methods * MANY_RECORDS.sets * MANY_RECORDS.ipcs  # all boards
    assert MANY_RECORDS.sets * MANY_RECORDS.ipcs > DRAWN_BOARDS
    assert "<figure" in text


def test_the_page_of_a_hundred_thousand_cells_is_below_its_limit_and_names_the_file_with_all():
    made = list(records(MANY_CELLS))
    assert 2 * students(MANY_CELLS) == 100_000 > MOST_CELLS  # of the last and the best epoch
    text = page(gather(made))
    assert len(text.encode()) < PAGE_BYTES
    assert text.count("<td") < 2 * MOST_CELLS
    assert "leaderboard.csv" in html.unescape(text)

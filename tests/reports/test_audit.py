from __future__ import annotations

import csv
import io

import msgspec
import pytest
from rich.console import Console

from leaderboards import Value
from leaderboards.published.audit import Line
from leaderboards.published.ledger import COLUMNS, Published, Quote
from leaderboards.ranks.statistics import summarise
from reports import audit

ROW = Published(
    line=2,
    decimals=1,
    method="MGD3",
    dataset="ImageNette",
    ipc=10,
    protocol="hard",
    student="ResNetAP-10",
    metric="top1",
    value=66.4,
    std=2.4,
    backbone="DiT-XL/2",
    source="2505.18963",
    locator="Table 1",
    verified="read",
)
CELL = summarise(Value(str(seed), seed, (seed, 0), 60.0 + seed) for seed in range(3))


def line(verdict="not reproduced", reasons=(), ours="mgd3", cell=CELL, half=3.25, **changes):
    row = msgspec.structs.replace(ROW, **changes)
    difference = None if cell is None else cell.mean - row.value
    quote = Quote(row, "hard/minimax", "derived", verdict, difference, half, tuple(reasons))
    return Line(row, "imagenette" if cell else "", ours, cell, quote)


ALONE = line("not comparable", ("published only",), ours="", cell=None, half=None)
LINES = [
    line(reasons=("our protocol has epochs=4", "3 published runs are assumed")),
    line("reproduced", ("3 published runs are assumed",), ipc=50, value=60.5, std=None),
    line("not comparable", ("3 published runs are assumed",), ipc=100, verified="secondary"),
]


def printed(lines, width) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    audit.terminal(lines, console)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 160])
def test_numbers_and_verdicts_stand_whole_in_any_terminal(width):
    said = printed(LINES, width)
    assert max(map(len, said.splitlines())) <= width
    for text in ("66.4 ± 2.4", "61.0 ± 1.0", "-5.4 ± 3.2", "+0.5 ± 3.2", "66.4 ± 2.4²"):
        assert text in said
    for verdict in ("reproduced", "not reproduced", "not comparable"):
        assert verdict in said


def test_what_holds_for_all_rows_of_a_table_is_said_once():
    said = printed(LINES, 160)
    assert said.count("3 published runs are assumed") == 1
    assert "all: 3 published runs are assumed" in said
    assert "1: our protocol has epochs=4" in said
    (row,) = [text for text in said.splitlines() if "not reproduced" in text and "66.4" in text]
    assert row.split()[-1] == "1"


@pytest.mark.parametrize("width", [78, 79, 80, 81, 160])
def test_no_note_is_cut_off(width):
    many = [f"reason {number}" for number in range(12)]
    said = printed([line(reasons=many), line(ipc=50)], width).splitlines()
    start = next(text.index("note") for text in said if text.startswith("IPC"))
    end = next(place for place, text in enumerate(said) if text.strip().startswith("all:"))
    numbers = " ".join(text[start:] for text in said[4:end]).split()
    assert numbers == [str(number + 1) for number in range(12)]


def test_every_set_recipe_and_method_has_a_table_of_its_own():
    said = printed([*LINES, line(dataset="ImageWoof"), line(ours="mgd3/paper"), ALONE], 160)
    for head in (
        "ImageNette · hard/minimax · MGD3 (ours: mgd3 on imagenette)",
        "ImageNette · hard/minimax · MGD3 (ours: mgd3/paper on imagenette)",
        "ImageWoof · hard/minimax · MGD3 (ours: mgd3 on imagenette)",
        "ImageNette · hard/minimax · MGD3\n",
    ):
        assert said.count(head) == 1


def test_generators_are_told_apart_where_a_table_has_several():
    both = [line(value=53.2, backbone="LDM"), line(value=55.9, backbone="DiT-XL/2")]
    said = printed(both, 160)
    for value, generator in (("53.2", "LDM"), ("55.9", "DiT-XL/2")):
        assert any(value in row and generator in row.split() for row in said.splitlines())
    assert "generator" not in printed(LINES, 160)
    assert audit.markdown(both).splitlines()[0].split(" | ")[6] == "generator"


def test_the_summary_counts_verdicts_and_what_stands_alone():
    assert audit.summary([*LINES, ALONE]) == (
        "1 reproduced, 1 not reproduced, 1 not comparable; 1 row without a counterpart"
    )


def test_csv_has_the_row_of_the_ledger_and_full_precision():
    text = audit.long_csv([*LINES, ALONE])
    first, *_, alone = csv.DictReader(io.StringIO(text))
    assert tuple(first) == audit.COLUMNS
    assert audit.COLUMNS[: len(COLUMNS)] == COLUMNS
    assert (first["source"], first["value"], first["ipc"]) == ("2505.18963", "66.4", "10")
    assert (first["measured"], first["half"], first["n_sets"]) == ("61.0", "3.25", "3")
    assert float(first["difference"]) == 61.0 - 66.4
    assert first["reasons"] == "our protocol has epochs=4; 3 published runs are assumed"
    assert alone["measured"] == alone["difference"] == alone["half"] == ""


def test_a_cell_is_no_formula_no_markup_and_no_escape_sequence():
    hostile = line(reasons=("=1+1",), ours="@SUM(A1)\x1b[2J|x", method="=cmd", locator="[red]a|b")
    (cells,) = csv.DictReader(io.StringIO(audit.long_csv([hostile])))
    assert cells["method"] == "'=cmd"
    assert cells["ours"].startswith("'@SUM")
    assert cells["reasons"].startswith("'=")
    assert "\x1b" not in printed([hostile], 160)
    assert "[red]a|b" in printed([hostile], 160)
    page = audit.markdown([hostile])
    assert "\x1b" not in page
    assert r"a\|b" in page


def test_markdown_has_a_row_a_number_with_reasons_and_source():
    header, rule, *rows, _, _ = audit.markdown(LINES).splitlines()
    assert header.count("|") == rule.count("|") == rows[0].count("|")
    assert len(rows) == len(LINES)
    assert "our protocol has epochs=4; 3 published runs are assumed" in rows[0]
    assert "2505.18963 · Table 1" in rows[0]

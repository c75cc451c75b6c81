"""Architecture by method as it is printed."""

from __future__ import annotations

import csv
import io

import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len
from rich.console import Console

from leaderboards import architectures, build
from reports import architectures as report
from reports.layout import plain

READER = MarkdownIt("commonmark").enable("table")


@pytest.fixture
def tables(record):
    """Return the table of two methods, two sets and three students."""
    values = {"resnet18": 50.0, "vit": 40.0, "swin": 45.0}
    records = [
        record(method, at=(s, 0), last=value + s * (1 if net == "vit" else 2), student=net)
        for net, value in values.items()
        for method in ("random", "kmeans")
        for s in range(2)
        if (net, method) != ("swin", "kmeans")
    ]
    return architectures(build(records))


def printed(tables, width=120) -> str:
    out = io.StringIO()
    report.terminal(tables, Console(file=out, width=width))
    return out.getvalue()


def cells(text: str) -> list[list[str]]:
    """Return the text of every cell of every table row, as a Markdown reader shows it."""
    rows: list[list[str]] = []
    tokens = READER.parse(text)
    for index, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("td_open", "th_open"):
            rows[-1].append(
                tokens[index + 1].children[0].content if tokens[index + 1].children else ""
            )
    return rows


def test_without_tables_nothing_is_written():
    assert report.markdown([]) == ""
    assert printed([]) == ""
    assert report.long_csv([]).splitlines() == [",".join(report.COLUMNS)]


def test_students_scores_and_drops_stand_in_the_table(tables):
    heading, *lines = cells(report.markdown(tables))
    assert heading == ["student", "random", "drop", "kmeans", "drop", "mean drop"]
    by_student = {line[0]: dict(zip(heading, line, strict=True)) for line in lines}
    assert list(by_student) == ["resnet18", "swin", "vit"]
    assert by_student["resnet18"]["random"] == "51.0 ± 1.4"
    assert by_student["resnet18"]["mean drop"] == ""
    assert by_student["swin"]["kmeans"] == ""
    # The pairs of vit differ by 10 and 11: 10.5, and t(1) * sqrt(1/2) / sqrt(2) = 6.35 around it.
    assert by_student["vit"]["drop"] == "10.5 [4.1, 16.9]"
    assert by_student["vit"]["mean drop"] == "10.5 [10.5, 10.5]"
    assert by_student["swin"]["mean drop"] == "5.0"


def test_caption_and_legend_name_set_protocol_and_reference(tables):
    for text in (report.markdown(tables), " ".join(printed(tables).split())):
        assert "nette · IPC 10 · hard · top-1 by architecture · reference resnet18" in text
        assert "reference minus student" in text


@pytest.mark.parametrize("width", [50, 70, 120])
def test_a_narrow_terminal_gets_more_tables_and_loses_nothing(tables, width):
    text = printed(tables, width)
    assert max(map(cell_len, text.splitlines())) <= width
    for words in ("51.0 ± 1.4", "40.5 ± 0.7", "10.5 [4.1, 16.9]", "random", "kmeans", "mean drop"):
        assert words in text


def test_csv_holds_every_cell_and_drop_at_full_precision(tables):
    lines = list(csv.DictReader(io.StringIO(report.long_csv(tables))))
    (table,) = tables
    assert len(lines) == sum(cell is not None for line in table.cells for cell in line) == 5
    (vit,) = [x for x in lines if (x["student"], x["method"]) == ("vit", "random")]
    assert (float(vit["mean"]), float(vit["drop"]), vit["drop_n"]) == (40.5, 10.5, "2")
    assert float(vit["drop_low"]) == table.drops[table.students.index("vit")][0].low
    assert {line["reference"] for line in lines} == {"resnet18"}
    assert {line["drop"] for line in lines if line["student"] == "resnet18"} == {""}


@pytest.mark.parametrize("name", ["=1+1", "a|b", "[bold]x[/]", "a\nb", "*x*"])
def test_no_name_breaks_out_of_its_cell(record, name):
    nets = ("resnet18", name)
    tables = architectures(build([record(name, student=net, protocol=name) for net in nets]))
    heading, *lines = cells(report.markdown(tables))
    assert [len(line) for line in lines] == [len(heading)] * 2
    first, second = csv.DictReader(io.StringIO(report.long_csv(tables)))
    assert {first["student"], second["student"]} == {"resnet18", _safe(name)}
    assert plain(name) in printed(tables)


def _safe(name: str) -> str:
    """Return a name as it must stand in a file that a spreadsheet may open."""
    return f"'{name}" if name.startswith("=") else plain(name)

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from leaderboards import build
from reports import long_csv

HEADER = (
    "dataset,train_revision,test_revision,ipc,protocol,student,method,metric,"
    "mean,std,n_sets,n_students,low,high,rank"
)


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def optional(text: str) -> float | None:
    return float(text) if text else None


def test_without_boards_the_header_stands_alone():
    assert long_csv.render([]) == HEADER + "\n"


def test_lines_end_in_lf(main_job):
    text = long_csv.render(build(main_job))
    assert text.startswith(HEADER + "\n")
    assert text.endswith("\n")
    assert "\r" not in text


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from([1, 10]), st.floats(0, 100)), max_size=12
    )
)
def test_numbers_read_back_are_the_numbers_of_the_cells(record, runs):
    records = [
        record(method, ipc, (index, 0), value) for index, (method, ipc, value) in enumerate(runs)
    ]
    boards = build(records)
    expected = {
        (board.ipc, column.metric, row.method): (
            *(cell.mean, cell.std, cell.n_sets, cell.n_students),
            *(cell.low, cell.high, cell.rank),
        )
        for board in boards
        for row in board.rows
        for column, cell in zip(board.columns, row.cells, strict=True)
        if cell
    }
    numbers = ("mean", "std", "n_sets", "n_students", "low", "high", "rank")
    found = {
        (int(line["ipc"]), line["metric"], line["method"]): tuple(
            optional(line[name]) for name in numbers
        )
        for line in parsed(long_csv.render(boards))
    }
    assert found == expected


def test_a_reference_on_several_boards_is_written_once_without_ipc_and_rank(main_job):
    lines = parsed(long_csv.render(build(main_job)))
    (line,) = [x for x in lines if x["method"] == "full" and x["metric"] == "top1_last"]
    assert (line["ipc"], line["rank"], line["mean"]) == ("", "", "80.0")


def test_costs_have_neither_protocol_nor_student(main_job):
    lines = parsed(long_csv.render(build(main_job)))
    costs = [line for line in lines if line["metric"] in ("images", "bytes", "seconds")]
    assert len(costs) == 3 * (3 * 2 + 1)
    assert {(line["protocol"], line["student"], line["rank"]) for line in costs} == {("", "", "")}


def test_a_cell_under_another_protocol_than_its_column_names_its_own(record):
    reference = record("full", None)
    other = replace(reference.protocol, identity="hard+epochs=300")
    lines = parsed(long_csv.render(build([record(), replace(reference, protocol=other)])))
    assert {line["method"]: line["protocol"] for line in lines} == {
        "random": "hard",
        "full": "hard+epochs=300",
    }


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "\t=x", "\r=x", " =x"])
def test_no_name_is_a_formula_in_a_spreadsheet(record, name):
    boards = build([record(name, protocol=name, student=name, dataset=name)])
    for line in parsed(long_csv.render(boards)):
        for column in ("dataset", "protocol", "student", "method"):
            assert line[column] == "'" + name.strip()


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_name_stays_within_its_cell_on_one_line(record, name):
    text = long_csv.render(build([record(name)]))
    assert len(text.splitlines()) == 3
    for line in parsed(text):
        assert line["student"] == "convnet3"
        assert not line["method"].startswith(("=", "+", "-", "@", "\t"))

from __future__ import annotations

import csv
import io
from dataclasses import replace as replace_cell

import pytest
from hostile import hostile, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from leaderboards import build
from leaderboards.published.ledger import Quote, read
from reports import long_csv

HEADER = (
    "dataset,train_revision,test_revision,ipc,protocol,student,method,metric,"
    "mean,std,n_sets,n_students,low,high,rank,"
    "over,std_sets,std_students,rank_low,rank_high,ties,published,published_std,source,verdict,card,"
    "method_identity,protocol_identity,student_identity"
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
            *(cell.std_sets, cell.std_students, cell.rank_low, cell.rank_high),
        )
        for board in boards
        for row in board.rows
        for column, cell in zip(board.columns, row.cells, strict=True)
        if cell
    }
    numbers = [*HEADER.split(",")[8:15], "std_sets", "std_students", "rank_low", "rank_high"]
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


def test_what_an_interval_is_over_and_which_letters_a_cell_has_are_told(main_job, record):
    lines = [x for x in parsed(long_csv.render(build(main_job))) if x["metric"] == "top1_last"]
    told = {(x["method"], x["ipc"]): (x["over"], x["ties"]) for x in lines}
    assert told["kmeans", "1"] == ("sets", "a")
    assert told["random", "1"] == ("sets", "b")
    assert told["full", ""] == ("students", "")
    (single, _) = parsed(long_csv.render(build([record()])))
    assert (single["low"], single["over"]) == ("", "")


def test_what_was_run_stands_in_the_last_columns(record, images, cost):
    one = record()
    protocol = replace(one.protocol, identity="hard/minimax@2+epochs=4")
    full = replace(record("full", None), protocol=replace(protocol, identity="hard/minimax@2"))
    student = replace(one.student, identity="=convnet3+depth=3")
    method = replace(one.method, identity="random@3")
    records = [replace(one, protocol=protocol, student=student, method=method), full, cost()]
    lines = parsed(long_csv.render(build([*records, images()])))
    found = {
        (x["method"], x["metric"]): (
            *(x["method_identity"], x["protocol_identity"], x["student_identity"]),
        )
        for x in lines
    }
    assert found["random (random@3)", "top1_last"] == (
        *("random@3", "hard/minimax@2+epochs=4", "'=convnet3+depth=3"),
    )
    assert found["full", "top1_last"][1] == "hard/minimax@2"
    assert found["random (random)", "fid"] == ("random", "fidelity", "")
    assert found["random (random)", "seconds"] == ("random", "", "")


def test_the_card_of_a_score_stands_behind_its_numbers(images):
    lines = {x["metric"]: x["card"] for x in parsed(long_csv.render(build([images()])))}
    assert (
        lines["kid"] == "distilled=50;extractor=inception;real=1000;split=train;weights=w-inception"
    )
    assert set(lines) == {"fid", "kid", "coverage", "embedding_l2"}


def test_an_accuracy_has_no_card(record):
    assert {line["card"] for line in parsed(long_csv.render(build([record()])))} == {""}


def test_the_first_published_number_stands_with_its_source_and_verdict(record):
    (board,) = build([record()])
    row = replace(read()[0], value=39.2, std=None, source="=1+1")
    quotes = tuple(Quote(row, "hard", "read", v, None, None, ()) for v in ("reproduced", "x"))
    (method,) = board.rows
    cells = (method.cells[0], replace_cell(method.cells[1], quotes=quotes))
    board = replace_cell(board, rows=(replace_cell(method, cells=cells),))
    last, best = parsed(long_csv.render([board]))
    columns = ("published", "published_std", "source", "verdict")
    assert [best[name] for name in columns] == ["39.2", "", "'=1+1", "reproduced"]
    assert [last[name] for name in columns] == [""] * 4


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


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "\t=x", "\r=x", " =x", "＝1+1", "＠x"])
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


def test_no_text_of_a_run_is_a_formula_or_leaves_its_cell(told_small):
    def lines(text: str) -> list[dict[str, str]]:
        return parsed(long_csv.render(build(hostile(told_small.records, text))))

    count = len(lines("letters"))

    @settings(deadline=None, max_examples=30)
    @given(texts())
    def check(text):
        found = lines(text)
        assert len(found) == count
        for cell in (cell for line in found for cell in line.values()):
            if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
                float(cell)

    check()

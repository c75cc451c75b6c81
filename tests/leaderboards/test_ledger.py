from __future__ import annotations

import csv
import io
from importlib.metadata import PackageNotFoundError, files

import pytest

from bench.errors import BenchError
from leaderboards.published import ledger

HEADER = ",".join(ledger.COLUMNS)
ROW = "DiT,ImageWoof,10,hard,ResNet-18,top1,34.7,0.4,DiT-XL/2,2311.15529,a figure,read"


def written(rows) -> str:
    """Write rows back, numbers as they were printed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(ledger.COLUMNS)
    for row in rows:
        cells = {name: getattr(row, name) for name in ledger.COLUMNS}
        writer.writerow((cells | {"value": f"{row.value:.{row.decimals}f}"}).values())
    return out.getvalue()


def test_every_row_is_read_and_nothing_of_it_is_lost():
    rows = ledger.read()
    assert len(rows) == 1189
    assert written(rows) == ledger.PATH.read_text(encoding="utf-8")
    assert [row.line for row in rows] == list(range(2, 1191))


@pytest.fixture
def table(tmp_path):
    def write(*lines, header=HEADER):
        path = tmp_path / "results.csv"
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return path

    return write


def test_a_row_is_typed(table):
    (row,) = ledger.read(table(ROW))
    assert (row.method, row.ipc, row.value, row.std, row.decimals) == ("DiT", 10, 34.7, 0.4, 1)
    empty = "DiT,ImageWoof,,hard,ResNet-18,top1,90,,DiT-XL/2,2311.15529,a figure,read"
    (row,) = ledger.read(table(empty))
    assert (row.ipc, row.value, row.std, row.decimals) == (None, 90.0, None, 0)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("34.7", "x", "line 3: `value` must be a number, got 'x'"),
        ("34.7", "nan", "line 3: `value` must be a number, got 'nan'"),
        ("0.4", "?", "line 3: `std` must be a number, got '?'"),
        (",10,", ",ten,", "line 3: `ipc` must be a whole number or empty, got 'ten'"),
        ("hard", "firm", "line 3: `protocol` must be one of hard, soft, none, got 'firm'"),
        ("read", "seen", "line 3: `verified` must be one of read, secondary, got 'seen'"),
        (",read", "", "line 3: expected 12 columns, got 11"),
    ],
)
def test_a_wrong_cell_is_named_with_its_line(table, old, new, words):
    with pytest.raises(BenchError, match="mend the line") as error:
        ledger.read(table(ROW, ROW.replace(old, new)))
    assert words in str(error.value)


def test_a_file_that_is_no_ledger_is_refused(table, tmp_path):
    with pytest.raises(BenchError, match="line 1: expected the columns method,dataset"):
        ledger.read(table(ROW, header="a,b"))
    with pytest.raises(BenchError, match="cannot be read"):
        ledger.read(tmp_path / "absent.csv")
    path = tmp_path / "latin.csv"
    path.write_bytes(b"\xe4\n")
    with pytest.raises(BenchError, match="cannot be read"):
        ledger.read(path)


def test_the_rows_come_with_the_installed_package():
    try:
        found = files("distillation-bench")
    except PackageNotFoundError:
        pytest.skip("not installed")
    names = [str(path) for path in found or []]
    if not any(name.startswith("leaderboards/") for name in names):
        pytest.skip("installed as a link to the checkout")
    assert "leaderboards/published/results.csv" in names

"""What is drawn of the files that records name, and what is refused with a sentence."""

from __future__ import annotations

import io
import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from PIL import Image

from reports import attachments
from reports.attached_files import Unusable
from reports.material import gather
from reports.page import page
from reports.webp import size_of

POINTS = {
    "version": 1,
    "extractor": "resnet18",
    "split": "train",
    "classes": ["ant", "bee"],
    "explained": [0.2, 0.1],
    "real": {"xy": [[0.0, 1.0], [2.0, 3.0]], "label": [0, 1]},
    "distilled": {"xy": [[0.5, 0.5]], "label": [1]},
    "sheet": {"side": 64, "columns": 10, "classes": [0, 1]},
    "of a later program": "ignored",
}


def webp(width=20, height=10, form="VP8 ") -> bytes:
    pixels = np.zeros((height, width, 4 if form == "VP8X" else 3), np.uint8)
    pixels[::2] = 100  # half transparent, where there is a channel for it
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=form == "VP8L")
    assert buffer.getvalue()[12:16] == form.encode()
    return buffer.getvalue()


@pytest.fixture
def run(tmp_path, images):
    """Write files into a run's folder and return the material of a record that names them."""

    def make(files=None, *, seeds=(0,), named=None, **changes):
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        for name, data in (files or {}).items():
            (folder / name).write_bytes(data)
        records = [
            replace(images(seed=seed), files=named or {name.split(".")[0]: name for name in files})
            for seed in seeds
        ]
        return gather([replace(one, **changes) for one in records], (), folder)

    return make


def sheets(of):
    """Return what a folder has now, however often it is asked."""
    return attachments.sheets(of.boards, of.evidence, of.folder)


def planes(of):
    return attachments.planes(of.boards, of.evidence, of.folder)


def points(**changes) -> bytes:
    return json.dumps(POINTS | changes).encode()


@pytest.mark.parametrize("form", ["VP8 ", "VP8L", "VP8X"])
@given(width=st.integers(1, 300), height=st.integers(1, 300))
def test_sizes_are_pillows(form, width, height):
    data = webp(width, height, form)
    with Image.open(io.BytesIO(data)) as image:
        assert size_of(data) == image.size == (width, height)


@given(data=st.binary(max_size=60), head=st.sampled_from([b"", b"RIFF", webp(4, 4)[:16]]))
def test_other_bytes_are_no_picture(data, head):
    with pytest.raises(Unusable):
        size_of(head + data)


def test_sheets_are_the_bytes_as_stored(run):
    files = {f"{kind}.webp": webp(20 + at, 10) for at, kind in enumerate(("distilled", "real"))}
    found, complaints = sheets(run(files))
    assert complaints == []
    assert [(sheet.kind, sheet.width, sheet.height) for sheet in found] == [
        ("distilled", 20, 10),
        ("real", 21, 10),
    ]
    assert [sheet.data for sheet in found] == list(files.values())
    assert {(sheet.board, sheet.row, sheet.seed) for sheet in found} == {(0, 0, 0)}


def test_the_first_seed_of_a_row_is_shown(run):
    (sheet,), _ = sheets(run({"distilled.webp": webp()}, seeds=(2, 1)))
    assert sheet.seed == 1


def test_without_a_folder_nothing_is_read(images):
    material = gather([replace(images(), files={"distilled": "x.webp", "points": "x.json"})])
    assert material.sheets == material.planes == ([], [])


def test_points_are_read_and_what_is_unknown_is_ignored(run):
    (drawn,), complaints = planes(run({"points.json": points()}))
    assert complaints == []
    assert (drawn.board, drawn.row) == (0, 0)
    assert drawn.plane.real.xy == [(0.0, 1.0), (2.0, 3.0)]
    assert drawn.plane.distilled.label == [1]
    assert drawn.plane.classes == ["ant", "bee"]


def assert_refused(found_and_complaints, *words) -> None:
    found, (unread,) = found_and_complaints
    complaint = str(unread)
    assert found == []
    assert complaint.endswith(".")
    assert "\n" not in complaint
    for word in ("cannot be read", *words):
        assert word in complaint


def test_paths_out_of_the_folder_are_refused(run, tmp_path):
    (tmp_path / "outside.webp").write_bytes(webp())
    for name in (
        "../outside.webp",
        "x/../../outside.webp",
        str(tmp_path / "outside.webp"),
        "C:\\outside.webp",
        "\\\\server\\outside.webp",
        "../run/../outside.webp",
        "no such.webp",
        "with\0nul.webp",
        "x" * 5000,
        ".",
        "",
    ):
        assert_refused(sheets(run({}, named={"distilled": name})), "sample sheet", "random")


def test_links_are_followed_only_within(run, tmp_path):
    (tmp_path / "outside.webp").write_bytes(webp())
    material = run({"inside.webp": webp()}, named={"distilled": "link.webp"})
    link = tmp_path / "run" / "link.webp"
    link.symlink_to("inside.webp")
    assert len(sheets(material)[0]) == 1
    link.unlink()
    link.symlink_to(tmp_path / "outside.webp")
    assert_refused(sheets(material), "out of the run's folder")
    link.unlink()
    link.symlink_to("link.webp")
    assert_refused(sheets(material))


def test_real_images_are_no_sheets_of_a_board_that_shows_no_distilled_ones(run):
    files = {f"{kind}.webp": webp() for kind in ("distilled", "nearest", "real")}
    assert {sheet.kind for sheet in sheets(run(files))[0]} == {"distilled", "nearest", "real"}
    lost = run({**files, "distilled.webp": b"none"})
    found, (unread,) = sheets(lost)
    assert (found, unread.is_missing) == ([], False)
    assert "data:image" not in page(lost)


def test_a_folder_and_a_pipe_are_no_files(run, tmp_path):
    material = run({}, named={"distilled": "odd"})
    os.mkfifo(tmp_path / "run" / "odd")
    assert_refused(sheets(material), "not a file")
    (tmp_path / "run" / "odd").unlink()
    (tmp_path / "run" / "odd").mkdir()
    assert_refused(sheets(material), "not a file")


def test_files_that_are_too_large_are_refused(run):
    assert_refused(sheets(run({"distilled.webp": bytes(2_000_000)})), "larger than 1,000,000")
    assert_refused(planes(run({"points.json": bytes(2_000_001)})), "larger than 2,000,000")


def test_pictures_of_another_kind_are_refused(run):
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10)).save(buffer, "JPEG")
    assert_refused(sheets(run({"distilled.webp": buffer.getvalue()})), "not a WebP")
    assert_refused(sheets(run({"distilled.webp": webp()[:-2]})), "length")
    assert_refused(sheets(run({"distilled.webp": webp(5000, 1)})), "5000 x 1")


@pytest.mark.parametrize(
    "changes",
    [
        {"real": {"xy": [[0.0, 1.0]], "label": [0, 1]}},
        {"real": {"xy": [[0.0, 1.0]], "label": [2]}},
        {"distilled": {"xy": [[0.0, 1.0]], "label": [-1]}},
        {"distilled": {"xy": [[0.0, float("nan")]], "label": [0]}},
        {"distilled": {"xy": [[0.0, float("inf")]], "label": [0]}},
        {"distilled": {"xy": [[0.0, 1e300]], "label": [0]}},
        {"distilled": {"xy": [[0.0]], "label": [0]}},
        {"distilled": {"xy": [[0.0, "1"]], "label": [0]}},
        {"sheet": {"side": 64, "columns": 10, "classes": [2]}},
        {"sheet": {"side": 0, "columns": 10, "classes": [0]}},
        {"classes": "ab"},
    ],
)
def test_points_that_contradict_themselves_are_refused(run, changes):
    assert_refused(planes(run({"points.json": points(**changes)})), "points file", "random")


def test_points_of_another_version_are_said(run):
    assert_refused(planes(run({"points.json": points(version=2)})), "version 2")


def test_broken_points_are_refused(run):
    assert_refused(planes(run({"points.json": b"{"})))
    assert_refused(planes(run({"points.json": b"\xff\xfe"})))
    assert_refused(planes(run({"points.json": b"[" * 100_000})))


def test_a_method_is_named_without_control_characters(run):
    method = run({"distilled.webp": b"none"}).evidence.records[0].method
    material = run({"distilled.webp": b"none"}, method=replace(method, label="a\x1b[31m\nb"))
    assert_refused(sheets(material), "a[31m b")


def test_one_network_has_one_plane_a_row(run, images):
    material = run({"points.json": points()})
    (record,) = material.evidence.records
    again = replace(record, key="again", files={"points": "points.json"})
    other = replace(record, key="other", files={"points": "other.json"})
    assert material.folder is not None
    (material.folder / "other.json").write_bytes(points(extractor="inception"))
    found, _ = planes(gather([record, again, other], (), material.folder))
    assert sorted(drawn.plane.extractor for drawn in found) == ["inception", "resnet18"]


def test_a_file_of_a_reference_is_read_once_for_all_boards(images, tmp_path):
    full = replace(images("full"), ipc=None, files={"distilled": "no such.webp"})
    found, complaints = sheets(
        gather([full, images(), replace(images(), key="1", ipc=1)], (), tmp_path)
    )
    assert (found, len(complaints)) == ([], 1)


def test_the_story_has_a_sheet_of_each_kind_and_a_plane_for_every_method(told_small):
    found, complaints = told_small.material.sheets
    drawn, more = told_small.material.planes
    assert complaints == more == []
    rows = [row for row in told_small.material.boards[0].rows if not row.reference]
    assert len(found) == 3 * len(rows)
    assert len(drawn) == len(rows)
    assert {sheet.seed for sheet in found} == {0}

"""What is said of pictures and maps that a run has made and a report cannot read."""

from __future__ import annotations

import pytest
from made import WORST, texts, words
from msgspec.structs import replace

from reports.material import gather
from reports.page import page
from reports.words.limits import limits
from reports.words.missing import missing

COPY = "copy the run's `files/` beside its records"


def said(material):
    found = dict(missing(material))
    told = [text for text in texts(limits(material)) if "cannot be read" in text]
    return told, {
        name: texts([found[name]])[0] for name in ("samples", "coverage") if name in found
    }


def test_records_without_their_files_say_so_and_ask_for_no_other_protocol(told_small, tmp_path):
    """As where the records alone were copied."""
    lost = gather(told_small.records, (), tmp_path)
    methods = sum(not row.reference for row in lost.boards[0].rows)
    (limit,), needed = said(lost)
    assert limit.startswith(
        f"{3 * methods} pictures and {methods} files of points that the records name cannot be "
        "read, such as the sample sheet of `"
    )
    assert limit.endswith(f"` (No such file or directory): {COPY}.")
    for name in ("samples", "coverage"):
        assert needed[name].endswith(f"the files that the records name cannot be read: {COPY}.")
        assert "--protocols" not in needed[name]
    assert page(lost).count("beside its records") == 3


def test_files_that_are_refused_are_not_asked_for(told_small, tmp_path):
    for record in told_small.records:
        for path in record.files.values():
            (tmp_path / path).mkdir(parents=True, exist_ok=True)
    (limit,), needed = said(gather(told_small.records, (), tmp_path))
    assert limit.endswith(" (it is not a file).")
    assert not any("copy" in text for text in needed.values())


def test_one_file_that_is_lost_is_said_where_its_section_is_there(told_small, tmp_path):
    for record in told_small.records:
        for path in record.files.values():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes((told_small.folder / path).read_bytes())
    whole = gather(told_small.records, (), tmp_path)
    assert said(whole) == ([], {})
    first = min((one for one in told_small.records if one.files), key=lambda one: one.key)
    (tmp_path / first.files["points"]).unlink()
    (limit,), needed = said(gather(told_small.records, (), tmp_path))
    assert limit.startswith("1 file of points that the records name cannot be read, such as the ")
    assert needed == {}


def test_what_was_never_made_needs_a_protocol(record):
    told, needed = said(gather([record(), record("kmeans")]))
    assert told == []
    for name in ("samples", "coverage"):
        assert needed[name].endswith("(`--protocols hard,fidelity`).")


@pytest.mark.parametrize("kind", ["distilled", "points"])
def test_only_what_was_recorded_is_said_to_have_been_made(images, kind, tmp_path):
    _, needed = said(gather([replace(images(), files={kind: "no such"})], (), tmp_path))
    made = {name for name, text in needed.items() if "were made" in text}
    assert made == {"samples" if kind == "distilled" else "coverage"}


@pytest.mark.parametrize("text", WORST)
def test_names_from_data_are_never_part_of_the_words(images, text, tmp_path):
    def found(name):
        record = images(name)
        record = replace(record, key=name, files={"distilled": f"{name[:9]}/no such"})
        return limits(gather([record], (), tmp_path))

    assert words(found(text)) == words(found("x"))

"""`bench verify`: a sound folder passes, and every kind of damage is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def run(bench, tiny_run, tmp_path) -> Path:
    """Return the folder of a finished run."""
    out = tmp_path / "out"
    assert bench(*tiny_run, "--out", out).status == 0
    return out


def edited(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def a_record(run: Path, kind: str) -> Path:
    return next(
        path
        for path in sorted((run / "records").glob("*.json"))
        if json.loads(path.read_text())["kind"] == kind
    )


@pytest.mark.parametrize("options", [(), ("--content",)])
def test_a_sound_run_has_nothing_wrong(run, bench, options):
    answer = bench("verify", run, *options)
    records = len(list((run / "records").glob("*.json")))
    assert answer.status == 0
    sets = len(list(run.glob("distilled/**/manifest.json")))
    expected = f"{records} records, {sets} distilled sets, real sets: tiny; nothing wrong."
    assert answer.out.splitlines() == [expected]


def flip_a_pixel(run):
    path = next(run.glob("distilled/**/*.png"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def lose_an_image(run):
    next(run.glob("distilled/**/*.png")).unlink()


def edit_a_manifest(run):
    edited(next(run.glob("distilled/**/manifest.json")), lambda m: m["files"].pop())


def rename_a_record(run):
    path = a_record(run, "evaluation")
    path.rename(path.with_name("0" * 20 + ".json"))


def cut_a_record(run):
    path = a_record(run, "evaluation")
    path.write_text(path.read_text()[:100])


def forget_a_distillation(run):
    path = a_record(run, "distillation")
    shutil.move(path, run)


def edit_a_revision(run):
    edited(a_record(run, "evaluation"), lambda r: r["data"].update(test_revision="c" * 64))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (flip_a_pixel, ["differs from what manifest.json says"]),
        (lose_an_image, ["listed in manifest.json but cannot be read"]),
        (edit_a_manifest, ["holds another set than record"]),
        (rename_a_record, ["one of them was renamed"]),
        (cut_a_record, ["is not a readable record"]),
        (forget_a_distillation, ["which no record of this folder says was made"]),
        (edit_a_revision, ["test images of 'tiny'", "cccccccccccc"]),
    ],
)
def test_damage_is_named_and_is_an_exit_status(run, bench, damage, words):
    damage(run)
    before = sorted((path, path.stat().st_size) for path in run.rglob("*") if path.is_file())
    answer = bench("verify", run)
    assert answer.status == 1
    wrong = [line for line in answer.out.splitlines() if line.startswith("wrong: ")]
    assert wrong
    for word in words:
        assert any(word in line for line in wrong)
    after = sorted((path, path.stat().st_size) for path in run.rglob("*") if path.is_file())
    assert after == before


def test_changed_real_images_are_another_revision(run, bench, tiny_set):
    image = next((tiny_set / "train").rglob("*.png"))
    image.write_bytes(next((tiny_set / "val").rglob("*.png")).read_bytes())
    answer = bench("verify", run)
    assert answer.status == 1
    assert "is of training images of 'tiny' with revision" in answer.out


def test_a_real_image_that_cannot_be_opened_is_found_by_content(run, bench, tiny_set):
    image = next((tiny_set / "val").rglob("*.png"))
    image.write_bytes(image.read_bytes()[:60])
    answer = bench("verify", run, "--content")
    assert answer.status == 1
    assert "A test image of 'tiny': " in answer.out
    assert image.name in answer.out


def test_what_was_left_out_is_not_wrong(run, bench, tiny_set):
    shutil.rmtree(run / "distilled")
    shutil.rmtree(tiny_set)
    answer = bench("verify", run)
    assert answer.status == 0
    lines = answer.out.splitlines()
    assert all(line.startswith("unchecked: ") for line in lines[:-1])
    assert any("is not in the folder" in line for line in lines)
    assert any("The real set 'tiny=folder:" in line for line in lines)
    assert lines[-1].endswith("real sets: none; nothing wrong.")


def test_a_folder_that_is_no_run_is_refused(bench, tmp_path):
    answer = bench("verify", tmp_path)
    assert answer.status == 2
    assert "bench.json" in answer.err


def test_two_sets_of_one_name_in_one_folder_are_both_right(run, bench, tiny_run, tiny_set):
    other = tiny_set.with_name("other")
    shutil.copytree(tiny_set, other)
    next((other / "val").rglob("*.png")).unlink()
    again = [word.replace(str(tiny_set), str(other)) for word in tiny_run]
    assert bench(*again, "--out", run).status == 0
    answer = bench("verify", run)
    assert answer.out.splitlines()[-1].endswith("real sets: tiny; nothing wrong.")
    shutil.rmtree(other)
    assert bench("verify", run).status == 1  # its records fit no set that is at hand


def test_a_broken_plan_is_a_finding(run, bench):
    next((run / "plans").glob("*.json")).write_text("{")
    answer = bench("verify", run)
    assert answer.status == 1
    assert "wrong: " in answer.out
    assert "unchecked: The real set 'tiny' of the records is not at hand." in answer.out

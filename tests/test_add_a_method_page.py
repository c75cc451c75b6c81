"""The worked example of the page on adding a method does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.records import read_records

PAGE = Path(__file__).resolve().parent.parent / "docs" / "add-a-method.md"


@pytest.fixture
def mine(python_of, tmp_path):
    (example,) = python_of(PAGE.name)
    file = tmp_path / "mine.py"
    file.write_text(example, encoding="utf-8")
    return file


@pytest.fixture
def run_of(tiny_run, tmp_path, bench):
    def run(*methods, out="out"):
        request = ["--methods", ",".join(methods), "--out", str(tmp_path / out)]
        answer = bench(*tiny_run, *request)
        assert answer.status == 0, answer.err
        return answer, list(read_records(tmp_path / out))

    return run


def test_the_method_of_the_page_is_a_row_beside_random(run_of, mine):
    answer, records = run_of("random", f"{mine}:Typical")
    assert {record.method.label for record in records} == {"random", "mine/Typical"}
    origins = {record.method.name: record.method.origin for record in records}
    assert origins["mine/Typical"].startswith("mine.py sha256:")
    assert "mine/Typical" in answer.out


def test_the_same_seed_gives_the_same_images_and_another_one_others(run_of, mine):
    first, second = (run_of(f"{mine}:Typical[share=1.0]", out=out)[1] for out in ("one", "two"))
    assert {r.key: r.distilled for r in first} == {r.key: r.distilled for r in second}
    assert len({r.distilled for r in first if r.ipc == 1}) == 2  # of two seeds


def test_a_share_of_one_image_is_the_image_nearest_to_the_mean_colour(
    run_of, mine, tiny_set, tmp_path
):
    run_of(f"{mine}:Typical[share=0.1]")
    expected = set()
    for folder in (tiny_set / "train").iterdir():
        pixels = [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]
        colours = [one.astype(float).mean((0, 1)) for one in pixels]
        centre = np.mean(colours, axis=0)
        nearest = min(range(len(pixels)), key=lambda k: ((colours[k] - centre) ** 2).sum())
        expected.add((folder.name, pixels[nearest].tobytes()))
    kept = (tmp_path / "out").glob("distilled/**/ipc1/**/*.png")
    assert {(path.parent.name, np.asarray(Image.open(path)).tobytes()) for path in kept} == expected


def test_fields_are_listed_with_their_meaning(bench, mine):
    answer = bench("list", "methods", f"{mine}:Typical")
    assert answer.status == 0, answer.err
    assert "share: float = 0.5" in answer.out
    assert "1 draws from all of it" in answer.out


def test_the_contract_tests_that_the_page_names_are_there():
    named = re.findall(r"python -m pytest (\S+)", PAGE.read_text(encoding="utf-8"))
    assert named
    assert all((PAGE.parents[1] / folder).is_dir() for folder in named)

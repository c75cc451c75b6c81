"""The worked example of a third party's method does what its page says."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bench.records import read_records


@pytest.fixture
def plugin(python_of, tmp_path):
    (example,) = python_of("plugins.md")
    file = tmp_path / "mine.py"
    file.write_text(example, encoding="utf-8")
    return file


@pytest.fixture
def run_of(plugin, tiny_run, tmp_path, bench):
    def run(*methods):
        out = tmp_path / "out"
        request = ["--methods", ",".join(methods), "--plugin", str(plugin), "--out", str(out)]
        answer = bench(*tiny_run, *request)
        assert answer.status == 0, answer.err
        return out

    return run


def test_the_example_of_the_page_runs_beside_methods_of_the_project(run_of):
    out = run_of("random", "mine/brightest", "mine/brightest[darkest=true]")
    records = list(read_records(out))
    labels = {record.method.label for record in records if record.scores}
    assert labels == {"random", "mine/brightest", "mine/brightest+darkest=true"}
    origins = {record.method.name: record.method.origin for record in records}
    assert origins["random"] == ""
    assert origins["mine/brightest"].startswith("mine.py sha256:")


@pytest.mark.parametrize(
    ("method", "choose"),
    [("mine/brightest", max), ("mine/brightest[darkest=true]", min)],
)
def test_the_example_keeps_the_extreme_image_of_every_class(method, choose, run_of, tiny_set):
    kept = run_of(method).glob("distilled/**/ipc1/**/*.png")
    brightness = {path.parent.name: np.asarray(Image.open(path)).mean() for path in kept}
    expected = {
        folder.name: choose(np.asarray(Image.open(path)).mean() for path in folder.glob("*.png"))
        for folder in (tiny_set / "train").iterdir()
    }
    assert brightness == expected


def test_the_method_class_of_the_page_can_be_named_without_a_registry(plugin, bench):
    answer = bench("list", "methods", f"{plugin}:Brightest")
    assert answer.status == 0, answer.err
    assert "darkest" in answer.out

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.data import DATASETS, DatasetRequest, dataset_names, open_real_set, parse_request
from bench.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("imagenette", DatasetRequest("imagenette", "imagenette")),
        (" shapewoof ", DatasetRequest("shapewoof", "shapewoof")),
        ("mine=folder:/a/b", DatasetRequest("mine", "folder", Path("/a/b"))),
        ("folder:/a/tinynette", DatasetRequest("tinynette", "folder", Path("/a/tinynette"))),
        ("folder:/a/tinynette/", DatasetRequest("tinynette", "folder", Path("/a/tinynette"))),
        ("folder:/a=b/c", DatasetRequest("c", "folder", Path("/a=b/c"))),
        ("mine=folder:/a=b", DatasetRequest("mine", "folder", Path("/a=b"))),
    ],
)
def test_a_request_is_taken_apart(text, expected):
    assert parse_request(text) == expected


def test_the_current_folder_is_named_after_itself(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path / "photos")
    assert parse_request("folder:.").name == "photos"


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_request("folder:~/photos").path == tmp_path / "photos"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("imagenete", "Unknown dataset 'imagenete'. Did you mean 'imagenette'?"),
        ("photos/cats", "`NAME=folder:PATH`"),
        ("mine=imagenette", "`folder:PATH`"),
        ("mine=/a/b", "`folder:PATH`"),
        ("folder:", "needs the path of a folder"),
        ("mine=folder:", "needs the path of a folder"),
        ("mine=", "`folder:PATH`"),
        ("", "Unknown dataset ''"),
        ("=folder:/a/b", "got ''"),
        ("my set=folder:/a/b", "got 'my set'"),
        ("folder:/a/my set", "choose one with `NAME=folder:PATH`"),
        ("../x=folder:/a/b", "got '../x'"),
        ("imagenette=folder:/a/b", "`my-imagenette=folder:PATH`"),
        ("folder:/a/shapewoof", "'shapewoof' is the name of a registered dataset"),
    ],
)
def test_a_wrong_request_is_answered_with_the_way_out(text, words):
    with pytest.raises(UsageError) as caught:
        parse_request(text)
    assert words in str(caught.value)


def test_names_are_sorted_and_described_in_one_line():
    assert list(dataset_names()) == sorted(DATASETS)
    for name in dataset_names():
        assert 10 < len(DATASETS[name].description) < 80
        assert "\n" not in DATASETS[name].description


def test_the_registry_imports_no_heavy_library():
    code = (
        "import sys, bench.data; bench.data.dataset_names(); "
        "print([m for m in ('numpy', 'torch', 'PIL', 'timm', 'torchvision') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [name for name in dataset_names() if "shape" not in name])
def test_a_set_without_a_data_root_says_how_to_give_one(name, monkeypatch, tmp_path):
    monkeypatch.delenv("BENCH_DATA", raising=False)
    with pytest.raises(UsageError, match="--data-root") as caught:
        open_real_set(name, data_root=None, cache=tmp_path)
    assert "BENCH_DATA" in str(caught.value)


@pytest.mark.parametrize("name", ["imagenette", "cifar10", "tiny-imagenet"])
def test_a_data_root_without_the_set_says_where_it_was_looked_for(name, tmp_path):
    with pytest.raises(UsageError) as caught:
        open_real_set(name, data_root=tmp_path, cache=tmp_path / "cache")
    assert str(tmp_path) in str(caught.value)
    assert "looked at" in str(caught.value)


def test_a_data_root_that_does_not_exist_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="nowhere of 'imagenette' is not a folder"):
        open_real_set("imagenette", data_root=None, cache=tmp_path / "cache")

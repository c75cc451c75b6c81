from __future__ import annotations

import hashlib
import os
import shutil
import threading

import numpy as np
import pytest

from bench.data import revision
from bench.data.revision import files_revision, pixels_revision
from bench.errors import BenchError

NAMES = ("a/0.png", "a/1.png", "b/0.png")
CLASSES = ("a", "a", "b")


@pytest.fixture
def root(tmp_path):
    for name in NAMES:
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_text(f"content of {name}")
    return tmp_path / "set"


def _revision(root, names=NAMES, classes=CLASSES):
    return files_revision(root, names, classes, root.parent / "cache")


def test_it_is_the_hash_over_classes_names_and_content_hashes(root):
    lines = [
        f"{class_id}\t{name}\t{hashlib.sha256((root / name).read_bytes()).hexdigest()}\n"
        for class_id, name in zip(CLASSES, NAMES, strict=True)
    ]
    assert _revision(root) == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_neither_place_nor_time_enters(root, tmp_path):
    before = _revision(root)
    shutil.copytree(root, tmp_path / "elsewhere")
    os.utime(tmp_path / "elsewhere" / NAMES[0], (1, 1))
    assert _revision(tmp_path / "elsewhere") == before


def test_a_changed_file_changes_it_even_at_equal_size(root):
    before = _revision(root)
    content = (root / NAMES[1]).read_text()
    (root / NAMES[1]).write_text(content.swapcase())
    os.utime(root / NAMES[1], (5, 5))
    assert _revision(root) != before


def test_another_name_another_class_or_another_order_changes_it(root):
    shutil.copy(root / "b/0.png", root / "b/9.png")
    same = _revision(root)
    assert _revision(root, ("a/0.png", "a/1.png", "b/9.png")) != same
    assert _revision(root, classes=("a", "b", "b")) != same
    assert _revision(root, ("b/0.png", "a/0.png", "a/1.png"), ("b", "a", "a")) != same


def test_the_second_time_no_file_is_read(root, monkeypatch):
    before = _revision(root)
    monkeypatch.setattr(revision, "_sha256", lambda path: pytest.fail(f"read {path} again"))
    assert _revision(root) == before


def test_only_the_changed_file_is_read_again(root, monkeypatch):
    _revision(root)
    (root / NAMES[2]).write_text("longer than before, surely")
    read = []
    digest = revision._sha256
    monkeypatch.setattr(revision, "_sha256", lambda path: read.append(path) or digest(path))
    _revision(root)
    assert read == [root.resolve() / NAMES[2]]


def test_a_folder_whose_name_begins_alike_is_told_apart(root, tmp_path):
    twin = tmp_path / "set2"
    shutil.copytree(root, twin)
    (twin / NAMES[0]).write_text("other content")
    assert _revision(root) != _revision(twin)
    assert _revision(root) != _revision(twin)


def test_big_sets_are_known_by_names_and_sizes(root, monkeypatch):
    monkeypatch.setattr(revision, "NAMES_ONLY_ABOVE", 2)
    monkeypatch.setattr(revision, "_sha256", lambda path: pytest.fail(f"read {path}"))
    before = _revision(root)
    (root / NAMES[0]).write_text("another size")
    assert _revision(root) != before
    assert not (root.parent / "cache").exists()


def test_an_empty_file_is_named(root):
    (root / NAMES[1]).write_bytes(b"")
    with pytest.raises(BenchError, match=r"a/1\.png is empty \(0 bytes\)"):
        _revision(root)


def test_a_broken_link_is_named(root):
    (root / NAMES[1]).unlink()
    (root / NAMES[1]).symlink_to(root / "nowhere.png")
    with pytest.raises(BenchError, match=r"a/1\.png cannot be read"):
        _revision(root)


def test_a_damaged_hash_cache_is_named_with_its_remedy(root):
    (root.parent / "cache").mkdir()
    (root.parent / "cache" / "file-hashes.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(BenchError, match=r"file-hashes\.sqlite .*: remove it"):
        _revision(root)


def test_a_cache_that_cannot_be_made_is_named(root):
    (root.parent / "cache").write_text("a file")
    with pytest.raises(BenchError, match="can be written"):
        _revision(root)


def test_runs_that_open_a_set_at_once_agree(tmp_path):
    names = tuple(f"{k}.png" for k in range(300))
    for name in names:
        (tmp_path / name).write_text(name)
    found = []

    def work():
        found.append(files_revision(tmp_path, names, ("a",) * 300, tmp_path / "cache"))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_pixels_labels_and_shape_decide_the_revision_of_an_array():
    pixels = np.arange(48, dtype=np.uint8).reshape(2, 2, 4, 3)
    labels = np.array([0, 1])
    same = pixels_revision(pixels, labels)
    assert pixels_revision(pixels.copy(), labels.copy()) == same
    assert pixels_revision(pixels.reshape(2, 4, 2, 3), labels) != same
    assert pixels_revision(pixels + 1, labels) != same
    assert pixels_revision(pixels, labels[::-1]) != same

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import tracemalloc

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


def _expected(root, names):
    lines = (f"a\t{n}\t{hashlib.sha256((root / n).read_bytes()).hexdigest()}\n" for n in names)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _count_reads(monkeypatch):
    read, digest = [], revision._sha256
    monkeypatch.setattr(revision, "_sha256", lambda path: read.append(path.name) or digest(path))
    return read


KILLED_WHILE_SCANNING = """
import os, pathlib, sys, threading
from bench.data import revision
revision.BLOCK = 10
digest, read, lock = revision._sha256, [], threading.Lock()
def dying(path):
    with lock:
        read.append(path)
        if len(read) == 25:
            os._exit(7)
    return digest(path)
revision._sha256 = dying
root = pathlib.Path(sys.argv[1])
names = sorted(path.name for path in root.iterdir())
revision.files_revision(root, names, ["a"] * len(names), pathlib.Path(sys.argv[2]))
"""


def test_a_killed_scan_goes_on_after_the_last_block_that_was_whole(tmp_path, monkeypatch):
    names = [f"{k:02d}.png" for k in range(45)]
    (tmp_path / "set").mkdir()
    for name in names:
        (tmp_path / "set" / name).write_text(f"content of {name}")
    command = [sys.executable, "-c", KILLED_WHILE_SCANNING, tmp_path / "set", tmp_path / "cache"]
    assert subprocess.run(command, check=False).returncode == 7
    read = _count_reads(monkeypatch)
    monkeypatch.setattr(revision, "BLOCK", 10)
    assert _revision(tmp_path / "set", names, ["a"] * 45) == _expected(tmp_path / "set", names)
    assert sorted(read) == names[20:]


def test_a_file_that_cannot_be_read_does_not_cost_those_before_it(tmp_path, monkeypatch):
    names = [f"{k}.png" for k in range(8)]
    (tmp_path / "set").mkdir()
    for name in names:
        (tmp_path / "set" / name).write_text(name)
    monkeypatch.setattr(revision, "BLOCK", 2)
    digest = revision._sha256
    with monkeypatch.context() as broken:
        broken.setattr(
            revision, "_sha256", lambda path: digest(path.with_name(path.name.replace("5", "x")))
        )
        with pytest.raises(BenchError, match=r"x\.png cannot be read"):
            _revision(tmp_path / "set", names, ["a"] * 8)
    read = _count_reads(monkeypatch)
    assert _revision(tmp_path / "set", names, ["a"] * 8) == _expected(tmp_path / "set", names)
    assert sorted(read) == names[4:]


@pytest.mark.parametrize("block", [1, 2, 3, 100])
def test_blocks_of_any_size_give_the_same(block, root, monkeypatch):
    before = _revision(root)
    monkeypatch.setattr(revision, "BLOCK", block)
    assert _revision(root) == before
    shutil.rmtree(root.parent / "cache")
    assert _revision(root) == before


def test_a_part_of_what_was_scanned_is_not_read_again(root, monkeypatch):
    _revision(root)
    read = _count_reads(monkeypatch)
    assert _revision(root, NAMES[1:2], ("a",)) == _expected(root, NAMES[1:2])
    assert read == []


@pytest.mark.parametrize("limit", [0, 10**9], ids=["names and sizes", "contents"])
def test_a_file_takes_few_bytes_while_a_set_is_scanned(limit, tmp_path, monkeypatch):
    monkeypatch.setattr(revision, "NAMES_ONLY_ABOVE", limit)
    monkeypatch.setattr(revision, "BLOCK", 300)
    monkeypatch.setattr(revision, "_size_and_time", lambda path: (len(path) * 10**6, 10**18))
    monkeypatch.setattr(revision, "_sha256", lambda path: hashlib.sha256(b"").hexdigest())

    def most(count):
        names = [f"{k}.png" for k in range(count)]
        classes = ["a"] * count
        tracemalloc.start()
        try:
            files_revision(tmp_path, names, classes, tmp_path / f"cache{count}")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    most(10)  # what is loaded once
    # Size and time are 16 bytes, a copy of the sizes is 8, and threads differ in what they hold at
    # once; a list of what is known of every file would be 180 bytes each, and with hashes 560.
    assert most(12_000) - most(3_000) < 9_000 * 150


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

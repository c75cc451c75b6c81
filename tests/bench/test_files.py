from __future__ import annotations

import errno
import os
import stat

import pytest

from bench.files import DiskFullError, replace_file, write_new


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_a_taken_name_is_never_overwritten(tmp_path):
    write_new(tmp_path / "a", b"one")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert names(tmp_path) == ["a"]


def test_replacing_leaves_the_new_content_and_nothing_else(tmp_path):
    replace_file(tmp_path / "a", b"one")
    replace_file(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("write", [write_new, replace_file])
def test_files_have_the_permissions_of_ordinary_ones(write, tmp_path):
    (tmp_path / "ordinary").write_bytes(b"")
    write(tmp_path / "a", b"")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ordinary", "a")}
    assert len(modes) == 1


@pytest.mark.parametrize("write", [write_new, replace_file])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(write, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match="full"):
        write(tmp_path / "a", b"one")
    assert names(tmp_path) == []


def test_a_disk_without_links_still_refuses_a_taken_name(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    write_new(tmp_path / "a", b"one")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"

"""A file of a stated version is what it says, or one sentence."""

import msgspec
import pytest

from bench.errors import BenchError, UsageError
from bench.versioned import read_versioned


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    name: str
    deep: list[object] = []


def read(path, error=BenchError):
    return read_versioned(path, Kept, newest=2, called="note", mend="write it anew", error=error)


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_is_read_back(tmp_path, version):
    path = tmp_path / "note.json"
    path.write_bytes(msgspec.json.encode(Kept(version, "a")))
    assert read(path) == Kept(version, "a")


def test_a_newer_file_is_told_by_its_version_whatever_its_form(tmp_path):
    path = tmp_path / "note.json"
    path.write_text('{"version": 3, "title": {}}')
    with pytest.raises(BenchError, match=r"note\.json has schema version 3, .* up to 2: update"):
        read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"version": 1}',
        b'{"version": 1, "name": "a", "more": 1}',
        b'{"version": 1, "name": "a", "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["empty", "half", "list", "binary", "lacking", "more", "deep"],
)
@pytest.mark.parametrize("error", [BenchError, UsageError])
def test_a_broken_file_is_one_sentence(tmp_path, content, error):
    path = tmp_path / "note.json"
    path.write_bytes(content)
    with pytest.raises(
        BenchError, match=r"is not a readable note \(.*\): write it anew\.$"
    ) as told:
        read(path, error)
    assert type(told.value) is error


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_what_is_no_file_is_one_sentence(tmp_path, make):
    make(tmp_path / "note.json")
    with pytest.raises(BenchError, match=r"note\.json cannot be read as a note \(.*\): write it"):
        read(tmp_path / "note.json")

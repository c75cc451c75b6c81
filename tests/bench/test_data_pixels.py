from __future__ import annotations

import errno
import os
import subprocess
import sys
import tracemalloc
from collections import namedtuple

import numpy as np
import pytest

from bench.data import pixels as pixels_module
from bench.data.pixels import CACHED_FROM, cached_pixels, read_pixels
from bench.data.prefix import Prefix
from bench.errors import BenchError
from bench.images import ArrayImages, Chosen, FileImages
from bench.sets import ImageSet

RNG = np.random.default_rng(2)
IMAGES = RNG.integers(0, 256, (CACHED_FROM + 3, 5, 4, 3), dtype=np.uint8)
SAME = Prefix(None, None)
REVISION = "0123456789abcdef" * 4


def _image_set(images=IMAGES, revision=REVISION):
    return ImageSet(ArrayImages(images), np.zeros(len(images), np.int64), revision)


def _path(cache, prefix=SAME):
    return cache / "pixels" / f"{REVISION[:16]}-{prefix.key}.npy"


def test_images_are_read_in_order_with_channels_first():
    assert np.array_equal(read_pixels(ArrayImages(IMAGES), SAME), IMAGES.transpose(0, 3, 1, 2))


def test_the_prefix_is_applied_to_every_image():
    read = read_pixels(ArrayImages(IMAGES[:40]), Prefix(8, 6))
    expected = [Prefix(8, 6).apply(image).transpose(2, 0, 1) for image in IMAGES[:40]]
    assert np.array_equal(read, np.stack(expected))


class _Ragged:
    def __len__(self):
        return 3

    def decode(self, index):
        return np.zeros((8, 8 + 4 * (index == 2), 3), np.uint8)

    def original(self, index):
        return None


def test_different_sizes_are_refused_with_the_field_that_helps():
    with pytest.raises(BenchError, match="image 2 has 12x8 pixels where image 0 has 8x8") as caught:
        read_pixels(_Ragged(), SAME)
    assert "`crop_from=prefix`" in str(caught.value)
    assert read_pixels(_Ragged(), Prefix(None, 8)).shape == (3, 3, 8, 8)


def test_a_ragged_file_is_named(tmp_path):
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    Image.new("RGB", (9, 8)).save(tmp_path / "b.png")
    images = Chosen(FileImages(tmp_path, ("b.png", "a.png")), (1, 0))
    with pytest.raises(BenchError, match=r"b\.png has 9x8 pixels where .*a\.png has 8x8"):
        read_pixels(images, SAME)


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="at least one image"):
        read_pixels(ArrayImages(IMAGES[:0]), SAME)


def test_the_cache_holds_what_reading_gives_and_is_changed_by_nobody(tmp_path):
    mapped = cached_pixels(_image_set(), Prefix(6, 6), tmp_path)
    assert isinstance(mapped, np.memmap)
    mapped[:] += 1
    mapped = cached_pixels(_image_set(), Prefix(6, 6), tmp_path)
    assert np.array_equal(mapped, read_pixels(ArrayImages(IMAGES), Prefix(6, 6)))
    assert _path(tmp_path, Prefix(6, 6)).is_file()
    assert not list((tmp_path / "pixels").glob("*.partial"))


def test_the_second_time_no_image_is_decoded(tmp_path, monkeypatch):
    first = cached_pixels(_image_set(), SAME, tmp_path)
    monkeypatch.setattr(ArrayImages, "decode", lambda *_: pytest.fail("decoded again"))
    assert np.array_equal(cached_pixels(_image_set(), SAME, tmp_path), first)


@pytest.mark.parametrize("image_set", [_image_set(revision=""), _image_set(IMAGES[:-4])])
def test_small_sets_and_sets_without_revision_leave_no_file(image_set, tmp_path):
    read = cached_pixels(image_set, SAME, tmp_path)
    assert np.array_equal(read, image_set.images.pixels.transpose(0, 3, 1, 2))
    assert list(tmp_path.iterdir()) == []


def _short(path):
    path.write_bytes(path.read_bytes()[:-1000])


def _empty(path):
    path.write_bytes(b"")


def _foreign(path):
    path.write_bytes(b"<html>" * 100)


def _other_count(path):
    np.save(path, np.zeros((7, 3, 5, 4), np.uint8))


def _other_type(path):
    np.save(path, np.zeros((len(IMAGES), 3, 5, 4), np.float32))


def _pickled(path):
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)


@pytest.mark.parametrize("damage", [_short, _empty, _foreign, _other_count, _other_type, _pickled])
def test_a_damaged_cache_file_is_built_again(damage, tmp_path):
    path = _path(tmp_path)
    cached_pixels(_image_set(), SAME, tmp_path)
    damage(path)
    again = cached_pixels(_image_set(), SAME, tmp_path)
    assert np.array_equal(again, IMAGES.transpose(0, 3, 1, 2))


def test_what_a_killed_run_left_is_overwritten(tmp_path):
    path = _path(tmp_path)
    path.parent.mkdir()
    path.with_suffix(".partial").write_bytes(b"half")
    assert np.array_equal(cached_pixels(_image_set(), SAME, tmp_path)[5, 0], IMAGES[5, :, :, 0])
    assert not path.with_suffix(".partial").exists()


def test_a_full_disk_is_told_and_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pixels_module.os, "fsync", full)
    with pytest.raises(BenchError, match="No space left on device"):
        cached_pixels(_image_set(), SAME, tmp_path)
    assert not list((tmp_path / "pixels").glob("*.npy"))
    assert not list((tmp_path / "pixels").glob("*.partial"))


def _disk(monkeypatch, size):
    """Make the disk of any folder as large as this, filled by what is in the folder."""
    usage = namedtuple("usage", "total used free")

    def measured(folder):
        used = sum(path.stat().st_size for path in folder.iterdir())
        return usage(size, used, max(0, size - used))

    monkeypatch.setattr(pixels_module.shutil, "disk_usage", measured)


def test_a_disk_without_room_is_told_with_both_sizes_before_anything_is_written(
    tmp_path, monkeypatch
):
    images = ArrayImages(np.broadcast_to(np.uint8(7), (CACHED_FROM, 100, 50, 3)))
    image_set = ImageSet(images, np.zeros(CACHED_FROM, np.int64), REVISION)
    _disk(monkeypatch, CACHED_FROM * 100 * 50 * 3 - 1_000_000)
    monkeypatch.setattr(pixels_module, "_write_header", lambda *_: pytest.fail("written"))
    with pytest.raises(BenchError) as caught:
        cached_pixels(image_set, SAME, tmp_path)
    assert "2,000 decoded images need 30.0 MB" in str(caught.value)
    assert f"in {tmp_path / 'pixels'}, where 29.0 MB are free" in str(caught.value)
    assert "BENCH_CACHE" in str(caught.value)
    assert not [path for path in (tmp_path / "pixels").iterdir() if path.suffix != ".lock"]


def test_a_disk_with_just_enough_room_will_do_and_what_a_killed_run_left_is_room(
    tmp_path, monkeypatch
):
    path = _path(tmp_path)
    path.parent.mkdir()
    path.with_suffix(".partial").write_bytes(bytes(IMAGES.nbytes // 2))
    _disk(monkeypatch, IMAGES.nbytes)
    assert cached_pixels(_image_set(), SAME, tmp_path).shape == (len(IMAGES), 3, 5, 4)


class _Drawn:
    """Images that take no memory until they are decoded."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def decode(self, index):
        return np.full((32, 32, 3), index % 256, np.uint8)

    def original(self, index):
        return None


def test_building_the_cache_of_more_images_takes_no_more_memory(tmp_path):
    def most(count):
        image_set = ImageSet(_Drawn(count), np.zeros(count, np.int64), f"{count:064d}")
        tracemalloc.start()
        try:
            cached_pixels(image_set, SAME, tmp_path / str(count))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = CACHED_FROM, 4 * CACHED_FROM
    assert most(many) - most(few) < (many - few) * 32 * 32 * 3 / 4


def test_a_cache_that_is_no_folder_is_told(tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(BenchError, match="choose another cache folder"):
        cached_pixels(_image_set(), SAME, tmp_path / "cache")


def test_an_image_that_cannot_be_read_is_named_and_nothing_is_kept(tmp_path):
    names = tuple(f"{k}.png" for k in range(CACHED_FROM))
    missing = ImageSet(FileImages(tmp_path, names), np.zeros(CACHED_FROM, np.int64), REVISION)
    with pytest.raises(BenchError, match=r"0\.png cannot be read"):
        cached_pixels(missing, SAME, tmp_path / "cache")
    assert not list((tmp_path / "cache" / "pixels").glob("*.npy"))


ANOTHER_PROCESS = """
import pathlib, sys
import numpy as np
from bench.data.pixels import cached_pixels
from bench.data.prefix import Prefix
from bench.images import ArrayImages
from bench.sets import ImageSet
images = np.load(sys.argv[1])
image_set = ImageSet(ArrayImages(images), np.zeros(len(images), np.int64), "ab" * 32)
sys.stdin.readline()
print(int(cached_pixels(image_set, Prefix(7, 7), pathlib.Path(sys.argv[2])).sum(dtype=np.int64)))
"""


def test_processes_that_start_together_all_get_the_whole_array(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    command = [sys.executable, "-c", ANOTHER_PROCESS, tmp_path / "images.npy", tmp_path / "cache"]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    expected = int(read_pixels(ArrayImages(IMAGES), Prefix(7, 7)).sum(dtype=np.int64))
    assert [worker.communicate(timeout=120)[0] for worker in workers] == [f"{expected}\n"] * 3

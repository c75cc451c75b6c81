"""The memory of a process as it runs, and the set that it is measured on."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from bench.data import open_real_set
from bench.errors import BenchError
from benchmarks import flat_memory

LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc is Linux's")
MEGABYTE = 2**20


def running(program: str) -> flat_memory.Peak:
    return flat_memory.watched([sys.executable, "-c", program], {})


def test_the_set_has_the_classes_and_images_that_were_asked_for(tmp_path):
    flat_memory.write_set(tmp_path / "set", classes=3, train=4, side=32)
    real = open_real_set(f"many=folder:{tmp_path / 'set'}", data_root=None, cache=tmp_path / "c")
    assert real.card.class_sizes == (4, 4, 4)
    assert len(real.test) == 3 * flat_memory.TESTS
    pixels = [real.train.images.decode(index) for index in range(12)]
    assert {image.shape for image in pixels} == {(32, 32, 3)}
    assert len({image.tobytes() for image in pixels}) == 12


@LINUX
def test_what_a_process_allocates_is_its_own_memory():
    little = running("import time; time.sleep(0.5)")
    much = running("import time; held = bytearray(b'x') * (64 * 2**20); time.sleep(0.5)")
    assert much.anonymous - little.anonymous == pytest.approx(64 * MEGABYTE, rel=0.05)
    assert much.seconds >= 0.5


@LINUX
def test_what_a_process_maps_is_not_its_own_memory(tmp_path):
    np.save(tmp_path / "much.npy", np.ones(64 * MEGABYTE, np.uint8))
    read = "import sys, time, mmap\nfile = open(sys.argv[1], 'rb')\n"
    read += "held = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)\n"
    read += "sum(held[i] for i in range(0, len(held), 4096)); time.sleep(0.5)"
    peak = flat_memory.watched([sys.executable, "-c", read, str(tmp_path / "much.npy")], {})
    assert peak.mapped >= 60 * MEGABYTE
    assert peak.anonymous < 40 * MEGABYTE


def test_a_run_that_fails_says_what_it_said():
    with pytest.raises(BenchError, match=r"ended with 3: nothing works"):
        running("import sys; print('nothing works'); sys.exit(3)")

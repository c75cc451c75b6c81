"""What tests of more than one room share: a tiny set on disk and the command line in-process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

os.environ["OMP_NUM_THREADS"] = "1"  # tiny networks: more threads only wait for each other

CLASSES = ("ant", "bee", "cat")


def write_tiny_set(root: Path, train: int = 6, test: int = 4, pixels: int = 16) -> Path:
    """Write an image folder of three classes that differ in colour."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("val", test)):
        for label, name in enumerate(CLASSES):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                image = rng.integers(0, 120, (pixels, pixels, 3), dtype=np.uint8)
                image[..., label] += 120
                Image.fromarray(image).save(folder / f"{number}.png")
    return root


@dataclass(frozen=True)
class Answer:
    """What a command has printed and returned."""

    status: int
    out: str
    err: str


@pytest.fixture
def tiny_set(tmp_path: Path) -> Path:
    return write_tiny_set(tmp_path / "tiny")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a cache of its own, and no data root."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("BENCH_CACHE", str(cache))
    monkeypatch.delenv("BENCH_DATA", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    return cache


@pytest.fixture
def bench(capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Return the command line, called in this process."""
    from bench.cli import status_of

    def call(*arguments: object) -> Answer:
        capfd.readouterr()
        status = status_of([str(argument) for argument in arguments])
        return Answer(status, *capfd.readouterr())

    return call


@pytest.fixture(scope="session")
def python_of() -> Callable[[str], list[str]]:
    """Return the lines of Python that a page of the documentation has, block by block."""

    def blocks(page: str) -> list[str]:
        text = (Path(__file__).parent.parent / "docs" / page).read_text(encoding="utf-8")
        return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)

    return blocks


@pytest.fixture
def tiny_run(tiny_set: Path) -> list[str]:
    """Return the arguments of a run that takes about a second."""
    return [
        "run",
        "--datasets",
        f"tiny=folder:{tiny_set}",
        "--ipc",
        "1,2",
        "--protocols",
        "hard[epochs=2,resolution=16,evaluations=2]",
        "--students",
        "convnet2[width=4]",
        "--seeds",
        "2",
        "--repeats",
        "1",
        "--methods",
        "random,first",
    ]


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Return the command line, started in a process of its own."""
    # Tests that are started in the background of a shell ignore Ctrl-C, and so would the process.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heeding}; from bench.cli import main; main()"]

    def begin(*arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, *map(str, arguments)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin

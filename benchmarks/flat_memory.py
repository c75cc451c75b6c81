"""Print the memory of a soft training at two sizes of a set of many classes: it should be flat.

    python -m benchmarks.flat_memory [--classes 1000] [--ipc 10,100] [--side 64] [--work FOLDER]

A folder set of smooth noise is written as JPEG, as many images a class as the largest IPC and two
to test on. Teacher and student are tiny, so that what grows is what is kept of the images. Every
IPC runs in a process of its own, once teacher and test images are in the cache; its memory is read
from /proc as it runs, which only Linux has. 1000 classes at IPC 100 take about 2 GB of disk.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench.errors import BenchError
from benchmarks.conditions import conditions
from benchmarks.table import markdown

BENCH = (sys.executable, "-c", "from bench.cli import main; main()")
NETWORK = "convnet2[width=4]"
PROTOCOL = (
    f"soft[epochs=1,evaluations=1,batch=100,teacher=trained[network={NETWORK},epochs=1,members=1]]"
)
TESTS = 2
"""Test images of every class."""
EVERY = 0.05
"""Seconds between two looks at a process."""
PARTS = ("RssAnon", "RssFile")
"""What a process has allocated, and what of mapped files lies in memory while there is room."""


@dataclass(frozen=True)
class Peak:
    """The most that one process has held."""

    anonymous: int
    """Bytes of its own: `RssAnon`."""
    mapped: int
    """Bytes of files: `RssFile`. The system takes them back when it needs the room."""
    seconds: float


def write_set(root: Path, classes: int, train: int, side: int) -> None:
    """Write `train` and `TESTS` images of every class below `root`, JPEG of `side` pixels."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("val", TESTS)):
        for number in range(classes):
            folder = root / split / f"class{number:04d}"
            folder.mkdir(parents=True)
            for index in range(count):
                _smooth(rng, side).save(folder / f"{index:04d}.jpg", quality=85)


def _smooth(rng: np.random.Generator, side: int) -> Image.Image:
    coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def watched(command: Sequence[str], environment: Mapping[str, str]) -> Peak:
    """Run a command to its end and return what it held at most; BenchError if it fails."""
    started, most = time.perf_counter(), dict.fromkeys(PARTS, 0)
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=said, stderr=said
        ) as process,
    ):
        while process.poll() is None:
            for part, held in _held(process.pid).items():
                most[part] = max(most[part], held)
            time.sleep(EVERY)
        seconds = time.perf_counter() - started
        if process.returncode:
            said.seek(0)
            words = said.read().decode(errors="replace").strip()[-2000:]
            raise BenchError(f"{' '.join(command[3:])} ended with {process.returncode}: {words}")
    return Peak(most["RssAnon"], most["RssFile"], seconds)


def _held(process: int) -> dict[str, int]:
    """Return the bytes of every part; nothing of a process that has just ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    found = dict(line.split(":", 1) for line in lines)
    return {part: int(found[part].split()[0]) * 1024 for part in PARTS if part in found}


def measure(work: Path, ipc: int, label: str = "") -> Peak:
    """Run one soft evaluation of the first `ipc` images of every class of `work / "set"`."""
    options = {
        "--methods": "first",
        "--datasets": f"many=folder:{work / 'set'}",
        "--ipc": str(ipc),
        "--protocols": PROTOCOL,
        "--students": NETWORK,
        "--seeds": "1",
        "--repeats": "1",
        "--compile": "never",
        "--out": str(work / f"run-{label or ipc}"),
    }
    flags = ("--yes", "--no-control", "--offline")
    command = (*BENCH, "run", *(word for pair in options.items() for word in pair), *flags)
    return watched(command, {"BENCH_CACHE": str(work / "cache")})


def stored(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def figures(work: Path, classes: int, sizes: Sequence[int], side: int) -> list[dict[str, str]]:
    """Return a row for every IPC; the first run of all only fills the cache."""
    write_set(work / "set", classes, max(sizes), side)
    measure(work, 1, "prepared")
    rows = []
    for ipc in sizes:
        before = stored(work / "cache")
        peak = measure(work, ipc)
        rows.append(
            {
                "IPC": str(ipc),
                "images": f"{classes * ipc:,}",
                "decoded, MB": _megabytes(classes * ipc * 3 * side**2),
                "own memory at most, MB": _megabytes(peak.anonymous),
                "mapped files at most, MB": _megabytes(peak.mapped),
                "added to the cache, MB": _megabytes(stored(work / "cache") - before),
                "distilled set, MB": _megabytes(stored(work / f"run-{ipc}" / "distilled")),
                "seconds": f"{peak.seconds:.0f}",
            }
        )
    return rows


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and return the exit status."""
    parser = argparse.ArgumentParser("benchmarks.flat_memory", description="Memory by set size.")
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--ipc", default="10,100", help="images per class, ascending")
    parser.add_argument("--side", type=int, default=64, help="pixels per side")
    parser.add_argument("--work", type=Path, help="an empty folder; else a temporary one")
    asked = parser.parse_args(arguments)
    if not Path("/proc/self/status").exists():
        parser.error("the memory of a process is read from /proc, which only Linux has.")
    sizes = [int(part) for part in asked.ipc.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        work = asked.work or Path(temporary)
        try:
            rows = figures(work, asked.classes, sizes, asked.side)
        except (BenchError, OSError) as error:
            parser.error(str(error))
    lines = [*conditions(torch.device("cpu")), f"- {asked.classes} classes of {asked.side} px"]
    print("\n".join([*lines, "", *markdown(rows)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

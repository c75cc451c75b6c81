"""Measure speed as ratios to a calibration kernel, and compare them with a file.

    python -m benchmarks.baseline [-o FILE | --check FILE] [--items NAME,...] [--seconds 12]

`-o` writes what was measured; `--check` compares with a file of any machine that has the same kind
of device and number of threads. Exit status 1: something is slower, beyond spread and tolerance.
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch

from bench.errors import BenchError
from bench.provenance import commit_of_project, device_name
from bench.runner import device as device_of
from benchmarks.baseline_file import (
    VERSION,
    Baseline,
    Conditions,
    Kernel,
    Line,
    compared,
    prepare,
    read,
    require_alike,
    write,
)
from benchmarks.calibration import REVISION, Measured, kernel_seconds, ratio
from benchmarks.items import ITEMS, context
from benchmarks.table import markdown

TOLERANCE = 1.5
"""Assumed, UNVERIFIED: caches, vector units and what else differs between machines move a ratio by
1.2 to 1.4."""
SECONDS = 12.0


def conditions(device: torch.device) -> Conditions:
    """Return where is measured now."""
    commit, dirty = commit_of_project()
    return Conditions(
        device_name(device),
        torch.get_num_threads(),
        str(torch.__version__),
        platform.python_version(),
        f"{commit[:7] or 'unknown'}{' with changes' if dirty else ''}",
    )


def measure(names: Sequence[str], device: torch.device, seconds: float) -> Baseline:
    """Return the named items as they are here, over about `seconds` each."""
    items = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            print(name, file=sys.stderr, flush=True)
            work = ITEMS[name](context(device, Path(folder)))
            items[name] = ratio(work, device, seconds)
    kernel = Kernel(REVISION, kernel_seconds(device, min(1.0, seconds)))
    return Baseline(VERSION, kernel, conditions(device), items)


def page(measured: Baseline, table: Sequence[dict[str, str]]) -> list[str]:
    """Return conditions and a table as Markdown lines."""
    where, kernel = measured.conditions, measured.kernel
    return [
        f"- device: {where.device}, {where.threads} threads",
        f"- torch {where.torch}, Python {where.python}, commit {where.commit}",
        f"- kernel: {1e3 * kernel.seconds:.3g} ms, revision {kernel.revision}",
        "",
        *markdown(table),
    ]


def rows(measured: Baseline) -> list[dict[str, str]]:
    """Return what was measured, item by item."""
    return [
        {
            "item": name,
            "ms": f"{1e3 * found.seconds:,.3g}",
            "times the kernel": _times(found),
            "pairs": str(found.pairs),
        }
        for name, found in measured.items.items()
    ]


def compared_rows(lines: Sequence[Line]) -> list[dict[str, str]]:
    """Return a comparison, item by item."""
    return [
        {
            "item": line.name,
            "in the file": _times(line.before),
            "now": _times(line.now),
            "verdict": _told(line),
        }
        for line in lines
    ]


def _times(found: Measured | None) -> str:
    """Return the ratio with its quartiles, such as "19.7 (19.2 to 20.4)"."""
    if found is None:
        return "-"
    return f"{found.ratio:.3g} ({found.low:.3g} to {found.high:.3g})"


def _told(line: Line) -> str:
    if line.before is None:
        return f"{line.verdict}: new"
    if line.now is None:
        return f"{line.verdict}: gone"
    if line.verdict == "not comparable":
        return f"{line.verdict}: another revision of the kernel"
    return f"{line.verdict} ({line.now.ratio / line.before.ratio:.2f} times)"


def chosen(text: str | None) -> list[str]:
    """Return the names of a request, all for None; ValueError for one that is not known."""
    names = list(ITEMS) if text is None else text.split(",")
    for name in names:
        if name not in ITEMS:
            raise ValueError(f"`--items` must be among {', '.join(ITEMS)}, got {name!r}.")
    return names


def _finite(**options: float) -> None:
    for name, number in options.items():
        if not 0 <= number < math.inf:
            raise ValueError(f"`--{name}` must be finite and not below 0, got {number}.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 if something is slower than in the file, else 0."""
    parser = argparse.ArgumentParser("benchmarks.baseline", description=__doc__.split("\n")[0])
    either = parser.add_mutually_exclusive_group()
    either.add_argument("-o", "--output", type=Path, help="write what was measured to this file")
    either.add_argument("--check", type=Path, metavar="FILE", help="compare with this file")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="factor let pass")
    parser.add_argument("--items", help=f"some of {', '.join(ITEMS)}")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for each item")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:<number>")
    asked = parser.parse_args(arguments)
    try:
        names, device = chosen(asked.items), device_of(asked.device)
        _finite(tolerance=asked.tolerance, seconds=asked.seconds)
        if asked.check is not None:
            return _check(asked.check, names, device, asked)
        if asked.output is not None:
            prepare(asked.output)
        measured = measure(names, device, asked.seconds)
        print("\n".join(page(measured, rows(measured))))
        if asked.output is not None:
            write(measured, asked.output)
    except (BenchError, ValueError) as error:
        parser.error(str(error))
    return 0


def _check(
    path: Path, names: Sequence[str], device: torch.device, asked: argparse.Namespace
) -> int:
    before = read(path)
    require_alike(before.conditions, conditions(device))
    if asked.items is not None:
        kept = {name: found for name, found in before.items.items() if name in names}
        before = msgspec.structs.replace(before, items=kept)
    now = measure(names, device, asked.seconds)
    lines = compared(before, now, asked.tolerance)
    print("\n".join(page(now, compared_rows(lines))))
    return int(any(line.verdict == "slower" for line in lines))


if __name__ == "__main__":
    sys.exit(main())

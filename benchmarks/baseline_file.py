"""A speed baseline as a file, and what a later measurement says beside it."""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from bench.errors import BenchError, UsageError
from benchmarks.calibration import Measured

VERSION = 1
DIGITS = 4

Verdict = Literal["slower", "faster", "as before", "not comparable"]


class Kernel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The calibration kernel that ratios are to."""

    revision: int
    seconds: float


class Conditions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a baseline was measured."""

    device: str
    """In words, such as "cpu (x86_64)"; its kind is the first of them."""
    threads: int
    torch: str
    python: str
    commit: str


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured."""

    version: int
    kernel: Kernel
    conditions: Conditions
    items: dict[str, Measured]


@dataclass(frozen=True)
class Line:
    """One item then and now; None where it is missing."""

    name: str
    before: Measured | None
    now: Measured | None
    verdict: Verdict


def read(path: Path) -> Baseline:
    """Return the baseline of a file; BenchError if there is none or it is of another form."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Baseline)
    except OSError as error:
        raise BenchError(
            f"{path} cannot be read ({error.strerror}): write it with `-o {path}` first."
        ) from error
    except msgspec.MsgspecError as error:
        raise BenchError(
            f"{path} is no speed baseline ({error}): write it anew with `-o {path}`."
        ) from error
    if found.version != VERSION:
        raise BenchError(
            f"{path} has version {found.version}, expected {VERSION}: write it anew with `-o "
            f"{path}`."
        )
    return found


def prepare(path: Path) -> None:
    """Make the folder of a file that is yet to be measured; BenchError if that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as error:
        raise _unwritable(path, error) from error


def write(baseline: Baseline, path: Path) -> None:
    """Write a file whose names are sorted and whose numbers have four digits.

    BenchError if it cannot be written.
    """
    rounded = msgspec.structs.replace(
        baseline,
        kernel=Kernel(baseline.kernel.revision, _digits(baseline.kernel.seconds)),
        items={name: _rounded(found) for name, found in baseline.items.items()},
    )
    raw = msgspec.json.encode(rounded, order="sorted")
    prepare(path)
    try:
        path.write_bytes(msgspec.json.format(raw, indent=2) + b"\n")
    except OSError as error:
        raise _unwritable(path, error) from error


def compared(before: Baseline, now: Baseline, tolerance: float) -> list[Line]:
    """Return every item of either, by name.

    Slower is what exceeds the tolerance even from the upper quartile then to the lower one now;
    faster the other way round. Ratios to different kernels are not compared.
    """
    same_kernel = before.kernel.revision == now.kernel.revision
    lines = []
    for name in sorted(before.items.keys() | now.items.keys()):
        old, new = before.items.get(name), now.items.get(name)
        verdict: Verdict = "not comparable"
        if old is not None and new is not None and same_kernel:
            verdict = _verdict(old, new, tolerance)
        lines.append(Line(name, old, new, verdict))
    return lines


def require_alike(before: Conditions, now: Conditions) -> None:
    """Raise UsageError where the kind of device or the threads make ratios incomparable."""
    kinds = [conditions.device.partition(" ")[0] for conditions in (before, now)]
    if kinds[0] != kinds[1]:
        raise UsageError(
            f"The file was measured on {before.device}, and this is {now.device}: ratios are "
            f"comparable on one kind of device only, so pass `--device {kinds[0]}`."
        )
    if before.threads != now.threads:
        raise UsageError(
            f"The file was measured with {before.threads} threads, this is with {now.threads}: set "
            f"OMP_NUM_THREADS={before.threads}, because not all work is shared among threads."
        )


def _verdict(before: Measured, now: Measured, tolerance: float) -> Verdict:
    if now.low > tolerance * before.high:
        return "slower"
    return "faster" if before.low > tolerance * now.high else "as before"


def _rounded(found: Measured) -> Measured:
    return Measured(
        seconds=_digits(found.seconds),
        ratio=_digits(found.ratio),
        low=_digits(found.low),
        high=_digits(found.high),
        pairs=found.pairs,
    )


def _unwritable(path: Path, error: OSError) -> BenchError:
    return BenchError(f"{path} cannot be written ({error.strerror}): name another file with `-o`.")


def _digits(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")

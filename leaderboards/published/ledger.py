"""The ledger: what papers have printed, row by row, and what can be said beside it.

The rows stand in `leaderboards/published/results.csv`, as they were taken; what they mean is the
matter of `recipes` and `conditions` beside this file.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import msgspec

from bench.errors import BenchError

PATH = Path(__file__).parent / "results.csv"

Protocol = Literal["hard", "soft", "none"]
"""One-hot labels, a teacher's labels, or neither stated nor needed."""

Verified = Literal["read", "secondary"]
"""Seen in the source itself, or in a summary or quotation of it."""

Verdict = Literal["reproduced", "not reproduced", "not comparable"]

Basis = Literal["read", "derived", ""]
"""A recipe was read in the source or its code, or follows from what is cited; "" without one."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """One printed number: the twelve columns of the ledger, and where it stands there."""

    line: int
    """Of the file, for messages."""
    decimals: int
    """Decimals that were printed of the value."""
    method: str
    dataset: str
    ipc: int | None
    """None for full data, and where the source does not say."""
    protocol: Protocol
    student: str
    metric: str
    value: float
    """In percent for accuracies, else in the units of the source."""
    std: float | None
    """As printed; None if it was not."""
    backbone: str
    """The generator behind the images."""
    source: str
    """Of the paper that prints the number, which may quote another one."""
    locator: str
    verified: Verified


COLUMNS = Published.__struct_fields__[2:]


@dataclass(frozen=True)
class Quote:
    """A published number beside a measured one, and what can be said of the two."""

    row: Published
    recipe: str
    """Head of a protocol's identity, such as "hard/minimax"; "" where the source does not say."""
    basis: Basis
    verdict: Verdict
    difference: float | None
    """Measured minus published."""
    half: float | None
    """Half width of the joint interval."""
    reasons: tuple[str, ...]
    """Known differences, or why it is not comparable; sentences without full stop."""


def read(path: Path | None = None) -> tuple[Published, ...]:
    """Return all rows of a ledger, without a path of the project's own.

    BenchError names the line and the column of whatever is not as the columns ask for.
    """
    path = path or PATH
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_rows(path, csv.reader(file, strict=True)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BenchError(f"{path} cannot be read ({error}): restore it.") from error


def _rows(path: Path, lines: Iterator[list[str]]) -> Iterator[Published]:
    header = tuple(next(lines, []))
    if header != COLUMNS:
        raise BenchError(
            f"{path}, line 1: expected the columns {','.join(COLUMNS)}, got "
            f"{','.join(header)!r}: restore the header."
        )
    for number, cells in enumerate(lines, start=2):
        if len(cells) != len(COLUMNS):
            raise BenchError(
                f"{path}, line {number}: expected {len(COLUMNS)} columns, got {len(cells)}: mend "
                "the line."
            )
        yield _row(f"{path}, line {number}", number, dict(zip(COLUMNS, cells, strict=True)))


def _row(where: str, line: int, cells: dict[str, str]) -> Published:
    for name, known in (("protocol", Protocol), ("verified", Verified)):
        if cells[name] not in get_args(known):
            raise _wrong(where, name, f"one of {', '.join(get_args(known))}", cells[name])
    if cells["ipc"] and not (cells["ipc"].isascii() and cells["ipc"].isdigit()):
        raise _wrong(where, "ipc", "a whole number or empty", cells["ipc"])
    numbers = {
        "ipc": int(cells["ipc"]) if cells["ipc"] else None,
        "value": _number(where, "value", cells["value"]),
        "std": _number(where, "std", cells["std"]) if cells["std"] else None,
    }
    decimals = len(cells["value"].partition(".")[2])
    return msgspec.convert({**cells, **numbers, "line": line, "decimals": decimals}, Published)


def _number(where: str, name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _wrong(where, name, "a number", text)
    return number


def _wrong(where: str, name: str, expected: str, got: str) -> BenchError:
    return BenchError(f"{where}: `{name}` must be {expected}, got {got!r}: mend the line.")

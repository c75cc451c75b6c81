"""Baselines: what a run has reached, in one small file that later runs are held against."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import msgspec

from bench.errors import BenchError, UsageError
from bench.records import Record, encode
from bench.versioned import read_versioned
from leaderboards.gate.cells import Held, artefacts_of, cells_of
from leaderboards.table import latest

__all__ = ["Baseline", "Machine", "Provenance", "encode", "from_records", "machine_of", "read"]

VERSION = 1
"""Raised whenever a reader of the old form could misread the new one."""

LEVEL, MARGIN, RELATIVE_MARGIN, AGAINST = 0.05, 2.0, 0.05, 5.0


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """What equal requests need to give equal bits."""

    device: str
    threads: int
    python: str
    platform: str
    packages: dict[str, str]
    """Without the version of this project."""


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the values came about; the commits are those the records name."""

    command: str
    commit: str
    dirty: bool
    date: str
    machines: tuple[Machine, ...]


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What later runs are held against, and how strictly."""

    version: int = VERSION
    level: float
    """Probability of a false alarm at a drop of exactly the margin."""
    margin: float
    """Drop in points that is within what training anew does."""
    relative_margin: float
    """The same for scores that are no percentages, as a share of the baseline's mean."""
    against: float
    """Drop in points that the stated power is of."""
    suite: str = ""
    provenance: Provenance
    artefacts: tuple[str, ...] = ()
    """Identities of what methods and protocols had built: teachers, statistics, features."""
    cells: tuple[Held, ...]


def from_records(
    records: Iterable[Record],
    *,
    level: float = LEVEL,
    margin: float = MARGIN,
    relative_margin: float = RELATIVE_MARGIN,
    against: float = AGAINST,
    suite: str = "",
) -> Baseline:
    """Return the baseline of a run; UsageError for a level, margin or drop that means nothing.

    BenchError if there is no evaluation, or if two records give one cell the same seeds.
    """
    if not 0 < level < 0.5:
        raise UsageError(f"The level must lie between 0 and 0.5, got {level}.")
    for number in (margin, relative_margin):
        if not 0 <= number < math.inf:
            raise UsageError(f"Margins must be finite and not below 0, got {number}.")
    if not margin < against < math.inf:
        raise UsageError(
            f"The drop to find must be finite and larger than the margin {margin}, got {against}."
        )
    records = latest(records)
    cells = cells_of(records)
    if not cells:
        raise BenchError("There are no evaluated records yet: run `bench run` first.")
    return Baseline(
        level=level,
        margin=margin,
        relative_margin=relative_margin,
        against=against,
        suite=suite,
        provenance=_provenance(records),
        artefacts=artefacts_of(records, cells),
        cells=cells,
    )


def machine_of(record: Record) -> Machine:
    """Return the machine that a record was made on."""
    made = record.provenance
    packages = {k: v for k, v in made.packages.items() if k != "distillation-bench"}
    return Machine(made.device, made.threads, made.python, made.platform, packages)


def read(path: Path) -> Baseline:
    """Return the baseline in a file; UsageError if it is none or of a newer version."""
    return read_versioned(
        path,
        Baseline,
        newest=VERSION,
        called="baseline",
        mend="name a file that `bench baseline` has written",
        error=UsageError,
    )


def _provenance(records: list[Record]) -> Provenance:
    made = [record.provenance for record in records]
    machines = {encode(machine): machine for machine in map(machine_of, records)}
    return Provenance(
        command=_joined(one.command for one in made),
        commit=_joined(one.commit for one in made),
        dirty=any(one.dirty for one in made),
        date=max(one.started for one in made)[:10],
        machines=tuple(machines[key] for key in sorted(machines)),
    )


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(sorted({part for part in parts if part}))

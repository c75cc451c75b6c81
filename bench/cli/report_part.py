"""The part of a run that `bench report` is asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from bench.errors import unknown_name

if TYPE_CHECKING:
    from bench.records import Failure, Record
    from reports.material import Selection


def records_of(
    every: list[Record], datasets: Sequence[str] | None, ipcs: Sequence[int] | None
) -> tuple[list[Record], Selection | None]:
    """Return the records that are asked for, and what that leaves out, if anything.

    UsageError for a set or size that was not run.
    """
    from leaderboards.headings import natural
    from reports.material import Selection

    names = {record.data.name for record in every}
    _check("dataset", datasets or (), names)
    shown = names if datasets is None else names & set(datasets)
    of_sets = [record for record in every if record.data.name in shown]
    sizes = {record.ipc for record in of_sets if record.ipc is not None}
    _check("IPC", [str(size) for size in ipcs or ()], {str(size) for size in sizes})
    kept = sizes if ipcs is None else sizes & set(ipcs)
    records = [record for record in of_sets if record.ipc is None or record.ipc in kept]
    if shown == names and kept == sizes:
        return records, None
    there, others = (tuple(sorted(some, key=natural)) for some in (shown, names - shown))
    return records, Selection(there, others, tuple(sorted(kept)), tuple(sorted(sizes - kept)))


def failures_of(
    failures: list[Failure], datasets: Sequence[str] | None, ipcs: Sequence[int] | None
) -> list[Failure]:
    """Return the failures of these sets and sizes."""
    if datasets is not None:
        failures = _of(failures, datasets)
    if ipcs is not None:
        failures = _of(failures, ["whole set", *(f"IPC {size}" for size in ipcs)])
    return failures


def _check(kind: str, names: Sequence[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise unknown_name(kind, name, known)


def _of(failures: list[Failure], wanted: Collection[str]) -> list[Failure]:
    """Return the failures whose unit, in words, names one of the sets or sizes."""
    return [one for one in failures if not set(one.unit.split(", ")).isdisjoint(wanted)]

"""Which units of a run have failed, for good or at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.records import Failure
    from reports.material import Material


def still_failed(material: Material) -> list[Failure]:
    """Return the last failure of every unit that has no record."""
    done = {record.key for record in material.evidence.records}
    last: dict[str, Failure] = {}
    for failure in material.failures:
        old = last.get(failure.key)
        if failure.key not in done and (old is None or old.attempt < failure.attempt):
            last[failure.key] = failure
    return list(last.values())


def retried(material: Material) -> int:
    """Return how many units with a record have failed before."""
    done = {record.key for record in material.evidence.records}
    return len(done & {failure.key for failure in material.failures})

"""What the boards of a report say, by rules over ties, intervals and counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reports.words import findings_ranks, findings_rest
from reports.words.finding import Finding

if TYPE_CHECKING:
    from reports.material import Material

SHOWN = 8
"""Findings that are read at once; the others are folded away."""


def findings(material: Material) -> tuple[Finding, ...]:
    """Return all findings, in the order of the page: at most `SHOWN`, then the further ones."""
    found = list(_found(material))
    first = [finding for finding in found if not finding.further]
    shown, rest = first[:SHOWN], first[SHOWN:]
    folded = [*rest, *(finding for finding in found if finding.further)]
    return (*shown, *(dataclasses.replace(finding, further=True) for finding in folded))


def _found(material: Material) -> Iterator[Finding]:
    """Yield what is said of ranks before what is said of all else."""
    yield from findings_ranks.findings(material)
    yield from findings_rest.findings(material)

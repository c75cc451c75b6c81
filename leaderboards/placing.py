"""The ranks of one column: what its cells say about each other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """What has to be said of a ranked column."""

    tested: int
    """Methods; 0: nothing is ranked."""
    blocks: int
    kind: str
    """"sets", "students" or ""."""
    resolvable: float | None
    """The smallest difference that is found with a power of 80%, in the unit of the score."""
    left_out: tuple[int, ...]
    """Positions of the cells without two blocks."""

"""What papers have printed, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

Verdict = Literal["reproduced", "not reproduced", "not comparable"]


class Published(msgspec.Struct, frozen=True):
    """One printed number: the twelve columns of the ledger."""

    line: int
    """Of the file, for messages."""
    method: str
    dataset: str
    ipc: int | None
    protocol: str
    student: str
    metric: str
    value: float
    std: float | None
    backbone: str
    source: str
    locator: str
    verified: str


@dataclass(frozen=True)
class Quote:
    """A published number beside a measured one, and what can be said of the two."""

    row: Published
    recipe: str
    """Head of a protocol's identity, such as "hard/minimax"; "" where the source does not say."""
    basis: Literal["read", "derived", ""]
    verdict: Verdict
    difference: float | None
    """Measured minus published."""
    half: float | None
    """Half width of the joint interval."""
    reasons: tuple[str, ...]
    """Known differences, or why it is not comparable; sentences without full stop."""

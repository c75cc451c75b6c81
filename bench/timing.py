"""How long units take: their shapes, the time left, and lengths of time in words."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.plan import Unit

Shape = tuple[str, tuple[str, str, str], int | None, str]
"""Units of one shape take about as long as each other."""


def shape_of(unit: Unit) -> Shape:
    """Return the shape of a unit: kind, affinity, IPC, and the method while distilling."""
    method = unit.method.label if unit.kind == "distillation" else ""
    return (unit.kind, unit.affinity, unit.ipc, method)


@dataclass
class TimeLeft:
    """Estimates the time left from what units of the same shape have taken."""

    estimates: Mapping[Shape, float] = field(default_factory=dict)
    """Seconds a unit of a shape is expected to take; the first measured time replaces it."""
    _pending: dict[str, Shape] = field(default_factory=dict)
    _measured: dict[Shape, list[float]] = field(default_factory=lambda: defaultdict(list))
    _started: float = 0.0

    def begin(self, pending: Sequence[Unit]) -> None:
        """Take the units that are to do."""
        self._pending = {unit.key: shape_of(unit) for unit in pending}

    def started(self) -> None:
        """Start the clock of a unit."""
        self._started = time.perf_counter()

    def finished(self, unit: Unit) -> float:
        """Stop the clock of a unit and return its seconds."""
        seconds = time.perf_counter() - self._started
        self._measured[shape_of(unit)].append(seconds)
        self._pending.pop(unit.key, None)
        return seconds

    def seconds(self) -> float:
        """Return the time left for all pending units, the current one counted as untouched."""
        return sum(self._of_shape(shape) for shape in self._pending.values())

    def _of_shape(self, shape: Shape) -> float:
        times = self._measured.get(shape)
        return sum(times) / len(times) if times else self.estimates.get(shape, 0.0)


def duration(seconds: float) -> str:
    """Return a length of time in words, such as "45 s", "12 min" or "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 9.5 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

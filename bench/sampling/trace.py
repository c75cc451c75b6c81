"""How strongly guidance acts: the size of every change, step by step.

A hyperparameter that does nothing shows in it, and so does one that overrides the generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from bench.sampling.hook import Delta, Step
    from bench.sampling.schedule import Schedule

CHANGES = ("noise", "clean", "mean", "x")
"""The fields of a delta that change something."""
STEP_NOISE, TIMESTEP = "step noise", "t"
"""Names of the series that every guided set has: size of the sampler's own noise, timestep."""

Series = dict[str, dict[int, Tensor]]
"""Name to step, counted from the first one, to one number per image on the device."""


class Trace:
    """The sizes of all changes of one batch; nothing is read back before its end."""

    def __init__(self, schedule: Schedule, rows: int) -> None:
        """Take the schedule and how many rows are images."""
        self.schedule, self.rows = schedule, rows
        self._norms: Series = {STEP_NOISE: {}}
        self._values: Series = {}

    def note(self, step: Step, delta: Delta | None) -> None:
        """Note one step; of one that is repeated, the last attempt counts."""
        place = len(self.schedule) - 1 - step.level.i
        for series in chain(self._norms.values(), self._values.values()):
            series.pop(place, None)
        if step.noise is not None:
            self._norms[STEP_NOISE][place] = self._norm(step.sigma * step.noise)
        if delta is None:
            return
        for name, change in changes_of(delta):
            self._norms.setdefault(name, {})[place] = self._norm(change)
        for name, value in delta.values.items():
            self._values.setdefault(name, {})[place] = value[: self.rows].detach().float()

    def norms(self) -> dict[str, Tensor]:
        """Return L2 norms by name, `[N, images]`, first step first; 0 where nothing was added.

        Also the step noise's norm and the original timestep. The result is on the CPU.
        """
        times = [float(level.t) for level in reversed(self.schedule.levels)]
        return {
            TIMESTEP: torch.tensor(times)[:, None].expand(-1, self.rows),
            **self._read(self._norms, 0.0),
        }

    def values(self) -> dict[str, Tensor]:
        """Return values by name, as `norms` does; NaN where there was none."""
        return self._read(self._values, math.nan)

    def _norm(self, tensor: Tensor) -> Tensor:
        rows = tensor[: self.rows].detach().flatten(1).float()
        norms: Tensor = torch.linalg.vector_norm(rows, dim=1)
        return norms

    def _read(self, names: Series, absent: float) -> dict[str, Tensor]:
        held = [vector for series in names.values() for vector in series.values()]
        found = iter(torch.stack(held).cpu() if held else ())
        tables = {}
        for name, series in names.items():
            tables[name] = torch.full((len(self.schedule), self.rows), absent)
            for place in series:
                tables[name][place] = next(found)
        return tables


def changes_of(delta: Delta) -> Iterator[tuple[str, Tensor]]:
    """Yield what a delta adds, by name: its terms if it names them, else its fields."""
    if delta.terms:
        yield from delta.terms.items()
        return
    for name in CHANGES:
        change = getattr(delta, name)
        if change is not None:
            yield name, change

"""Seconds per call, measured for a while, and the time that is left for a whole table."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch


def seconds_per_call(
    work: Callable[[], object], device: torch.device, *, budget: float, warm_up: int = 2
) -> float:
    """Return the mean seconds of a call of `work`, over as many calls as start in `budget` seconds.

    `warm_up` calls before them are not counted; there is at least one that is. What a CUDA device
    has been asked to do belongs to the call that asked.
    """
    for _ in range(warm_up):
        work()
    _finish(device)
    started, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - started < budget:
        work()
        calls += 1
    _finish(device)
    return (time.perf_counter() - started) / calls


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass
class Deadline:
    """A number of seconds from now on."""

    seconds: float
    _started: float = field(default_factory=time.perf_counter)

    def left(self) -> float:
        """Return the seconds that are left, below zero when there are none."""
        return self.seconds - (time.perf_counter() - self._started)

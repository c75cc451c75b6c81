"""Print how fast the engine trains on a teacher's answers, beside the reference loop.

    python -m benchmarks.soft_speed [--cases auto] [--device auto] [--seconds 60 | --minutes 7]

Engine and reference take turns, so that what else a machine does meets all of them. `--seconds` are
those that are measured, all cases together; `--minutes` are those of everything, compiling
included, after which nothing new is begun.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

import torch

from bench.errors import BenchError
from bench.runner import device as device_of
from bench.training.numerics import precision
from benchmarks.cases import Case
from benchmarks.clock import Deadline, seconds_per_call
from benchmarks.conditions import conditions
from benchmarks.reference_images import num_workers
from benchmarks.reference_loop import script_settings
from benchmarks.soft_cases import (
    CASES,
    chosen,
    engine_training,
    numerics_of,
    protocol_of,
    reference_training,
)
from benchmarks.speed import PREFETCH
from benchmarks.table import markdown

EAGER, COMPILED, REFERENCE = "engine eager", "engine compiled", "reference"
ARMS = (EAGER, COMPILED, REFERENCE)
ROUNDS = 5
"""Turns that each arm takes."""
SECONDS = 60.0


@dataclass
class Rates:
    """Training images per second of one case: one value for every turn of an arm."""

    turns: dict[str, list[float]] = field(default_factory=dict)

    def add(self, arm: str, rate: float) -> None:
        """Note one turn."""
        self.turns.setdefault(arm, []).append(rate)

    def rate(self, arm: str) -> float | None:
        """Return the median of the turns of an arm; None if it had none."""
        return median(self.turns[arm]) if arm in self.turns else None

    def ratios(self, arm: str) -> list[float]:
        """Return how many times as fast as the reference an arm was in each round."""
        pairs = zip(self.turns.get(arm, ()), self.turns.get(REFERENCE, ()), strict=False)
        return [rate / other for rate, other in pairs]


class Engine:
    """The engine of one case, kept from turn to turn, so that it is compiled once."""

    def __init__(
        self, case: Case, device: torch.device, notes: list[str], *, compiled: bool
    ) -> None:
        self._protocol = protocol_of(case, numerics_of(device))
        self._training = engine_training(
            case, self._protocol, device, compiled=compiled, note=notes.append
        )
        self._epochs, self._num_images = itertools.count(), case.num_images
        self.turn(0.0)  # compiles all shapes
        self.usable = self._training.compiled == compiled

    def turn(self, budget: float) -> float:
        """Return the images per second of epochs, over `budget` seconds after one more epoch."""
        device = self._training.device
        with precision(self._protocol.numerics, device):
            seconds = seconds_per_call(self._epoch, device, budget=budget, warm_up=1)
        return self._num_images / seconds

    def _epoch(self) -> None:
        self._training.epoch(next(self._epochs))


def reference_turn(case: Case, device: torch.device, budget: float) -> float:
    """Return the images per second of the reference loop, over `budget` seconds.

    Its workers are started for this turn and end with it, so that they take no time from others;
    epochs of batches that were ready before come first and do not count.
    """
    protocol = protocol_of(case, numerics_of(device))
    training = reference_training(case, protocol, device)
    warm_up = 1 + math.ceil(PREFETCH * num_workers() / training.steps)
    with ExitStack() as stack:
        stack.callback(training.close)
        stack.enter_context(script_settings(protocol, device))
        seconds = seconds_per_call(training.epoch, device, budget=budget, warm_up=warm_up)
    return case.num_images / seconds


def measure(
    cases: Sequence[Case],
    device: torch.device,
    notes: list[str],
    seconds: float = SECONDS,
    deadline: Deadline | None = None,
) -> dict[Case, Rates]:
    """Return the rates of all cases, by `seconds` of turns in all, or until a deadline.

    What could not be measured is absent, and `notes` say why.
    """
    measured: dict[Case, Rates] = {}
    for number, case in enumerate(cases):
        if deadline and deadline.left() <= 0.0:
            notes.append(f"Out of time before {case.label}.")
            break
        share = Deadline(deadline.left() / (len(cases) - number)) if deadline else None
        print(case.label, file=sys.stderr, flush=True)
        turns = turns_of(case, device, notes)
        measured[case] = take_turns(turns, share.left() if share else seconds / len(cases), share)
    return measured


def turns_of(
    case: Case, device: torch.device, notes: list[str]
) -> dict[str, Callable[[float], float]]:
    """Return the arms of a case, ready to be measured; compiled ones where torch can compile."""
    eager = Engine(case, device, notes, compiled=False)
    compiled = Engine(case, device, notes, compiled=True)
    turns: dict[str, Callable[[float], float]] = {EAGER: eager.turn}
    if compiled.usable:
        turns[COMPILED] = compiled.turn
    return turns | {REFERENCE: lambda budget: reference_turn(case, device, budget)}


def take_turns(
    turns: dict[str, Callable[[float], float]], budget: float, deadline: Deadline | None = None
) -> Rates:
    """Return the rates of all arms over `budget` seconds, each arm measured once in every round.

    After the first round, none is begun that would last beyond the deadline.
    """
    rates, each = Rates(), max(0.0, budget) / (ROUNDS * len(turns))
    longest = 0.0
    for number in range(ROUNDS):
        if number and deadline and longest > deadline.left():
            break
        started = time.perf_counter()
        for arm, turn in turns.items():
            rates.add(arm, turn(each))
        longest = max(longest, time.perf_counter() - started)
    return rates


def cells(case: Case, rates: Rates) -> dict[str, str]:
    """Return one row by its headings: medians, and ratios with the lowest and highest round."""
    row = {"student and teacher": case.student_label, "IPC": str(case.ipc)}
    row |= {arm: _rate(rates.rate(arm)) for arm in ARMS}
    row |= {f"{arm.split()[1]} / reference": _ratio(rates.ratios(arm)) for arm in (EAGER, COMPILED)}
    return row


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _ratio(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else "-"


def page(measured: dict[Case, Rates], notes: Sequence[str], device: torch.device) -> list[str]:
    """Return the whole output: conditions, the table in images per second, notes."""
    rows = [cells(case, rates) for case, rates in measured.items()]
    return [
        *conditions(device),
        f"- training images per second, {numerics_of(device)}: medians of up to {ROUNDS} turns; "
        "ratios are those of a round, with the lowest and the highest",
        "",
        *(markdown(rows) if rows else ["Nothing was measured."]),
        "",
        *dict.fromkeys(notes),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and return the exit status."""
    parser = argparse.ArgumentParser("benchmarks.soft_speed", description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:<number>")
    parser.add_argument("--cases", default="auto", choices=("auto", *CASES))
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"time of all turns (default {SECONDS:g})"
    )
    either.add_argument("--minutes", type=float, help="time for everything, compiling included")
    asked = parser.parse_args(arguments)
    deadline = None if asked.minutes is None else Deadline(60.0 * asked.minutes)
    notes: list[str] = []
    try:
        device = device_of(asked.device)
        measured = measure(chosen(asked.cases, device), device, notes, asked.seconds, deadline)
    except (BenchError, ValueError) as error:
        parser.error(str(error))
    print("\n".join(page(measured, notes, device)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

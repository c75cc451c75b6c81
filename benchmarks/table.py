"""Print how fast the engine trains, beside the reference loop, bare steps and the device's rate.

    python -m benchmarks.table [--device auto] [--cases auto] [--ipc 10]
                              [--seconds 20] [--minutes 7.5]

One Markdown table in one run. Compiling comes last, so that running out of time costs least.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from bench.errors import BenchError
from bench.runner import device as device_of
from bench.training.compiling import step_flops
from bench.training.recipe import Numerics
from benchmarks.bare_step import BareStep, NotCompiled, compiled_step, matmul_rate
from benchmarks.cases import IPCS, Case, chosen
from benchmarks.clock import Deadline
from benchmarks.conditions import conditions
from benchmarks.hard_table import estimate_lines
from benchmarks.speed import bare_rate, engine_rate, engine_test_seconds, reference_rate

SHARE = 5
"""A case's seconds are divided by this: so long lasts one measurement, without its warm-up."""
COMPILING = 60.0
"""Seconds kept for compiling one case, until it is known how long the slowest one took."""

Key = tuple[Case, Numerics]


@dataclass
class Figures:
    """What was measured: rates are images per second; what time did not allow is absent."""

    engine: dict[Key, float] = field(default_factory=dict)
    compiled: dict[Key, float] = field(default_factory=dict)
    """The engine with compiled passes."""
    reference: dict[Key, float] = field(default_factory=dict)
    bare: dict[Key, float] = field(default_factory=dict)
    bare_compiled: dict[Key, float] = field(default_factory=dict)
    matmul: dict[Numerics, float] = field(default_factory=dict)
    """FLOP per second of a large matrix product."""
    test_seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of one of the engine's tests, by the student's label."""
    notes: list[str] = field(default_factory=list)

    def best(self, key: Key) -> float | None:
        """Return the rate of the engine as it trains where compiling pays, if it could be had."""
        return self.compiled.get(key, self.engine.get(key))


def precisions(device: torch.device) -> tuple[Numerics, ...]:
    """Return the engine's precisions that are worth a row."""
    return ("tf32", "bf16") if device.type == "cuda" else ("fp32",)


def reference_precisions(device: torch.device) -> tuple[Numerics, ...]:
    """Return float32, and on a GPU also the TF32 that torch gives convolutions unless told not."""
    return ("fp32", "tf32") if device.type == "cuda" else ("fp32",)


def measure(
    cases: Sequence[Case], device: torch.device, seconds: float, deadline: Deadline
) -> Figures:
    """Return all figures; after the deadline nothing new is begun, and a note says so."""
    figures, budget = Figures(), seconds / SHARE
    for numerics in precisions(device):
        figures.matmul[numerics] = matmul_rate(numerics, device, budget=budget)
    for case in cases:
        if deadline.left() < seconds:
            figures.notes.append(f"Out of time before {case.label}.")
            break
        _say(f"{case.label} ({deadline.left():.0f} s left)")
        _measure_case(case, device, budget, figures)
    _measure_compiled(cases, device, budget, deadline, figures)
    return figures


def _measure_case(case: Case, device: torch.device, budget: float, figures: Figures) -> None:
    student = case.student_label
    for numerics in precisions(device):
        figures.engine[case, numerics] = engine_rate(case, numerics, device, budget)
        step = BareStep(case.network(), case.recipe(numerics), device)
        figures.bare[case, numerics] = bare_rate(step, case, budget)
    for numerics in reference_precisions(device):
        figures.reference[case, numerics] = reference_rate(case, numerics, device, budget)
    if student not in figures.test_seconds:
        numerics = precisions(device)[0]
        figures.test_seconds[student] = engine_test_seconds(case, numerics, device, budget / 4)


def _measure_compiled(
    cases: Sequence[Case], device: torch.device, budget: float, deadline: Deadline, figures: Figures
) -> None:
    slowest = COMPILING
    for number, (case, numerics) in enumerate(_pairs(cases, device)):
        if deadline.left() < slowest + 2 * budget:
            figures.notes.append(f"Out of time before compiling {case.label}, {numerics}.")
            return
        _say(f"compiling {case.label}, {numerics} ({deadline.left():.0f} s left)")
        started = time.perf_counter()
        try:
            step = compiled_step(case.network(), case.recipe(numerics), device)
        except NotCompiled as error:
            figures.notes.append(f"Torch compiles no steps here: {error}")
            return
        figures.bare_compiled[case, numerics] = bare_rate(step, case, budget)
        rate = engine_rate(case, numerics, device, budget, compiled=True)
        figures.compiled[case, numerics] = rate
        took = time.perf_counter() - started - 2 * budget
        slowest = max(took, slowest) if number else took


def _pairs(cases: Sequence[Case], device: torch.device) -> Iterator[tuple[Case, Numerics]]:
    return ((case, numerics) for numerics in precisions(device) for case in cases)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def cells(case: Case, numerics: Numerics, figures: Figures, device: torch.device) -> dict[str, str]:
    """Return one row by its headings."""
    key = (case, numerics)
    engine, compiled, best = figures.engine.get(key), figures.compiled.get(key), figures.best(key)
    bare, bare_compiled = figures.bare.get(key), figures.bare_compiled.get(key)
    references = {
        kind: figures.reference.get((case, kind)) for kind in reference_precisions(device)
    }
    known = [rate for rate in references.values() if rate is not None]
    row = {"student": case.student_label, "IPC": str(case.ipc), "precision": numerics}
    row |= {"engine eager": _rate(engine), "engine compiled": _rate(compiled)}
    row |= {f"reference {kind}": _rate(rate) for kind, rate in references.items()}
    row |= {"bare eager": _rate(bare), "bare compiled": _rate(bare_compiled)}
    row["engine / reference"] = _ratio(best, max(known, default=None))
    row["eager / bare"] = _ratio(engine, bare)
    row["compiled / bare"] = _ratio(compiled, bare_compiled)
    if device.type == "cuda":
        ceiling = figures.matmul[numerics] / step_flops(case.network(), 1, case.resolution)
        row["engine of matmul"] = _share(best, ceiling)
        row["bare compiled of matmul"] = _share(bare_compiled, ceiling)
    return row


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _ratio(value: float | None, other: float | None) -> str:
    return "-" if value is None or other is None else f"{value / other:.2f}"


def _share(value: float | None, ceiling: float) -> str:
    return "-" if value is None else f"{value / ceiling:.1%}"


def markdown(rows: Sequence[dict[str, str]]) -> list[str]:
    """Return rows of equal headings as the lines of a Markdown table."""
    headings = list(rows[0])
    lines = [headings, ["---"] * len(headings), *(list(row.values()) for row in rows)]
    return ["| " + " | ".join(line) + " |" for line in lines]


def page(cases: Sequence[Case], figures: Figures, device: torch.device) -> list[str]:
    """Return the whole output: conditions, the table in images per second, notes, the estimate."""
    rates = (f"{kind} {rate / 1e12:.3g} TFLOP/s" for kind, rate in figures.matmul.items())
    rows = [cells(case, kind, figures, device) for case in cases for kind in precisions(device)]
    return [
        *conditions(device),
        f"- a large matrix product: {', '.join(rates)}",
        "- engine, reference and bare: training images per second, all in the batches of an epoch; "
        "engine / reference is that of the compiled engine, where there is one, to the faster "
        "reference",
        "",
        *markdown(rows),
        "",
        *figures.notes,
        *estimate_lines(*_measured_seconds(cases, figures, device)),
    ]


def _measured_seconds(
    cases: Sequence[Case], figures: Figures, device: torch.device
) -> tuple[dict[str, dict[int, float]], dict[str, float]]:
    """Return the engine's seconds per update, by student and IPC, and per test, by student."""
    numerics, per_step = precisions(device)[0], dict[str, dict[int, float]]()
    for case in cases:
        rate = figures.best((case, numerics))
        if rate is not None:
            steps = math.ceil(case.num_images / (case.recipe(numerics).batch or 1))
            seconds = case.num_images / rate / steps
            per_step.setdefault(case.student_label, {})[case.ipc] = seconds
    return per_step, figures.test_seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser("benchmarks.table", description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:<number>")
    parser.add_argument("--cases", default="auto", help="auto, all, small or large")
    parser.add_argument("--ipc", type=int, choices=IPCS, help="only the cases of this IPC")
    parser.add_argument("--seconds", type=float, default=20.0, help="time for each case")
    parser.add_argument("--minutes", type=float, default=7.5, help="time for everything")
    asked = parser.parse_args(arguments)
    deadline = Deadline(60.0 * asked.minutes)
    try:
        device = device_of(asked.device)
        cases = [c for c in chosen(asked.cases, device) if asked.ipc in (None, c.ipc)]
        figures = measure(cases, device, asked.seconds, deadline)
    except (BenchError, ValueError) as error:
        parser.error(str(error))
    print("\n".join(page(cases, figures, device)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What guidance added at every step of sampling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.records import Record
from leaderboards.figures.evidence import Evidence
from leaderboards.headings import Name
from leaderboards.table import Board, Row

PREFIX = "guidance/"
STEP_NOISE, TIMESTEP = "step noise", "t"
"""The traces that every guided set has: length of the step's own noise, and its timestep."""

TERMS = frozenset({"noise", "clean", "mean", "x", "mode", "manifold", "influence", "deviation"})
"""Traces that are lengths of a change. Records do not say which are: any other is a value."""

Series = tuple[float, ...]


@dataclass(frozen=True)
class Steps:
    """The traces of one method, as means over its sets."""

    name: Name
    method: str
    terms: dict[str, tuple[float, ...]]
    """Lengths of what was added, as multiples of the step's own noise; 0 at a step without."""
    values: dict[str, tuple[float, ...]]
    """Everything else, as recorded; also what was added, where no step had noise."""
    n: int


def steps(board: Board, evidence: Evidence) -> list[Steps]:
    """Return the traces of a board's methods, in the order of rows."""
    found = (_steps(row, evidence.distillations(board, row)) for row in board.rows)
    return [one for one in found if one is not None]


def _steps(row: Row, records: Iterable[Record]) -> Steps | None:
    sets = [traces for record in records if (traces := _traces(record))]
    split = [_split(traces) for traces in sets]
    terms, values = _mean([one for one, _ in split]), _mean([other for _, other in split])
    if not terms and not values:
        return None
    return Steps(row.name, row.method, terms, values, len(sets))


def _traces(record: Record) -> dict[str, Series]:
    """Return the traces of guidance by their own names, without those of no step."""
    return {
        name.removeprefix(PREFIX): tuple(numbers)
        for name, numbers in record.traces.items()
        if name.startswith(PREFIX) and numbers
    }


def _split(traces: Mapping[str, Series]) -> tuple[dict[str, Series], dict[str, Series]]:
    """Return what can be measured by the step's noise, so measured, and everything else."""
    noise = traces.get(STEP_NOISE, ())
    own = {name: trace for name, trace in traces.items() if name not in (STEP_NOISE, TIMESTEP)}
    terms = {
        name: tuple(
            length / step if step > 0 else 0.0 for length, step in zip(trace, noise, strict=True)
        )
        for name, trace in own.items()
        if name in TERMS and any(noise) and len(trace) == len(noise)
    }
    return terms, {name: trace for name, trace in own.items() if name not in terms}


def _mean(sets: Sequence[Mapping[str, Series]]) -> dict[str, Series]:
    """Return the mean of each trace over the sets that have it, up to the shortest."""
    names = dict.fromkeys(name for traces in sets for name in traces)
    return {
        name: tuple(
            fmean(numbers)
            for numbers in zip(*(traces[name] for traces in sets if name in traces), strict=False)
        )
        for name in sorted(names)
    }

"""Accuracy by epoch, as the mean of a cell's students."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median_low

from bench.records import Record
from leaderboards.figures.evidence import Evidence
from leaderboards.headings import Name
from leaderboards.table import Board, Column, Row

EPOCH, TOP1 = "epoch", "top1"
"""The series of a record that a curve is drawn from."""

LEAST = 2
"""Epochs of a curve; one alone stands in the table."""


@dataclass(frozen=True)
class Curve:
    """The training of one method's students."""

    name: Name
    method: str
    epochs: tuple[float, ...]
    """At which all students were tested."""
    mean: tuple[float, ...]
    last: float
    """Mean of the students' last accuracies."""
    best_epoch: float
    """Lower median of the students' own best epochs: one at which a student was tested."""
    best: float
    """Mean of the students' own best accuracies: chosen on the test set."""
    n: int


def curves(board: Board, column: Column, evidence: Evidence) -> list[Curve]:
    """Return the curves of a column's methods, in the order of rows.

    A method whose students share fewer than two epochs has none.
    """
    found = (_curve(row, evidence.students(board, row, column)) for row in board.rows)
    return [curve for curve in found if curve is not None]


def _curve(row: Row, records: Iterable[Record]) -> Curve | None:
    tested = [series for record in records if (series := _by_epoch(record))]
    epochs = sorted(set.intersection(*map(set, tested))) if tested else []
    if len(epochs) < LEAST:
        return None
    best = [_best_epoch(series) for series in tested]
    return Curve(
        name=row.name,
        method=row.method,
        epochs=tuple(epochs),
        mean=tuple(fmean(series[epoch] for series in tested) for epoch in epochs),
        last=fmean(series[max(series)] for series in tested),
        best_epoch=median_low(best),
        best=fmean(max(series.values()) for series in tested),
        n=len(tested),
    )


def _by_epoch(record: Record) -> Mapping[float, float]:
    """Return the accuracies of one student by epoch; {} where the record has none to each."""
    epochs: Sequence[float] = record.series.get(EPOCH, [])
    top1: Sequence[float] = record.series.get(TOP1, [])
    return dict(zip(epochs, top1, strict=True)) if len(epochs) == len(top1) else {}


def _best_epoch(series: Mapping[float, float]) -> float:
    """Return the first epoch of the highest accuracy."""
    return max(series, key=lambda epoch: (series[epoch], -epoch))

"""Print how much the recipe of a protocol alone moves accuracy and ranks, from a run's records.

    python -m benchmarks.recipes runs/recipes

Reads students of several methods that were trained under several protocols, everything else being
equal, and prints Markdown: accuracies with intervals, what another recipe changes, the order of
the methods under each, and the best epoch against the last.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import kendalltau

from bench.errors import BenchError
from bench.records import Record
from bench.store import Store
from leaderboards.ranks.statistics import t_interval

LAST, BEST = "top1_last", "top1_best"

Task = tuple[str, int]
"""A real set and an IPC."""


@dataclass(frozen=True)
class Mean:
    """A mean of independent values with its Student interval."""

    mean: float
    half: float
    """Half the width of the interval; infinite for a single value."""

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Return the mean of the values and its interval."""
        mean, ends = statistics.fmean(values), t_interval(values)
        return cls(mean, ends[1] - mean if ends else math.inf)

    def __str__(self) -> str:
        return f"{self.mean:.1f} ± {self.half:.1f}"


@dataclass(frozen=True)
class Students:
    """The scores of all students, by task, protocol, method and seeds."""

    scores: Mapping[tuple[Task, str, str], Mapping[tuple[int, int], Record]]
    tasks: tuple[Task, ...]
    protocols: tuple[str, ...]
    methods: tuple[str, ...]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Students:
        """Sort the students among the records; BenchError unless every cell has the same seeds."""
        cells: dict[tuple[Task, str, str], dict[tuple[int, int], Record]] = defaultdict(dict)
        for record in records:
            if record.protocol and record.student_seed and record.ipc and LAST in record.scores:
                task = (record.data.name, record.ipc)
                cells[task, record.protocol.name, record.method.label][record.student_seed] = record
        parts = [sorted({key[place] for key in cells}) for place in range(3)]
        seeds = {tuple(sorted(found)) for found in cells.values()}
        complete = len(cells) == math.prod(len(part) for part in parts)
        if not complete or len(seeds) != 1 or len(parts[1]) < 2:
            raise BenchError(
                "Every method needs the same students under two or more protocols: finish the run."
            )
        return cls(dict(cells), *(tuple(part) for part in parts))  # type: ignore[arg-type]

    def values(self, task: Task, protocol: str, method: str, score: str = LAST) -> list[float]:
        """Return one score per student, in the order of the seeds."""
        cell = self.scores[task, protocol, method]
        return [cell[seeds].scores[score] for seeds in sorted(cell)]

    def gaps(self, task: Task, protocol: str, method: str) -> list[float]:
        """Return by how much the best epoch of every student is above the last."""
        last, best = (self.values(task, protocol, method, score) for score in (LAST, BEST))
        return [high - low for high, low in zip(best, last, strict=True)]

    def shift(self, task: Task, method: str, one: str, other: str) -> Mean:
        """Return what changing protocol `one` for `other` does to the same students."""
        pairs = zip(self.values(task, other, method), self.values(task, one, method), strict=True)
        return Mean.of([new - old for new, old in pairs])

    def order(self, task: Task, protocol: str, score: str = LAST) -> list[str]:
        """Return the methods by their mean, the best first."""
        means = {m: Mean.of(self.values(task, protocol, m, score)).mean for m in self.methods}
        return sorted(means, key=lambda method: -means[method])


def page(students: Students) -> list[str]:
    """Return all tables as Markdown lines."""
    lines = []
    for task in students.tasks:
        lines += [f"### {task[0]}, IPC {task[1]}", "", *_accuracies(students, task), ""]
    return [
        *lines,
        "### The order of the methods",
        "",
        *_orders(students),
        "",
        "### Best epoch minus last",
        "",
        *_gaps(students),
    ]


def _accuracies(students: Students, task: Task) -> Iterator[str]:
    first, *others = students.protocols
    headings = ["method", *students.protocols, *(f"{other} - {first}" for other in others)]
    yield from _heading(headings)
    for method in students.order(task, first):
        means = [str(Mean.of(students.values(task, p, method))) for p in students.protocols]
        shifts = [students.shift(task, method, first, other) for other in others]
        marked = [f"{shift.mean:+.1f} ± {shift.half:.1f}" for shift in shifts]
        yield _row([method, *means, *marked])


def _orders(students: Students) -> Iterator[str]:
    yield from _heading(["set", "IPC", *students.protocols, "pairs that change places", "tau"])
    for task in students.tasks:
        orders = [students.order(task, protocol) for protocol in students.protocols]
        pairs = list(itertools.combinations(orders, 2))
        swapped = sum(_swaps(one, other) for one, other in pairs)
        possible = len(pairs) * math.comb(len(students.methods), 2)
        taus = ", ".join(f"{_tau(one, other):.2f}" for one, other in pairs)
        yield _row([task[0], str(task[1]), *map(" > ".join, orders), f"{swapped}/{possible}", taus])


def _swaps(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = itertools.combinations(one, 2)
    return sum(other.index(first) > other.index(second) for first, second in pairs)


def _tau(one: Sequence[str], other: Sequence[str]) -> float:
    return float(kendalltau(range(len(one)), [other.index(method) for method in one]).statistic)


def _gaps(students: Students) -> Iterator[str]:
    yield from _heading(["set", "IPC", *students.protocols, "largest", "orders that differ"])
    for task in students.tasks:
        gaps = {
            protocol: [gap for m in students.methods for gap in students.gaps(task, protocol, m)]
            for protocol in students.protocols
        }
        means = [f"{math.fsum(values) / len(values):.1f}" for values in gaps.values()]
        largest = max(gap for values in gaps.values() for gap in values)
        differ = sum(students.order(task, p) != students.order(task, p, BEST) for p in gaps)
        yield _row([task[0], str(task[1]), *means, f"{largest:.1f}", f"{differ}/{len(gaps)}"])


def _heading(names: Sequence[str]) -> Iterator[str]:
    yield _row(names)
    yield _row(["---"] * len(names))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the page and return the exit status."""
    parser = argparse.ArgumentParser("benchmarks.recipes", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="the folder of a run")
    asked = parser.parse_args(arguments)
    try:
        students = Students.of(list(Store.existing(asked.folder).records()))
    except BenchError as error:
        parser.error(str(error))
    print("\n".join(page(students)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

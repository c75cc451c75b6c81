"""Print how all methods of a run do beside one of them, by paired differences.

    python -m benchmarks.against runs/guided [--method dit]

Students of equal seeds share initial weights, order and augmentation whatever the method, so their
accuracies are compared pair by pair. Intervals are over distillation seeds: the students of one set
are averaged first, because they are no independent evidence on a method.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.errors import BenchError
from bench.records import Record
from bench.store import Store
from benchmarks.recipes import LAST, Mean
from benchmarks.table import markdown

Cell = tuple[str, int, str, str]
"""Real set, IPC, protocol, student."""
Seeds = Mapping[tuple[int, int], float]
"""Accuracy by (distillation seed, repeat)."""


def accuracies(records: Sequence[Record]) -> dict[Cell, dict[str, dict[tuple[int, int], float]]]:
    """Return the last accuracy of every student by cell and method."""
    found: dict[Cell, dict[str, dict[tuple[int, int], float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for record in records:
        if record.protocol and record.student and record.student_seed and record.ipc:
            cell = (record.data.name, record.ipc, record.protocol.label, record.student.label)
            found[cell][record.method.label][record.student_seed] = record.scores[LAST]
    return found


def by_set(students: Seeds) -> dict[int, float]:
    """Return the mean accuracy of the students of every distillation seed."""
    found: dict[int, list[float]] = defaultdict(list)
    for (seed, _), accuracy in students.items():
        found[seed].append(accuracy)
    return {seed: sum(values) / len(values) for seed, values in sorted(found.items())}


def difference(students: Seeds, others: Seeds) -> Mean:
    """Return the mean difference of the students that both have; BenchError if there is none."""
    common = {seeds: students[seeds] - others[seeds] for seeds in students if seeds in others}
    if not common:
        raise BenchError("No student of one method has the seeds of one of the other.")
    return Mean.of(list(by_set(common).values()))


def page(records: Sequence[Record], method: str) -> Iterator[str]:
    """Yield a Markdown table for every cell; BenchError if the method was not run there."""
    for cell, methods in sorted(accuracies(records).items()):
        if method not in methods:
            known = ", ".join(sorted(methods))
            raise BenchError(f"{method!r} has no students on {cell[0]!r}; there are {known}.")
        rows = [_row(label, students, methods[method]) for label, students in methods.items()]
        yield from (f"### {cell[0]}, IPC {cell[1]}, {cell[2]}, {cell[3]}", "")
        ordered = sorted(rows, key=lambda row: -row[0])
        title = f"difference from {method}"
        yield from markdown(
            [dict(zip(("method", "top-1 %", title, "n"), row[1:], strict=True)) for row in ordered]
        )
        yield ""


def _row(label: str, students: Seeds, others: Seeds) -> tuple[float, str, str, str, str]:
    mean, apart = Mean.of(list(by_set(students).values())), difference(students, others)
    shown = "" if students is others else f"{apart.mean:+.1f} ± {apart.half:.1f}"
    return mean.mean, label, str(mean), shown, f"{len(students)}/{len(by_set(students))}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print all tables and return the exit status."""
    parser = argparse.ArgumentParser("benchmarks.against", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="the folder of a run")
    parser.add_argument("--method", default="dit", help="label of the method to compare with")
    asked = parser.parse_args(arguments)
    try:
        records = list(Store.existing(asked.folder).records())
        print("\n".join(page(records, asked.method)))
    except BenchError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())

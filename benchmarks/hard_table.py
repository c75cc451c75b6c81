"""How long one method's row of the full hard-label table would take at a measured speed.

Two sets of ten classes, five IPCs, three students at 224 pixels, three seeds, as the papers print
it; the epochs are the published ones, with a test of 500 images after every hundredth of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from benchmarks.cases import CASES, NUM_CLASSES, NUM_TESTS
from protocols.hard_tables import published

SETS, SEEDS = 2, 3
IPCS = (10, 20, 50, 70, 100)
STUDENTS = tuple(dict.fromkeys(case.student_label for case in CASES if case.large))
"""Labels of the three students."""


def steps_of(ipc: int) -> int:
    """Return the updates of one training: batches in an epoch times the published epochs."""
    row = published("minimax", NUM_CLASSES, ipc, "sgd")
    return math.ceil(NUM_CLASSES * ipc / row.batch) * row.epochs


def tests_of(ipc: int) -> int:
    """Return the tests of one training."""
    return published("minimax", NUM_CLASSES, ipc, "sgd").evaluations or 1


def training_seconds(ipc: int, per_step: Mapping[int, float], per_test: float) -> float:
    """Return the seconds of one training with its tests.

    `per_step` are the measured seconds of an update by IPC: that of the largest one not above
    `ipc` is taken.
    """
    measured = max(known for known in per_step if known <= ipc)
    return steps_of(ipc) * per_step[measured] + tests_of(ipc) * per_test


def estimate_lines(
    per_step: Mapping[str, Mapping[int, float]], per_test: Mapping[str, float]
) -> list[str]:
    """Return the hours of every student and of the whole row, as Markdown.

    Both are measured seconds by a student's label, `per_step` also by IPC. One line that says so
    where a student was not measured.
    """
    missing = [
        student
        for student in STUDENTS
        if student not in per_test or min(IPCS) not in per_step.get(student, {})
    ]
    if missing:
        return [f"The full hard table is not estimated: {', '.join(missing)} not measured."]
    hours = {
        student: SETS
        * SEEDS
        * sum(training_seconds(ipc, per_step[student], per_test[student]) for ipc in IPCS)
        / 3600
        for student in STUDENTS
    }
    parts = ", ".join(f"{student}: {value:.2f} h" for student, value in hours.items())
    return [
        f"One method's full hard table ({SETS} sets × IPC {', '.join(map(str, IPCS))} × "
        f"{len(STUDENTS)} students × {SEEDS} seeds, {NUM_TESTS} test images) would take "
        f"{sum(hours.values()):.2f} h ({parts})."
    ]

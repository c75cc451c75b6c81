"""Records of runs that never were, as many as one likes: for the size and speed of reports."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.records import Data, Described, Provenance, Record

IPCS = (1, 10, 20, 50, 70, 100, 200, 300, 500, 1000)
EVALUATIONS = 20
"""Points of a training curve."""
PACKAGES = {"distillation-bench": "0.1.0", "numpy": "2.4.6", "timm": "1.0.20", "torch": "2.15.0"}
PROVENANCE = Provenance(
    started="2026-01-02T03:04:05+00:00",
    seconds=2.5,
    artefact_seconds=0.0,
    peak_memory_bytes=1_300_000_000,
    device="cpu (x86_64)",
    threads=2,
    commit="c0ffee1234567890c0ffee1234567890c0ffee12",
    dirty=False,
    packages=PACKAGES,
    python="3.11.7",
    platform="Linux-6.1-x86_64",
    command="bench run embedded-full",
)


@dataclass(frozen=True)
class Extent:
    """How many there are of everything."""

    methods: int
    sets: int
    ipcs: int
    protocols: int
    students: int
    seeds: int = 1
    repeats: int = 1


MANY_RECORDS = Extent(methods=25, sets=4, ipcs=5, protocols=2, students=2, seeds=10, repeats=5)
"""100,000 students, and the 5,000 sets that they learn from."""
MANY_CELLS = Extent(methods=100, sets=10, ipcs=5, protocols=5, students=2)
"""50,000 students, each with a cell of its own for the last and one for the best epoch."""


def records(extent: Extent) -> Iterator[Record]:
    """Yield every distillation and every student of a full design; equal parts are one object."""
    import numpy as np

    rng = np.random.default_rng(0)
    sets = [Data(f"set{n}", "train", "val", f"a{n}", f"b{n}", 10) for n in range(extent.sets)]
    methods = [_described(_method(number)) for number in range(extent.methods)]
    design = itertools.product(sets, IPCS[: extent.ipcs], methods, range(extent.seeds))
    for data, ipc, method, seed in design:
        made = _distillation(data, ipc, method, seed)
        yield made
        effect = methods.index(method) / 3 + 5.0 * np.log10(ipc)
        yield from _students(extent, made, 30.0 + effect + rng.normal(), rng)


def _students(extent: Extent, made: Record, level: float, rng: Any) -> Iterator[Record]:
    """Yield the students of one set, whose accuracies lie around a level."""
    repeats = range(extent.repeats)
    for protocol, student, repeat in itertools.product(
        PROTOCOLS[: extent.protocols], STUDENTS[: extent.students], repeats
    ):
        top1 = (level + rng.normal(size=EVALUATIONS).cumsum() / 5).round(2).tolist()
        parts = {
            "kind": "evaluation",
            "key": f"{made.key}-{protocol.label}-{student.label}-{repeat}".replace("/", "-"),
            "protocol": protocol,
            "student": student,
            "student_seed": (made.seed, repeat),
            "scores": {"top1_last": top1[-1], "top1_best": max(top1)},
            "series": {"epoch": EPOCHS, "top1": top1},
            "facts": {"epochs": 60, "resolution": 32},
        }
        yield Record(**{name: getattr(made, name) for name in SHARED} | parts)


def _distillation(data: Data, ipc: int, method: Described, seed: int) -> Record:
    return Record(
        kind="distillation",
        key=f"{data.name}-{method.label}-{ipc}-{seed}",
        data=data,
        method=method,
        ipc=ipc,
        seed=seed,
        stochastic=True,
        distilled=f"{data.name} {method.label} {ipc} {seed}",
        facts={"images": 10 * ipc, "bytes": 15_000 * ipc},
        provenance=PROVENANCE,
    )


def _described(name: str, **fields: Any) -> Described:
    changed = "".join(f"+{field}={value}" for field, value in fields.items())
    return Described(name, name + changed, name + changed, asked=fields, fields=fields)


def _method(number: int) -> str:
    return "random" if number == 0 else f"method{number:02}"


SHARED = ("data", "method", "ipc", "seed", "stochastic", "distilled", "provenance")
"""What a student's record has in common with that of its set."""
EPOCHS = [3.0 * (number + 1) for number in range(EVALUATIONS)]
PROTOCOLS = [_described("hard/minimax", epochs=60 + number) for number in range(5)]
STUDENTS = [_described("convnet3", width=32), _described("convnet3", width=64)]

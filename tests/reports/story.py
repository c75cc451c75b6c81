"""A small run told by hand: records of which it is known what a report has to say.

Five methods and `full` on two sets. On `shapenette` at IPC 10 every method is far from the next and
`mgd3` is ahead of all; on `shapewoof` at IPC 1 all means are nearly equal and the sets of a method
differ by far more; elsewhere `random` is behind and the others are close to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from story_files import CLASSES, attachments
from story_parts import (
    FAILURES,
    FIDELITY,
    HARD,
    HARD_ON_ALL,
    PROVENANCE,
    SOFT,
    STUDENTS,
    TRACES,
    method_of,
)

from bench.records import Data, Described, Failure, Record
from reports.material import Material, gather

METHODS = {"random": 40.0, "kmeans": 48.0, "dit": 56.0, "dap": 64.0, "mgd3": 72.0}
"""Method to its mean on `shapenette` at IPC 10, in percent."""
SEEDS = (0, 1, 2)
FULL = 90.0
"""Accuracy of all training images."""


@dataclass(frozen=True)
class Story:
    """A run, as it lies in a folder."""

    folder: Path
    """Of the attachments; records are not written."""
    records: tuple[Record, ...]
    failures: tuple[Failure, ...]
    material: Material


def story(folder: Path, *, small: bool = False) -> Story:
    """Write the attachments and return the run; `small`: one set, IPC 10, one student, no soft."""
    sets = ("shapenette",) if small else ("shapenette", "shapewoof")
    ipcs = (10,) if small else (1, 10)
    told = [
        record
        for dataset in sets
        for ipc in ipcs
        for method in METHODS
        for seed in SEEDS
        for record in _of_one_set(folder, dataset, method, ipc, seed, small)
    ]
    told += [record for dataset in sets for record in _of_full(dataset, small)]
    failures = FAILURES[:1] if small else FAILURES
    return Story(folder, tuple(told), failures, gather(told, failures, folder))


def number(dataset: str, ipc: int, method: str, seed: int) -> float:
    """Return the accuracy of the first student of a set under the hard protocol."""
    position = list(METHODS).index(method)
    shared = (0.0, 1.0, -0.7)[seed]
    if (dataset, ipc) == ("shapenette", 10):
        return METHODS[method] + shared + (0.1, -0.1, 0.0)[(seed + position) % 3]
    spread = (5.0, -5.0, 0.0)[(seed + position) % 3]
    if (dataset, ipc) == ("shapewoof", 1):
        return 30.0 + shared + 0.1 * position + spread
    level = 20.0 if method == "random" else 30.0
    return level + (10.0 if ipc == 10 else 0.0) + shared + 0.2 * position + 0.2 * spread


def _record(dataset: str, method: str, ipc: int | None, seed: int, **parts: Any) -> Record:
    what = [part.identity for part in (parts.get("protocol"), parts.get("student")) if part]
    seeds = parts.get("student_seed", ())
    key = "-".join(map(str, (dataset, method, ipc, seed, *seeds, parts["kind"], *what)))
    data = Data(dataset, "drawn", "drawn", f"{dataset}train", f"{dataset}test", len(CLASSES))
    return Record(
        **{
            "key": "".join(char if char.isalnum() else "-" for char in key),
            "data": data,
            "method": method_of(method),
            "ipc": ipc,
            "seed": seed,
            "stochastic": method != "full",
            "distilled": f"{dataset}-{method}-{ipc}-{seed}",
            "provenance": PROVENANCE,
        }
        | parts
    )


def _of_one_set(
    folder: Path, dataset: str, method: str, ipc: int, seed: int, small: bool
) -> list[Record]:
    at = (dataset, method, ipc, seed)
    last = number(dataset, ipc, method, seed)
    found = [_distillation(*at), _fidelity(folder, *at)]
    for position, student in enumerate(STUDENTS[: 1 if small else 2]):
        found.append(_student(*at, HARD, student, last - 4.0 * position))
        if not small:
            found.append(_student(*at, SOFT, student, last + 3.0 - 4.0 * position))
    return found


def _of_full(dataset: str, small: bool) -> list[Record]:
    found = [_distillation(dataset, "full", None, 0)]
    for repeat in range(2):
        for position, student in enumerate(STUDENTS[: 1 if small else 2]):
            value = FULL + repeat - 2.0 * position
            at = (dataset, "full", None, 0)
            found.append(_student(*at, HARD_ON_ALL, student, value, (0, repeat)))
    return found


def _distillation(dataset: str, method: str, ipc: int | None, seed: int) -> Record:
    images = 2_000 if ipc is None else ipc * len(CLASSES)
    facts: dict[str, str | int | float] = {"images": images, "bytes": images * 1_500}
    if method in ("dit", "dap", "mgd3"):
        facts["forwards"] = 40.0
    seconds = {"random": 0.1, "kmeans": 0.4, "dit": 3.0, "dap": 9.0, "mgd3": 5.0}.get(method, 0.2)
    return _record(
        dataset,
        method,
        ipc,
        seed,
        kind="distillation",
        facts=facts,
        traces=TRACES.get(method, {}),
        provenance=replace(PROVENANCE, seconds=seconds + 0.01 * seed),
    )


def _student(
    dataset: str,
    method: str,
    ipc: int | None,
    seed: int,
    protocol: Described,
    student: Described,
    last: float,
    at: tuple[int, int] | None = None,
) -> Record:
    soft = protocol is SOFT
    facts: dict[str, str | int | float] = {"epochs": protocol.fields["epochs"], "resolution": 32}
    cards: dict[str, dict[str, str | int | float]] = {}
    if soft:
        stored = (ipc or 0) * len(CLASSES) * 1_500 + 524_664
        facts |= {"stored_bytes": stored, "teacher": "embedded 62d9b826", "teacher_top1": 98.6}
        cards = {score: {"teacher": "embedded 62d9b826"} for score in ("top1_last", "top1_best")}
    epochs = [45.0] if soft else [20.0, 40.0, 60.0]
    top1 = [last] if soft else [last - 8.0, last + 1.5, last]
    return _record(
        dataset,
        method,
        ipc,
        seed,
        kind="evaluation",
        protocol=protocol,
        student=student,
        student_seed=at or (seed, 0),
        scores={"top1_last": last, "top1_best": max(top1)},
        series={"epoch": epochs, "top1": top1, "train_loss": [1.0 / (e + 1) for e in epochs]},
        per_class={"top1_last": [last] * len(CLASSES)},
        facts=facts,
        cards=cards,
    )


def _fidelity(folder: Path, dataset: str, method: str, ipc: int, seed: int) -> Record:
    position = list(METHODS).index(method)
    record = _record(
        dataset,
        method,
        ipc,
        seed,
        kind="evaluation",
        protocol=FIDELITY,
        scores={
            "fid": 120.0 - 12.0 * position + seed,
            "kid": 0.06 - 0.005 * position,
            "coverage": 0.2 + 0.05 * position,
            "embedding_l2": 5.0 - 0.3 * position + 0.1 * seed,
        },
        facts={"dimension": 384, "distilled": ipc * len(CLASSES), "real": 5_000},
    )
    card: dict[str, str | int | float] = {
        **{"extractor": "embedded", "weights": "3520763d", "resize": "shorter32-centre32"},
        **{"split": "train", "real": 5_000, "distilled": ipc * len(CLASSES)},
    }
    files = attachments(folder, f"files/{record.key}", dataset, position, ipc, seed)
    cards = {score: card for score in record.scores}
    return replace(record, cards=cards, files=files)

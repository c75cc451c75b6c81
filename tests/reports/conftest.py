from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.records import Data, Described, Provenance, Record

PROVENANCE = Provenance("2026-01-01", 2.5, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")


def _described(label: str) -> Described:
    return Described(label.partition("+")[0], label, label, asked={}, fields={})


def _record(
    method: str = "random",
    ipc: int | None = 10,
    at: tuple[int, int] = (0, 0),
    last: float = 50.0,
    protocol: str = "hard",
    student: str = "convnet3",
    dataset: str = "nette",
) -> Record:
    return Record(
        kind="evaluation",
        key=f"{method}/{ipc}/{at}/{protocol}/{student}/{dataset}",
        data=Data(dataset, "train", "val", "sha256:11112222aa", "sha256:33334444bb", 10),
        method=_described(method),
        ipc=ipc,
        seed=at[0],
        stochastic=True,
        protocol=_described(protocol),
        student=_described(student),
        student_seed=at,
        distilled=f"{method}/{ipc}/{at[0]}",
        scores={"top1_last": last, "top1_best": last + 1 / 3},
        provenance=PROVENANCE,
    )


def _cost(method: str = "random", ipc: int | None = 10, seed: int = 0, **facts) -> Record:
    return replace(
        _record(method, ipc, (seed, 0)),
        kind="distillation",
        key=f"distil {method}/{ipc}/{seed}",
        protocol=None,
        student=None,
        student_seed=None,
        scores={},
        facts={"images": 100, "bytes": 12345} | facts,
    )


@pytest.fixture(scope="session")
def record():
    """Build the record of one student by hand."""
    return _record


@pytest.fixture(scope="session")
def cost():
    """Build the record of one distillation by hand."""
    return _cost


@pytest.fixture(scope="session")
def main_job():
    """Records of three methods, two seeds, two students a set, and the reference row."""
    protocol = "hard+epochs=300,resolution=32"
    records = [
        _record(method, ipc, (s, r), value + s + r / 3, protocol, "convnet3+width=64")
        for method, value in (("random", 30.0), ("first", 25.0), ("kmeans", 35.0))
        for ipc in (1, 10)
        for s in range(2)
        for r in range(2)
    ]
    records += [_record("full", None, (0, r), 80.0, protocol, "convnet3+width=64") for r in (0, 1)]
    records += [_cost(m, ipc) for m in ("random", "first", "kmeans") for ipc in (1, 10)]
    return [*records, _cost("full", None, images=9469, bytes=123_456_789)]

"""Records of runs that the gate is tried on."""

from __future__ import annotations

import pytest

from bench.records import Data, Described, Provenance, Record

PACKAGES = {"torch": "2.15.0", "distillation-bench": "0.1.0"}


def named(label, **changes):
    return Described(
        **{"name": label, "label": label, "identity": label, "asked": {}, "fields": {}} | changes
    )


def student_of(
    number, *, method="random", dataset="nette", at=(0, 0), score="top1_last", **changes
):
    """Return the record of one student; `at` is (s, r)."""
    fields = {
        "kind": "evaluation",
        "key": f"{dataset}/{method}/{at}/{score}",
        "data": Data(dataset, "train", "val", "t1", "v1", 10),
        "method": named(method),
        "ipc": 10,
        "seed": at[0],
        "stochastic": True,
        "protocol": named("hard"),
        "student": named("convnet3"),
        "student_seed": at,
        "distilled": f"{dataset}/{method}/{at[0]}",
        "scores": {score: number},
        "provenance": Provenance(
            "2026-01-02T03:04:05", 1.0, 0.0, 0, "cpu", 2, "c0ffee", False, PACKAGES, "3.12", "linux"
        ),
    }
    return Record(**fields | changes)


def metric_of(number, *, seed=0, score="fid", card=None, **changes):
    """Return the record of a score of a set itself."""
    fields = {"protocol": named("fidelity"), "student": None, "student_seed": None, "seed": seed}
    cards = {score: {"extractor": "embedded", "weights": "1a2b"} if card is None else card}
    return student_of(number, at=(seed, 0), score=score, cards=cards, **fields | changes)


@pytest.fixture(scope="session")
def student():
    return student_of


@pytest.fixture(scope="session")
def metric():
    return metric_of


@pytest.fixture(scope="session")
def described():
    return named

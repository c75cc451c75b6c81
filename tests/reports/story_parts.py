"""What the story is told of: protocols, students, methods, traces, machines and failures."""

from __future__ import annotations

from typing import Any

from bench.records import Described, Failure, Provenance

REMARK = "our reading of the paper, which came without code"
PROVENANCE = Provenance(
    started="2026-01-02T03:04:05+00:00",
    seconds=2.5,
    artefact_seconds=0.5,
    peak_memory_bytes=1_300_000_000,
    device="cpu (x86_64)",
    threads=2,
    commit="c0ffee1234567890c0ffee1234567890c0ffee12",
    dirty=False,
    packages={"distillation-bench": "0.1.0", "numpy": "2.4.6", "torch": "2.15.0"},
    python="3.11.7",
    platform="Linux-6.1-x86_64",
    command="bench run quick --seeds 3 --out /home/someone/secret/runs",
)
HARD_FIELDS = {
    **{"batch": 64, "crop_scale": [0.5, 1.0], "epochs": 60, "evaluations": 3, "jitter": 0.4},
    **{"lr": 0.01, "mix": "cutmix", "mix_alpha": 1.0, "norm": "instance", "optimizer": "sgd"},
    **{"resolution": 32, "schedule": "multistep", "table": "minimax", "weight_decay": 0.0005},
}
SOFT_FIELDS = {
    **{"batch": 10, "crop_scale": [1.0, 1.0], "epochs": 45, "evaluations": 1, "jitter": 0.0},
    **{"labels": "fresh", "lr": 0.001, "mix": "cutmix", "norm": "batch", "optimizer": "adamw"},
    **{"resolution": 32, "schedule": "half-cosine", "table": "rded", "temperature": 20.0},
    **{"teacher": {}, "weight_decay": 0.01},
}
FIDELITY_FIELDS = {"features": "embedded", "embedding": "embedded", "num_real": 1000}


def described(name: str, fields: dict[str, Any] | None = None, **changes: Any) -> Described:
    """Return a method, protocol or student of which all is as published, but for the changes."""
    fields = fields or {}
    label = changes.pop("label", name)
    asked = changes.pop("asked", dict.fromkeys(fields))
    identity = changes.pop("identity", label)
    return Described(name, label, identity, asked, fields, **changes)


HARD = described(
    "hard/minimax",
    HARD_FIELDS,
    label="hard/minimax+epochs=60",
    identity="hard/minimax+batch=64,epochs=60,lr=0.01",
    asked=dict.fromkeys(HARD_FIELDS) | {"epochs": 60},
)
HARD_ON_ALL = described(
    "hard/minimax",
    HARD_FIELDS | {"epochs": 9},
    label="hard/minimax+epochs=60",
    identity="hard/minimax+batch=64,epochs=9,lr=0.01",
)
SOFT = described("soft/rded", SOFT_FIELDS, identity="soft/rded+batch=10,teacher=embedded")
FIDELITY = described("fidelity", FIDELITY_FIELDS, identity="fidelity+num_real=1000")
STUDENTS = (
    described("convnet3", {"depth": 3, "norm": None, "width": 32}, label="convnet3+width=32"),
    described("resnetap10", {"depth": 10, "norm": None, "width": 8}, label="resnetap10+width=8"),
)


def method_of(name: str) -> Described:
    """Return a method as the story runs it."""
    if name in ("dit", "dap", "mgd3"):
        sampling = {"generator": "embedded", "scheduler": "ddim", "steps": 20, "cfg": 4.0}
        identity = f"{name}+sampling[generator=embedded,steps=20]"
        remark = REMARK if name == "dap" else ""
        return described(name, {"sampling": sampling}, identity=identity, remark=remark)
    return described(name, {"features": "embedded"} if name == "kmeans" else {})


_STEPS = range(20)
TRACES: dict[str, dict[str, list[float]]] = {
    "mgd3": {
        "guidance/t": [950.0 - 50.0 * step for step in _STEPS],
        "guidance/step noise": [10.0 - 0.4 * step for step in _STEPS],
        "guidance/mean": [0.5 * (10.0 - 0.4 * step) for step in _STEPS],
    },
    "dap": {
        "guidance/t": [950.0 - 50.0 * step for step in _STEPS],
        "guidance/step noise": [10.0 - 0.4 * step for step in _STEPS],
        "guidance/x": [0.1 * (10.0 - 0.4 * step) for step in _STEPS],
        "guidance/energy": [3.0 - 0.1 * step for step in _STEPS],
    },
}
"""Traces of the methods that have any: the change of `mgd3` is half the noise of its step."""

FAILURES = tuple(
    Failure(
        key=f"failed{attempt}",
        unit=f"minimax, shapenette, IPC {ipc}, set 0",
        attempt=attempt,
        error="BenchError",
        message="/home/someone/secret/cache/difference.safetensors cannot be read: delete it.",
        traceback=(
            "Traceback (most recent call last):\n"
            '  File "/home/someone/secret/bench/units.py", line 111, in run_unit\n'
            "    outcome = do(unit)\n"
            "bench.errors.BenchError: cannot be read\n"
        ),
        provenance=PROVENANCE,
    )
    for attempt, ipc in ((1, 1), (2, 10))
)

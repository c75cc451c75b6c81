"""Weights and their card, as they enter the package.

autoencoder.safetensors   float16
transformer.safetensors   float16, the moving average
features.safetensors      float16
card.json                 data, settings, steps, losses, machine, time, what it reaches, sha256
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import BenchError
from bench.files import replace_file
from bench.generators.training.result import WEIGHTS, read_result
from bench.shipped import CARD, CLASS_IDS, SETS

STAGES = ("autoencoder", "transformer", "features")
LARGEST = 12_000_000
"""Bytes that all weights together may take."""


def file_name(stage: str) -> str:
    """Return the name of the weight file of a stage."""
    return f"{stage}.safetensors"


def export(out: Path, to: Path) -> dict[str, Any]:
    """Copy the weights of all stages below `out` into the folder `to` and return their card.

    Raises BenchError if a stage or the gates are not finished, if weights were changed since, if
    the transformer was trained on another autoencoder, or if they are larger than `LARGEST`.
    """
    from bench.generators.training.gates import REPORT

    stages = {name: read_result(out / name) for name in STAGES}
    weights = {name: _checked_weights(out / name, stages[name]) for name in STAGES}
    _check_together(stages, weights)
    report = out / "gates" / REPORT
    if not report.exists():
        raise BenchError(
            f"{str(report)!r} is missing: run `bench train-generator gates --out {out}` first, "
            "because the card says what the generator reaches."
        )
    gates = msgspec.json.decode(report.read_bytes())
    _check_judged(gates, stages)
    card = {
        "version": 1,
        "name": "embedded",
        "classes": CLASS_IDS,
        "data": {"sets": SETS, "what": "Images of these procedural sets and nothing else."},
        "files": {file_name(name): _file_facts(content) for name, content in weights.items()},
        "bytes": sum(len(content) for content in weights.values()),
        "stages": stages,
        "reaches": gates,
    }
    to.mkdir(parents=True, exist_ok=True)
    for name, content in weights.items():
        replace_file(to / file_name(name), content)
    replace_file(to / CARD, msgspec.json.format(msgspec.json.encode(card)) + b"\n")
    return card


def _checked_weights(folder: Path, facts: dict[str, Any]) -> bytes:
    content = (folder / WEIGHTS).read_bytes()
    if hashlib.sha256(content).hexdigest() != facts["sha256"]:
        raise BenchError(
            f"{str(folder / WEIGHTS)!r} is not the file its facts.json describes: delete both and "
            f"run `bench train-generator {folder.name}` again."
        )
    return content


def _check_together(stages: dict[str, Any], weights: dict[str, bytes]) -> None:
    used = stages["transformer"]["decided"]["autoencoder"]
    if used != stages["autoencoder"]["sha256"]:
        raise BenchError(
            f"The transformer was trained on the autoencoder {used[:12]}..., but this one is "
            f"{stages['autoencoder']['sha256'][:12]}...: train the transformer again."
        )
    total = sum(len(content) for content in weights.values())
    if total > LARGEST:
        raise BenchError(
            f"The weights must take at most {LARGEST / 1e6:g} MB, got {total / 1e6:.1f} MB: "
            "make a network smaller."
        )


def _check_judged(gates: dict[str, Any], stages: dict[str, Any]) -> None:
    for name, judged in gates["weights"].items():
        if judged != stages[name]["sha256"]:
            raise BenchError(
                f"The gates were measured with other weights of the {name}: run "
                "`bench train-generator gates` again."
            )


def _file_facts(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

"""What a finished stage leaves: weights in half precision, and the facts of how they came about."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from bench.errors import BenchError
from bench.files import replace_file
from bench.generators.training.log import read_losses
from bench.generators.training.stage import LOSSES, Trained
from bench.provenance import commit_of_project, package_versions

WEIGHTS, FACTS = "weights.safetensors", "facts.json"
FIRST_LOSSES, EVEN_LOSSES = 20, 100
"""Losses that a card records: the first ones exactly, and some of the rest evenly."""


def write_result(
    folder: Path,
    model: nn.Module,
    decided: Mapping[str, Any],
    runs: Mapping[str, Trained],
    measures: Mapping[str, float],
) -> None:
    """Write `weights.safetensors` (float16) and `facts.json` into the folder of a stage.

    `runs` names the folders below `folder` ("" is itself) where the stage was trained.
    """
    content = half_weights(model)
    replace_file(folder / WEIGHTS, content)
    commit, dirty = commit_of_project()
    facts = {
        "decided": dict(decided),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "runs": {name: _run_facts(folder / name, trained) for name, trained in runs.items()},
        "measures": dict(measures),
        "commit": commit,
        "dirty": dirty,
        "packages": {**package_versions(), "diffusers": importlib.metadata.version("diffusers")},
        "python": platform.python_version(),
    }
    replace_file(folder / FACTS, msgspec.json.format(msgspec.json.encode(facts)) + b"\n")


def read_result(folder: Path) -> dict[str, Any]:
    """Return the facts of a finished stage; BenchError if it is not finished."""
    path = folder / FACTS
    if not path.exists():
        raise BenchError(
            f"{str(folder)!r} holds no finished training: run "
            f"`bench train-generator {folder.name} --out {folder.parent}` to its end first."
        )
    facts: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return facts


def half_weights(model: nn.Module) -> bytes:
    """Return a safetensors file of the network's state, floating point numbers as float16."""
    state = {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in model.state_dict().items()
    }
    return save(state)


def load_weights(model: nn.Module, path: Path) -> str:
    """Load a safetensors file into a network, keeping its types, and return the file's sha256.

    BenchError if the file is missing, damaged or of another network.
    """
    try:
        model.load_state_dict(load_file(path))
    except FileNotFoundError as error:
        raise BenchError(
            f"There are no weights at {str(path)!r}: train this stage first, or name another file."
        ) from error
    except (SafetensorError, RuntimeError) as error:
        raise BenchError(
            f"{str(path)!r} does not hold the weights of {type(model).__name__}: "
            f"{str(error).splitlines()[0]}"
        ) from error
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rounded_to_half(model: nn.Module) -> None:
    """Round every weight to what float16 can hold, so that what is measured is what is shipped."""
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.copy_(value.half())


def plain(value: Any) -> Any:
    """Return settings as they come back from a JSON file."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _run_facts(folder: Path, trained: Trained) -> dict[str, Any]:
    lines = read_losses(folder / LOSSES)
    every = max(1, len(lines) // EVEN_LOSSES)
    kept = [line for n, line in enumerate(lines, 1) if n <= FIRST_LOSSES or n % every == 0]
    return {
        "steps": trained.steps,
        "seconds": round(trained.seconds, 1),
        "devices": trained.devices,
        "losses": [[int(line["step"]), line["loss"]] for line in kept],
    }

"""Everything that a training needs to go on, in one safetensors file that is written whole.

The header holds the facts as JSON, so that weights and facts cannot be of different steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from bench.errors import BenchError
from bench.files import replace_file

if TYPE_CHECKING:
    from diffusers.training_utils import EMAModel


@dataclass(frozen=True, eq=False)
class Parts:
    """What changes while a network is trained."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: EMAModel | None = None
    """The moving average of the model's parameters, if one is kept."""


def save_checkpoint(path: Path, parts: Parts, facts: Mapping[str, Any]) -> None:
    """Write the state of all parts and some facts in place of an older checkpoint."""
    steps = parts.average.optimization_step if parts.average else 0
    header = {**facts, "average_steps": steps}
    # Copies, because tied parameters share their memory and the format refuses that.
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in _named(parts)}
    replace_file(path, save(tensors, {"facts": msgspec.json.encode(header).decode()}))


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts of a checkpoint; BenchError if the file is damaged."""
    with _opened(path) as file:
        header = file.metadata() or {}
    if "facts" not in header:
        raise _unreadable(path, "it holds no facts")
    facts: dict[str, Any] = msgspec.json.decode(header["facts"])
    return facts


def restore(path: Path, parts: Parts) -> None:
    """Put the parts into the state of a checkpoint; BenchError if it is that of another network."""
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    try:
        _fill(parts, tensors, read_facts(path)["average_steps"])
    except (RuntimeError, KeyError, ValueError) as error:
        raise _unreadable(path, str(error).splitlines()[0]) from error


def _fill(parts: Parts, tensors: Mapping[str, Tensor], average_steps: int) -> None:
    parts.model.load_state_dict(_below("model.", tensors))
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _below("optimizer.", tensors).items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = value
    groups = parts.optimizer.state_dict()["param_groups"]  # rates follow from the step
    parts.optimizer.load_state_dict({"state": state, "param_groups": groups})
    if parts.average:
        kept = _below("average.", tensors)
        shadow = [
            kept[f"{number}"].to(old.device)
            for number, old in enumerate(parts.average.shadow_params)
        ]
        parts.average.load_state_dict({"optimization_step": average_steps, "shadow_params": shadow})


def _named(parts: Parts) -> Iterator[tuple[str, Tensor]]:
    for name, value in parts.model.state_dict().items():
        yield f"model.{name}", value
    for number, entries in parts.optimizer.state_dict()["state"].items():
        for key, value in entries.items():
            if isinstance(value, Tensor):
                yield f"optimizer.{number}.{key}", value
    for number, value in enumerate(parts.average.shadow_params if parts.average else ()):
        yield f"average.{number}", value


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except SafetensorError as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, reason: str) -> BenchError:
    return BenchError(
        f"The checkpoint {str(path)!r} cannot be read ({reason}): delete it to train anew."
    )

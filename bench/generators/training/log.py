"""The losses of a training, one JSON line for every step."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from bench.errors import BenchError
from bench.files import replace_file


class LossLog:
    """A file of lines `{"step": 1, "loss": ...}`, where step counts finished steps.

    Losses stay on the device until `flush`, so that no step waits for them.
    """

    def __init__(self, path: Path, done: int) -> None:
        """Open the log of a training that goes on after `done` steps; later lines are dropped."""
        self.path = path
        self._pending: list[tuple[int, dict[str, Tensor]]] = []
        kept = [line for line in read_losses(path) if line["step"] <= done]
        if len(kept) != done:
            raise BenchError(
                f"{str(path)!r} holds {len(kept)} of the {done} steps of its checkpoint: "
                "put the log back, or train anew in another `--out`."
            )
        replace_file(path, b"".join(msgspec.json.encode(line) + b"\n" for line in kept))

    def add(self, step: int, losses: dict[str, Tensor]) -> None:
        """Take the losses of a step, scalars on any device; "loss" is the one that was lowered."""
        self._pending.append((step, losses))

    def flush(self) -> dict[str, float]:
        """Write what is pending and return the means; BenchError if a loss is not finite."""
        lines = _lines(self._pending)
        self._pending = []
        if not lines:
            return {}
        for line in lines:
            for name, value in line.items():
                if not math.isfinite(value):
                    raise BenchError(
                        f"The {name} became {value} in step {line['step']:.0f}: lower `lr` and "
                        "train anew, in another folder where you gave one."
                    )
        with self.path.open("ab") as file:
            file.writelines(msgspec.json.encode(line) + b"\n" for line in lines)
        names = [name for name in lines[0] if name != "step"]
        return {name: sum(line[name] for line in lines) / len(lines) for name in names}


def read_losses(path: Path) -> list[dict[str, float]]:
    """Return the lines of a log; a last line that was cut off in writing is left out."""
    if not path.exists():
        return []
    whole = path.read_bytes().split(b"\n")[:-1]
    return [msgspec.json.decode(line) for line in whole]


def _lines(pending: list[tuple[int, dict[str, Tensor]]]) -> list[dict[str, float]]:
    if not pending:
        return []
    names = list(pending[0][1])
    stacked = torch.stack([torch.stack([losses[name] for name in names]) for _, losses in pending])
    return [
        {"step": step, **dict(zip(names, values, strict=True))}
        for (step, _), values in zip(pending, stacked.tolist(), strict=True)
    ]

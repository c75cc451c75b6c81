"""Learned differences as safetensors files, which say in their header what they are of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from bench.errors import BenchError
from bench.files import replace_file

if TYPE_CHECKING:
    from torch import Tensor

TUNED = "tuned.safetensors"
"""Both the last weights and their average."""
CHOSEN = "difference.safetensors"
"""One of them."""

RAW, AVERAGE = "raw/", "ema/"
HEADER = "tuned"
"""The one entry of the header, as the order of several would differ from file to file."""


class Header(msgspec.Struct, frozen=True):
    """What a file says of itself."""

    training: str
    """Identity of the training."""
    sha256: str
    """Of names and values."""


NOBODY = Header("", "")


def write_tuned(
    folder: Path, training: str, raw: Mapping[str, Tensor], average: Mapping[str, Tensor]
) -> None:
    """Write what a training has learned, by the names of the original layout."""
    tensors = {RAW + name: value for name, value in raw.items()}
    tensors |= {AVERAGE + name: value for name, value in average.items()}
    _write(folder / TUNED, training, tensors)


def read_tuned(folder: Path, training: str, *, average: bool) -> dict[str, Tensor]:
    """Return the average or the last weights; BenchError if the file is damaged or another's."""
    prefix = AVERAGE if average else RAW
    tensors = _read(folder / TUNED, training)
    return {n.removeprefix(prefix): value for n, value in tensors.items() if n.startswith(prefix)}


def write_chosen(folder: Path, training: str, tensors: Mapping[str, Tensor]) -> None:
    """Write one set of differences."""
    _write(folder / CHOSEN, training, tensors)


def read_chosen(folder: Path, training: str) -> dict[str, Tensor]:
    """Return what `write_chosen` wrote; BenchError if the file is damaged or another's."""
    return _read(folder / CHOSEN, training)


def training_of(path: Path) -> str:
    """Return the identity of the training that a file is of; BenchError if it cannot be read."""
    with _opened(path) as file:
        return _header(file).training


def _header(file: Any) -> Header:
    try:
        return msgspec.json.decode((file.metadata() or {}).get(HEADER, ""), type=Header)
    except msgspec.MsgspecError:
        return NOBODY


def _write(path: Path, training: str, tensors: Mapping[str, Tensor]) -> None:
    whole = {name: value.detach().float().cpu().contiguous() for name, value in tensors.items()}
    header = msgspec.json.encode(Header(training, _sum(whole)))
    replace_file(path, save(whole, {HEADER: header.decode()}))


def _sum(tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 of names and values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path, training: str) -> dict[str, Tensor]:
    found = training_of(path)
    if found != training:
        raise BenchError(
            f"{path} should hold the weights of tuning {training}, got those of "
            f"{found or 'something else'}: delete its folder, and they are made anew."
        )
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        promised = _header(file).sha256
    if _sum(tensors) != promised:
        raise BenchError(
            f"{path} holds other values than were written (its sha256 differs): delete its folder, "
            "and the weights are made anew."
        )
    wrong = next((name for name, value in tensors.items() if not torch.isfinite(value).all()), None)
    if wrong is not None:
        raise BenchError(
            f"{path} holds {wrong!r} that is not finite: delete its folder, and the weights are "
            "made anew."
        )
    return tensors


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise BenchError(
            f"The tuned weights in {path} cannot be read ({error}): delete their folder, and they "
            "are made anew."
        ) from error

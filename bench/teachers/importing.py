"""Importing a checkpoint as a teacher: pickle or safetensors in, a safetensors file out.

A pickle is read by `bench.teachers.unpickle` in a process of its own. What comes out is compared
with the network that it is said to fill, and says in its header which class every output is.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bench.errors import BenchError, UsageError
from bench.teachers.base import built
from bench.teachers.files import (
    CLASSES,
    WEIGHTS,
    is_pickle,
    misfit,
    other_count,
    read_header,
    sha256_of,
)
from bench.training.recipe import Norm

if TYPE_CHECKING:
    from torch import Tensor

TIMEOUT = 900.0
"""Seconds that the reading of a pickle may take."""


@dataclass(frozen=True)
class Import:
    """What is imported, and what is said of it."""

    source: Path
    to: Path
    network: str
    """Request for the student whose weights they are."""
    norm: Norm = "batch"
    resolution: int = 224
    """Pixels per side of its images, of which the layers of some networks depend."""
    key: str = ""
    """Entry of the checkpoint that holds the weights; "" is the file itself or its "model"."""
    classes: tuple[str, ...] = ()
    """Class id of every output in order; () leaves it unsaid."""
    top1: float | None = None
    """Accuracy in percent that its authors state."""
    weights: str = ""
    """torchvision's name, if the file has been shown to be theirs."""


def import_teacher(wanted: Import) -> int:
    """Write the file; return how many classes it answers.

    Raises UsageError if the source is missing or the target is there, if the weights are not those
    of the network or answer another number of classes; BenchError if a pickle cannot be read.
    """
    _check_paths(wanted)
    with tempfile.TemporaryDirectory(".partial", ".", wanted.to.parent) as folder:
        aside = Path(folder) / "tensors.safetensors"
        safe = _is_safe(wanted.source)
        tensors = wanted.source if safe else unpickled(wanted.source, aside, wanted.key)
        return _checked_and_written(wanted, tensors, Path(folder) / "whole.safetensors")


def of_torchvision(source: Path, name: str, to: Path | None) -> Import:
    """Return the import of torchvision's own file of weights, proven by the digits in its name.

    Without `to` it goes where every run looks for it. UsageError if it is another file.
    """
    from bench.data.classes import class_list
    from bench.teachers.torchvision_weights import cache_folder, known_weights, network_of

    address = known_weights(name).url
    digits = re.search(r"-([0-9a-f]{8,})\.pth$", address)
    _require_file(source)
    found = sha256_of(source)
    if digits is None or not found.startswith(digits.group(1)):
        expected = digits.group(1) if digits else "unknown"
        raise UsageError(
            f"{source.name} should have the sha256 {expected}... as {name}, got {found[:8]}...: it "
            f"is another file than {address}."
        )
    target = to or cache_folder() / f"{name}.safetensors"
    return Import(source, target, network_of(name), classes=class_list("imagenet1k"), weights=name)


def read_classes(text: str) -> tuple[str, ...]:
    """Return class ids: of a list with commas, a file with one a line, or a class list's name.

    UsageError if it is none of these, or if an id is there twice.
    """
    path = Path(text).expanduser()
    if "," in text:
        found = [part.strip() for part in text.split(",")]
    elif path.is_file():
        lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
        found = [line for line in lines if line and not line.startswith("#")]
    else:
        found = list(_named_list(text))
    if len(set(found)) != len(found) or not all(found):
        raise UsageError(f"`--classes` must name every class once, got {text!r}.")
    return tuple(found)


def _named_list(name: str) -> tuple[str, ...]:
    from bench.data import classes

    folder = Path(classes.__file__).with_name("class_lists")
    known = {"imagenet1k", *(path.stem for path in folder.glob("*.txt"))}
    if name not in known:
        raise UsageError(
            "`--classes` expects class ids with commas between them, a file with one a line, or "
            f"one of {', '.join(sorted(known))}, got {name!r}."
        )
    return classes.class_list(name)


def _check_paths(wanted: Import) -> None:
    _require_file(wanted.source)
    if wanted.to.suffix != ".safetensors":
        raise UsageError(f"`--out` must end in .safetensors, got {wanted.to.name!r}.")
    if wanted.to.exists():
        raise UsageError(f"{wanted.to} exists: remove it, or choose another `--out`.")
    wanted.to.parent.mkdir(parents=True, exist_ok=True)


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"Expected the checkpoint of a teacher, {str(path)!r} is no file.")


def _is_safe(path: Path) -> bool:
    if is_pickle(path):
        return False
    read_header(path)
    return True


def unpickled(source: Path, to: Path, key: str) -> Path:
    """Have another process read a pickle; return the safetensors file `to` that it writes.

    `key` names the entry that holds the tensors; "" is the file itself or its "model". BenchError
    if there is more than tensors in it, or if it cannot be read.
    """
    command = [sys.executable, "-P", "-m", "bench.teachers.unpickle", source, to, key]
    try:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, timeout=TIMEOUT
        )
        answer = msgspec.json.decode(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired as error:
        raise BenchError(
            f"{source} was not read within {TIMEOUT:.0f} seconds: ask for safetensors."
        ) from error
    except (IndexError, msgspec.MsgspecError) as error:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BenchError(
            f"{source} could not be read (exit status {done.returncode}: {last}): ask its "
            "author for safetensors."
        ) from error
    if "error" in answer:
        raise _why_not(source.name, answer, key)
    return to


def _why_not(file: str, answer: Mapping[str, Any], key: str) -> BenchError:
    found = answer["found"]
    if answer["error"] == "torch":
        return BenchError(f"Pickles are imported by torch 2.10 or later, got {found}: update it.")
    if answer["error"] == "refused":
        return BenchError(
            f"{file} holds more than tensors (weights_only refuses `{found}`), so it is not "
            "imported: ask its author for safetensors."
        )
    if answer["error"] == "unreadable":
        return BenchError(f"{file} is not a whole checkpoint ({found}): copy it again.")
    names = ", ".join(map(repr, found[:8])) or "no entries"
    tried = f"no weights in its entry {key!r}" if key else "no weights"
    return UsageError(
        f"{file} has {tried}, but {names}: say with `--key` which entry the weights are."
    )


def _checked_and_written(wanted: Import, source: Path, aside: Path) -> int:
    from safetensors.torch import load_file, save_file

    tensors = dict(_named_for(wanted.network, load_file(source)))
    count = _num_classes(wanted, {name: tuple(value.shape) for name, value in tensors.items()})
    save_file(tensors, aside, metadata=dict(_header(wanted)))
    aside.rename(wanted.to)
    return count


def _named_for(network: str, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors by the names that our ResNets have; torchvision's call the stem otherwise.

    They are the ones with a 3 x 3 stem that RDED calls `resnet18_modified`.
    """
    ours = re.match(r"resnet\d+", network) is not None
    for name, value in tensors.items():
        stem = name.partition(".")[0] in ("conv1", "bn1")
        yield (f"layer0.{name}" if ours and stem else name), value


def _num_classes(wanted: Import, found: Mapping[str, tuple[int, ...]]) -> int:
    """Return the number of outputs; UsageError if the layers or their number are other ones."""
    assumed = len(wanted.classes) or 2
    state = built(wanted.network, wanted.norm, assumed, wanted.resolution, 0).state_dict()
    needed = {name: tuple(value.shape) for name, value in state.items()}
    other = other_count(needed, found, assumed)
    if other is not None and wanted.classes:
        raise UsageError(
            f"{wanted.source.name} answers {other} classes, but `--classes` names {assumed}: name "
            "one for each output, in order."
        )
    if other is None and (reason := misfit(needed, found)):
        raise UsageError(
            f"{wanted.source.name} does not fit {wanted.network!r} with images of "
            f"{wanted.resolution} pixels ({reason}): name the `--network`, `--norm` or "
            "`--resolution` that it is of."
        )
    return other or assumed


def _header(wanted: Import) -> Iterator[tuple[str, str]]:
    yield "network", wanted.network
    yield "norm", wanted.norm
    yield "source_sha256", sha256_of(wanted.source)
    if wanted.classes:
        yield CLASSES, msgspec.json.encode(wanted.classes).decode()
    if wanted.weights:
        yield WEIGHTS, wanted.weights
    if wanted.top1 is not None:
        yield "top1", f"{wanted.top1:g}"

"""What a safetensors file of weights says of itself, read from its header alone."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.errors import UsageError

Shapes = Mapping[str, tuple[int, ...]]

CLASSES = "classes"
"""Entry of the header: JSON list of class ids, one for every output in order."""
WEIGHTS = "weights"
"""Entry of the header: torchvision's name of the weights, where they are shown to be those."""

PICKLES = (".pt", ".pth", ".pkl", ".bin", ".ckpt", ".tar")
LONGEST_HEADER = 100_000_000
"""Bytes; the limit of the format itself."""


@dataclass(frozen=True)
class Header:
    """The names and shapes of all tensors, and what the writer said of them."""

    shapes: Shapes
    facts: Mapping[str, str]

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the class id of every output; () if the file does not say."""
        return tuple(msgspec.json.decode(self.facts[CLASSES])) if CLASSES in self.facts else ()


def read_header(path: Path) -> Header:
    """Return the header of a safetensors file.

    Raises UsageError if there is no such file, if it is a pickle, or if it is damaged.
    """
    if not path.is_file():
        raise UsageError(f"Expected a teacher's weights in {str(path)!r}, there is no such file.")
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        whole = length <= min(LONGEST_HEADER, path.stat().st_size - 8)
        text = file.read(length) if whole else b""
    if not text.startswith(b"{"):
        raise _pickle(path) if is_pickle(path) else _damaged(path)
    try:
        entries: dict[str, dict[str, object]] = msgspec.json.decode(text)
        facts = {key: str(value) for key, value in entries.pop("__metadata__", {}).items()}
        shapes = {name: msgspec.convert(e["shape"], tuple[int, ...]) for name, e in entries.items()}
        header = Header(shapes, facts)
        assert all(isinstance(name, str) for name in header.classes)
    except (msgspec.MsgspecError, AttributeError, KeyError, TypeError, AssertionError) as error:
        raise _damaged(path) from error
    return header


def is_pickle(path: Path) -> bool:
    """Say whether a file is a pickled checkpoint, by its first bytes or its name."""
    with path.open("rb") as file:
        start = file.read(4)
    return start == b"PK\x03\x04" or start[:1] == b"\x80" or path.suffix.lower() in PICKLES


def sha256_of(path: Path) -> str:
    """Return the hash of a file's content, read once a process unless the file changes."""
    state = path.stat()
    return _sha256(path, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def misfit(needed: Shapes, found: Shapes) -> str:
    """Return in words why tensors do not fill a network; "" if they do, name by name."""
    needed, found = _parameters(needed), _parameters(found)
    lacks, extra = (sorted(set(a) - set(b)) for a, b in ((needed, found), (found, needed)))
    if lacks or extra:
        parts = [f"it lacks `{lacks[0]}`"] if lacks else []
        return ", ".join(parts + ([f"it has `{extra[0]}`"] if extra else []))
    for name, shape in needed.items():
        if found[name] != shape:
            return f"its `{name}` is {list(found[name])}, not {list(shape)}"
    return ""


def other_count(needed: Shapes, found: Shapes, num_classes: int) -> int | None:
    """Return how many classes tensors answer that fit but for that; None if that is not it."""
    needed, found = _parameters(needed), _parameters(found)
    if set(needed) != set(found):
        return None
    differing = [(shape, found[name]) for name, shape in needed.items() if found[name] != shape]
    if any(not has or shape != (num_classes, *has[1:]) for shape, has in differing):
        return None
    counts = {has[0] for _, has in differing}
    return counts.pop() if len(counts) == 1 else None


def _parameters(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    # Batch norm counts its batches in a tensor that no answer depends on and older files lack.
    return {n: shape for n, shape in shapes.items() if not n.endswith("num_batches_tracked")}


def _pickle(path: Path) -> UsageError:
    return UsageError(
        f"{path.name!r} is a pickle, which can run code when it is read: import it once with "
        f"`bench import-teacher {path.name} --network resnet18 -o {path.stem}.safetensors`."
    )


def _damaged(path: Path) -> UsageError:
    return UsageError(
        f"{str(path)!r} is not a whole safetensors file: copy it again, or import it anew with "
        "`bench import-teacher`."
    )

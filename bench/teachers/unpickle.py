"""Turning a pickled checkpoint into safetensors: the one place where a pickle is read.

Run in a process of its own, `python -m bench.teachers.unpickle FILE TO KEY`, which answers with one
line of JSON: what was written, or why nothing was. Torch reads tensors and plain values alone
(`weights_only`), in versions whose reader of them has no known way to run code.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
from pathlib import Path
from typing import Any

LEAST_TORCH = (2, 10)
SPARE = 2 * 2**30
"""Bytes of memory that reading may take beyond four times the size of the file."""


def converted(source: Path, to: Path, key: str) -> dict[str, Any]:
    """Write the tensors of a checkpoint to `to`; return what there is, or an "error".

    `key` names the entry that holds them; "" is the file itself or else its entry "model".
    """
    import torch

    if _version(torch.__version__) < LEAST_TORCH:
        return {"error": "torch", "found": torch.__version__}
    _limit_memory(source)
    # torchvision's training script keeps its command line beside the weights, as a Namespace.
    with torch.serialization.safe_globals([argparse.Namespace]):
        try:
            content = torch.load(source, map_location="cpu", weights_only=True)
        except (MemoryError, RuntimeError, ValueError, EOFError, OSError) as error:
            return {"error": "unreadable", "found": _first_line(error)}
        except Exception as error:  # pickle's own errors have no common class
            return {"error": "refused", "found": _refused(error)}
    tensors = _tensors(content, key)
    if tensors is None:
        keys = [str(name) for name in content] if isinstance(content, dict) else []
        return {"error": "key", "found": keys}
    return _written(tensors, to)


def _tensors(content: Any, key: str) -> dict[str, Any] | None:
    """Return the tensors by name, without the prefix that parallel training adds."""
    import torch

    if not isinstance(content, dict):
        return None
    if not key and not any(isinstance(value, torch.Tensor) for value in content.values()):
        key = "model"
    entries = content.get(key) if key else content
    if not isinstance(entries, dict):
        return None
    tensors = {str(n): value for n, value in entries.items() if isinstance(value, torch.Tensor)}
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    return tensors or None


def _written(tensors: dict[str, Any], to: Path) -> dict[str, Any]:
    from safetensors.torch import save_file

    # Copies, because the format refuses tensors that share their memory.
    save_file({name: value.detach().clone().contiguous() for name, value in tensors.items()}, to)
    return {"tensors": len(tensors)}


def _version(text: str) -> tuple[int, int]:
    major, minor = re.findall(r"\d+", text)[:2]
    return int(major), int(minor)


def _limit_memory(source: Path) -> None:
    """Let a file that claims to be huge fail here and not take the machine along."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + 4 * source.stat().st_size + SPARE
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _refused(error: Exception) -> str:
    """Return the name that torch refuses to look up, or the instruction that it does not know."""
    found = re.search(r"GLOBAL ([\w.]+)|(operand \w+)", str(error))
    return found.group(1) or found.group(2) if found else "what is in it"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")


if __name__ == "__main__":
    file, target, entry = sys.argv[1:]
    print(json.dumps(converted(Path(file), Path(target), entry)))

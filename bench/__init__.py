"""The ground all rooms stand on: data, backbones, training, records, plan, run, command line.

From Python: `bench.run(bench.RunSpec(methods=("random",), datasets=("shapenette",), ...))`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.request import RunSpec
    from bench.runner import Options, Result, run

__version__ = "0.1.0"

__all__ = ["Options", "Result", "RunSpec", "run"]

_HOMES = {
    "RunSpec": "bench.request",
    "Options": "bench.runner",
    "Result": "bench.runner",
    "run": "bench.runner",
}


def __getattr__(name: str) -> Any:
    """Load the names above when they are first used, so that `import bench` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bench' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)

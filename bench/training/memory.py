"""What is said where a device has no room for what is done: one sentence, not torch's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bench.errors import BenchError

SIGNS = ("out of memory", "can't allocate memory", "ALLOC_FAILED")
"""What CUDA, torch's allocator of the CPU and cuBLAS say in errors of no class of their own."""


@contextmanager
def told_if_full(doing: str, mend: str) -> Iterator[None]:
    """Raise BenchError where memory runs out while `doing`; let every other error pass."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and not any(
            s in str(error) for s in SIGNS
        ):
            raise
        raise BenchError(f"The device ran out of memory while {doing}: {mend}.") from error

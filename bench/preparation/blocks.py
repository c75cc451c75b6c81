"""Work on many rows a few at a time: fewer where the device's memory does not suffice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from bench.errors import BenchError

T = TypeVar("T")


@dataclass
class Blocks:
    """How many rows are taken at once; halved for good where they did not fit."""

    size: int
    """Rows of a block at most."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        if self.size < 1:
            raise ValueError(f"`size` must be at least 1, got {self.size}.")

    def over(self, count: int, work: Callable[[int, int], T]) -> Iterator[T]:
        """Yield `work(start, stop)` of all blocks of `count` rows, in order.

        A block for which the device's memory is too small is cut into halves. BenchError if it is
        too small for one row.
        """
        import torch

        start = 0
        while start < count:
            stop = min(start + self.size, count)
            try:
                done = work(start, stop)
            except torch.OutOfMemoryError as error:
                if stop - start == 1:
                    raise BenchError(
                        "The memory of the device does not suffice for a single image: free some, "
                        "use `numerics=bf16` or another device."
                    ) from error
                self.size = (stop - start) // 2
            else:
                start = stop
                yield done
                continue
            # After the handler, whose traceback keeps the tensors of the failed block alive.
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

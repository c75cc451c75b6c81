"""A thread that writes while the device goes on computing."""

from __future__ import annotations

from collections.abc import Callable
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")

WAITING = 2
"""Items that may wait to be written: the sampler then waits too, and memory stays bounded."""


class Writer(Generic[T]):
    """Calls a function with one item after the other, on a thread of its own.

    A context: leaving it waits until all is written. What the function raises leaves `put` or the
    context instead, and nothing is written after it.
    """

    def __init__(self, write: Callable[[T], None], waiting: int = WAITING) -> None:
        """Take what is called with every item."""
        self._write = write
        self._queue: Queue[tuple[T] | None] = Queue(waiting)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, name="writer", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def put(self, item: T) -> None:
        """Have an item written soon; waits while too many do."""
        if self._error is not None:
            raise self._error
        self._queue.put((item,))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Wait until everything is written; raise what writing met, unless there is an error."""
        self._queue.put(None)
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def _work(self) -> None:
        while (waiting := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._write(*waiting)
                except BaseException as error:  # raised again where items come from
                    self._error = error

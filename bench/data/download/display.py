"""How far a download is: a bar on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from bench.data.download.fetch import Watch

EVERY = 10.0
"""Seconds between two lines."""


@contextlib.contextmanager
def shown(title: str) -> Iterator[Watch]:
    """Yield what a download tells, and show it on the standard error stream."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(title, console)
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24))
    with Progress(
        *columns, DownloadColumn(), TimeRemainingColumn(), console=console, transient=True
    ) as bars:
        yield _Bars(title, bars)


class _Bars:
    """One bar for every step."""

    def __init__(self, title: str, bars: Progress) -> None:
        self.title, self.bars = title, bars
        self.step = ""
        self.task: TaskID | None = None

    def __call__(self, step: str, done: int, total: int | None) -> None:
        if self.task is None or step != self.step:
            if self.task is not None:
                self.bars.remove_task(self.task)
            self.step, self.task = step, self.bars.add_task(f"{self.title}: {step}", total=total)
        self.bars.update(self.task, completed=done, total=total)


class _Lines:
    """A line when a step begins, and now and then while it lasts."""

    def __init__(self, title: str, console: Console) -> None:
        self.title, self.console = title, console
        self.step, self.last = "", 0.0

    def __call__(self, step: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if step == self.step and now - self.last < EVERY:
            return
        self.step, self.last = step, now
        size = f" of {total / 1e6:,.0f}" if total else ""
        line = f"{self.title}: {step}, {done / 1e6:,.0f}{size} MB"
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

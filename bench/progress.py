"""Telling the user how a run goes: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bench.scores import SCORES
from bench.timing import Shape, TimeLeft, duration

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from bench.plan import Unit
    from bench.records import Record


class Reporter(Protocol):
    """What an executor tells while it works."""

    def begin(self, pending: Sequence[Unit]) -> None:
        """Hear which units are to do."""
        ...

    def started(self, unit: Unit) -> None:
        """Hear that a unit begins."""
        ...

    def advanced(self, done: int, total: int) -> None:
        """Hear how far the current unit is."""
        ...

    def finished(self, unit: Unit, record: Record) -> None:
        """Hear that a unit has its record."""
        ...

    def failed(self, unit: Unit, message: str) -> None:
        """Hear that a unit has failed."""
        ...

    def note(self, text: str) -> None:
        """Hear one sentence."""
        ...

    def end(self) -> None:
        """Hear that no more comes."""
        ...


@dataclass
class Lines:
    """Plain lines, one for every unit that ends."""

    console: Console
    left: TimeLeft = field(default_factory=TimeLeft)
    _total: int = 0
    _ended: int = 0

    def begin(self, pending: Sequence[Unit]) -> None:
        """Take the units that are to do."""
        self._total = len(pending)
        self.left.begin(pending)

    def started(self, unit: Unit) -> None:
        """Start the clock of a unit."""
        self.left.started()

    def advanced(self, done: int, total: int) -> None:
        """Say nothing: lines are for units that end."""

    def finished(self, unit: Unit, record: Record) -> None:
        """Print the unit, its ranked score and the time left."""
        self._line(unit, _result(record))

    def failed(self, unit: Unit, message: str) -> None:
        """Print the unit and why it failed."""
        self._line(unit, f"FAILED: {message}")

    def note(self, text: str) -> None:
        """Print one sentence."""
        self.console.print(_shown(text), markup=False, highlight=False, soft_wrap=True)

    def end(self) -> None:
        """Do nothing: every line is printed."""

    def _line(self, unit: Unit, result: str) -> None:
        self._ended += 1
        seconds = self.left.finished(unit)
        left = f"; {duration(self.left.seconds())} left" if self._ended < self._total else ""
        self.note(
            f"[{self._ended}/{self._total}] {unit.title}: {result} ({duration(seconds)}{left})"
        )


@dataclass
class Live:
    """A bar for the run and one for the current unit, on a terminal."""

    console: Console
    left: TimeLeft = field(default_factory=TimeLeft)
    _bar: Bar | None = None
    _run: TaskID | None = None
    _unit: TaskID | None = None

    def begin(self, pending: Sequence[Unit]) -> None:
        """Draw the bars."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self.left.begin(pending)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24))
        self._bar = Progress(
            *columns, MofNCompleteColumn(), console=self.console, transient=True, expand=False
        )
        self._run = self._bar.add_task(self._title(), total=len(pending))
        self._unit = self._bar.add_task("", total=None, visible=False)
        self._bar.start()

    def started(self, unit: Unit) -> None:
        """Show the unit."""
        self.left.started()
        self._update(self._unit, description=unit.title, completed=0, total=None, visible=True)

    def advanced(self, done: int, total: int) -> None:
        """Move the unit's bar."""
        self._update(self._unit, completed=done, total=total)

    def finished(self, unit: Unit, record: Record) -> None:
        """Print the unit above the bars and move the run's bar."""
        self._line(unit, _result(record))

    def failed(self, unit: Unit, message: str) -> None:
        """Print the failure above the bars and move the run's bar."""
        self._line(unit, f"FAILED: {message}")

    def note(self, text: str) -> None:
        """Print one sentence above the bars."""
        self.console.print(_shown(text), markup=False, highlight=False, soft_wrap=True)

    def end(self) -> None:
        """Remove the bars."""
        if self._bar:
            self._bar.stop()

    def _line(self, unit: Unit, result: str) -> None:
        self.note(f"{unit.title}: {result} ({duration(self.left.finished(unit))})")
        self._update(self._unit, visible=False)
        self._update(self._run, advance=1, description=self._title())

    def _title(self) -> str:
        return f"{duration(self.left.seconds())} left"

    def _update(self, task: TaskID | None, **changes: object) -> None:
        if self._bar is not None and task is not None:
            self._bar.update(task, **changes)  # type: ignore[arg-type]  # passed on by name


def reporter(console: Console, estimates: Mapping[Shape, float]) -> Reporter:
    """Return a live display on a terminal and plain lines elsewhere."""
    left = TimeLeft(estimates)
    return Live(console, left) if console.is_terminal else Lines(console, left)


def _result(record: Record) -> str:
    ranked = [
        f"{SCORES[name].title} {value:.{SCORES[name].decimals}f}{SCORES[name].unit}"
        for name, value in record.scores.items()
        if name in SCORES and SCORES[name].ranked
    ]
    return ", ".join(ranked) or f"{record.facts.get('images', 'no')} images"


def _shown(text: str) -> str:
    """Return text without characters that a terminal obeys: names come from files and plugins."""
    return "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else " " for c in text)

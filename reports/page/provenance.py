"""Where and how a run was made, what was quoted beside it, and what failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.records import Failure, Provenance
from leaderboards.headings import natural, size
from leaderboards.published.ledger import Quote
from reports.material import Material
from reports.page import budget
from reports.page.choices import title
from reports.paths import without_paths
from reports.plain import plain
from reports.ranking import number_text
from reports.words.failed import still_failed


@dataclass(frozen=True)
class Told:
    """One fact of all records, with all its values."""

    what: str
    values: tuple[str, ...]
    more: int = 0
    """Values that are left out."""
    lines: bool = False
    """Every value has a line of its own."""


@dataclass(frozen=True)
class Failed:
    """Attempts that failed alike."""

    units: tuple[str, ...]
    """With the attempt, where it was not the first."""
    more: int
    """Units that are left out."""
    error: str
    message: str
    traceback: str


@dataclass(frozen=True)
class Quoted:
    """A published number beside a measured one."""

    method: str
    where: str
    how: str
    measured: str
    printed: str
    difference: str
    """Measured minus printed, with the half width of its 95% interval; "" where there is none."""
    verdict: str
    source: str
    reasons: tuple[str, ...]


FACTS: dict[str, Callable[[Provenance], str]] = {
    "commit": lambda p: f"{p.commit or 'none'}{', with changes of its own' if p.dirty else ''}",
    "device": lambda p: f"{p.device}, {p.threads} thread{'' if p.threads == 1 else 's'}",
    "Python": lambda p: p.python,
    "platform": lambda p: p.platform,
    "command": lambda p: p.command,
}
"""What is told of a run, by heading."""


def provenance(material: Material) -> list[Told]:
    """Return machines, versions, commands, and time and memory in all."""
    records = [record.provenance for record in material.evidence.records]
    told = [_told(what, (say(one) for one in records)) for what, say in FACTS.items()]
    versions = {f"{name} {version}" for one in _packages(records) for name, version in one.items()}
    seconds = sum(one.seconds + one.artefact_seconds for one in records)
    memory = max((one.peak_memory_bytes for one in records), default=0)
    return [
        *(one for one in told if one.values),
        _told("packages", versions),
        Told("time of all units", (_duration(seconds),)),
        Told("highest memory of a process", (size(memory),)),
    ]


def failures(material: Material) -> list[Failed]:
    """Return the units that failed for good, those that say the same together."""
    found: dict[tuple[str, str], list[Failure]] = defaultdict(list)
    for failure in still_failed(material):
        message = without_paths(plain(failure.message))[: budget.TRACEBACK_CHARACTERS]
        found[plain(failure.error), message].append(failure)
    return [_failed(*said, members) for said, members in found.items()]


def quotes(material: Material) -> list[Quoted]:
    """Return published numbers beside measured ones, in the order of boards and rows."""
    return [
        Quoted(
            method=plain(row.method),
            where=title(board, material.boards),
            how=" · ".join(filter(None, (plain(column.protocol), plain(column.student)))),
            measured=number_text(cell, column.score, row.stochastic),
            printed=f"{quote.row.value:.{quote.row.decimals}f}"
            + (f" ± {quote.row.std:g}" if quote.row.std is not None else ""),
            difference=_difference(quote),
            verdict=quote.verdict,
            source=plain(f"{quote.row.source} · {quote.row.locator}"),
            reasons=tuple(map(plain, quote.reasons)),
        )
        for board in material.boards
        for row in board.rows
        for column, cell in zip(board.columns, row.cells, strict=True)
        if cell is not None
        for quote in cell.quotes
    ]


def _difference(quote: Quote) -> str:
    """Return such as "+3.4 ± 3.5", with the decimals of the printed number."""
    if quote.difference is None:
        return ""
    digits = quote.row.decimals
    half = "" if quote.half is None else f" ± {quote.half:.{digits}f}"
    return f"{quote.difference:+.{digits}f}{half}"


def traceback_of(text: str) -> str:
    """Return the end of a traceback without control characters and paths of the machine."""
    lines = text.splitlines()[-budget.TRACEBACK_LINES :]
    kept = []
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        kept.append(" " * min(indent, 40) + without_paths(plain(line)))
    return "\n".join(kept)[-budget.TRACEBACK_CHARACTERS :]


def _failed(error: str, message: str, members: list[Failure]) -> Failed:
    units = [
        plain(failure.unit) + (f" (attempt {failure.attempt})" if failure.attempt > 1 else "")
        for failure in members
    ]
    return Failed(
        tuple(units[: budget.UNITS]),
        max(0, len(units) - budget.UNITS),
        error,
        message,
        traceback_of(members[-1].traceback),
    )


def _told(what: str, values: Iterable[str]) -> Told:
    # Equal texts are cleaned once: there are as many as records.
    found = sorted({without_paths(plain(value)) for value in set(values)} - {""}, key=natural)
    more = max(0, len(found) - budget.COMMANDS)
    return Told(what, tuple(found[: budget.COMMANDS]), more, lines=what == "command")


def _packages(records: Iterable[Provenance]) -> Iterable[dict[str, str]]:
    return {id(one.packages): one.packages for one in records}.values()


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "min"), (left, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"

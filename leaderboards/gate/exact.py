"""The strict gate: the same request on the same machine must give the same numbers, bit by bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.errors import UsageError
from bench.records import Record
from leaderboards.gate.baseline_file import Baseline, Machine, machine_of
from leaderboards.gate.cells import Held
from leaderboards.gate.matching import match, refuse
from leaderboards.table import latest


@dataclass(frozen=True)
class Differing:
    """One value, or one distilled set, that is not what it was."""

    cell: str
    at: str
    """Seed of a set, (s, r) of a student, or "" for what is no matter of one."""
    was: str
    now: str


def differing(baseline: Baseline, records: Iterable[Record]) -> tuple[Differing, ...]:
    """Return all that differs, by cell; () if every value and every set is the same.

    Raises Incomparable as `leaderboards.gate.checking.check`, and UsageError unless baseline and
    records are all of one machine with the same libraries.
    """
    records = latest(records)
    matched = match(baseline, records)
    if matched.changes:
        refuse(matched.changes)
    _one_machine([*baseline.provenance.machines, *map(machine_of, records)])
    return tuple(found for pair in matched.pairs for found in _of_cell(*pair))


def _of_cell(was: Held, now: Held) -> Iterator[Differing]:
    for seed, revision in was.sets.items():
        if now.sets.get(seed) != revision:
            other = now.sets.get(seed, "absent")
            yield Differing(was.title, f"distilled set {seed}", revision, other)
    values = now.by_seed
    for (s, r), value in was.by_seed.items():
        if values[s, r] != value:
            at = f"set {s}" if r is None else f"student ({s}, {r})"
            yield Differing(was.title, at, repr(value), repr(values[s, r]))


def _one_machine(machines: list[Machine]) -> None:
    first = machines[0]
    for other in machines[1:]:
        if other != first:
            raise UsageError(
                f"`--exact` compares records of one machine, but {_difference(first, other)}: "
                "check without it, or make a baseline here."
            )


def _difference(first: Machine, other: Machine) -> str:
    """Return the first facts in which two machines differ."""
    for name in ("device", "threads", "python", "platform"):
        one, two = getattr(first, name), getattr(other, name)
        if one != two:
            return f"{name} is {two!r} and was {one!r}"
    name = min(k for k, _ in first.packages.items() ^ other.packages.items())
    return f"{name} is {other.packages.get(name)} and was {first.packages.get(name)}"

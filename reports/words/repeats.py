"""How often things were repeated: sets of a method, and students of a set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.records import Record
from reports.words.counting import chained

MOST = 3
"""Counts that are listed; more are a range."""

Counts = frozenset[int]


@dataclass(frozen=True)
class Repeats:
    """Of the methods that have randomness, or of those that have none."""

    sets: Counts
    """Distilled sets of one method, for one real set and IPC."""
    students: Counts
    """Students of one distilled set, under one protocol and of one architecture."""
    seeds: frozenset[int]
    """Of distillation."""
    equal: bool
    """Seeds of one method have given equal sets, which are one."""


def repeats(records: Iterable[Record]) -> dict[bool, Repeats]:
    """Return the repeats of methods by whether they have randomness, without references.

    A method without randomness has one set, whatever number of seeds it was asked for with.
    """
    sets: dict[bool, dict[tuple[object, ...], set[str]]]
    seeds: dict[bool, dict[tuple[object, ...], set[int]]]
    students: dict[bool, dict[tuple[object, ...], set[tuple[int, int]]]]
    sets = {True: defaultdict(set), False: defaultdict(set)}
    seeds = {True: defaultdict(set), False: defaultdict(set)}
    students = {True: defaultdict(set), False: defaultdict(set)}
    for record in records:
        if record.ipc is None:
            continue
        where = (record.data, record.ipc, record.method.identity, record.method.origin)
        made = record.distilled if record.stochastic else ""
        sets[record.stochastic][where].add(made)
        seeds[record.stochastic][where].add(record.seed if record.stochastic else 0)
        if record.protocol and record.student and record.student_seed:
            protocol = (record.protocol.identity, record.protocol.origin)
            under = (*protocol, record.student.identity, record.student.origin)
            students[record.stochastic][*where, made, *under].add(record.student_seed)
    return {
        random: Repeats(
            _counts(found),
            _counts(students[random]),
            frozenset().union(*seeds[random].values()),
            any(len(found[where]) < len(several) for where, several in seeds[random].items()),
        )
        for random, found in sets.items()
        if found
    }


def each_of(records: Iterable[Record]) -> str:
    """Return " per protocol and architecture", as far as there are several; else ""."""
    trained = [(one.protocol, one.student) for one in records if one.protocol and one.student]
    several = {
        "protocol": len({protocol.label for protocol, _ in trained}) > 1,
        "architecture": len({student.label for _, student in trained}) > 1,
    }
    named = [what for what, is_so in several.items() if is_so]
    return f" per {chained(named)}" if named else ""


def either(counts: Iterable[int]) -> str:
    """Return "1", "1 or 3", "1, 2 or 3", or of more "1 to 9"."""
    found = [f"{count:,}" for count in sorted(set(counts))]
    return f"{found[0]} to {found[-1]}" if len(found) > MOST else chained(found, " or ")


def _counts(groups: Mapping[tuple[object, ...], set[str] | set[tuple[int, int]]]) -> Counts:
    return frozenset(map(len, groups.values()))

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
    kinds: dict[bool, list[Record]] = {True: [], False: []}
    for record in records:
        if record.ipc is not None:
            kinds[record.stochastic].append(record)
    return {random: _repeats(own) for random, own in kinds.items() if own}


def _repeats(records: Iterable[Record]) -> Repeats:
    """Return the repeats of methods that all have randomness, or all have none."""
    sets: dict[tuple[object, ...], set[str]] = defaultdict(set)
    seeds: dict[tuple[object, ...], set[int]] = defaultdict(set)
    students: dict[tuple[object, ...], set[tuple[int, int]]] = defaultdict(set)
    for one in records:
        where = (one.data, one.ipc, one.method.identity, one.method.origin)
        made, seed = (one.distilled, one.seed) if one.stochastic else ("", 0)
        sets[where].add(made)
        seeds[where].add(seed)
        if one.protocol and one.student and one.student_seed:
            protocol = (one.protocol.identity, one.protocol.origin)
            under = (*protocol, one.student.identity, one.student.origin)
            students[*where, made, *under].add(one.student_seed)
    return Repeats(
        _counts(sets),
        _counts(students),
        frozenset().union(*seeds.values()),
        any(len(sets[where]) < len(several) for where, several in seeds.items()),
    )


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

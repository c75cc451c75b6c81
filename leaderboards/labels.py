"""One label for what is one and the same, however it was asked for.

`hard[epochs=300]` and an alias that someone gave it are one protocol: their numbers belong into
one column. What is the same is decided by identity and origin, within one board.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from bench.records import Described, Record


class _Thing(NamedTuple):
    """What labels stand for."""

    part: str
    """"method", "protocol" or "student"."""
    student: str
    """Identity of the student of a protocol: under two students a label may mean two recipes."""
    identity: str
    origin: str


def with_one_label(records: Sequence[Record]) -> list[Record]:
    """Return the records of one board in their order, every identity under one label.

    Of several labels the one that stands for nothing else is taken, then a registered name, since
    published numbers are found by it, then a name without fields, then the shortest, then the first
    of the alphabet. Identities leave paths out, so that two folders may share one: where any field
    differs all the same, labels stay what they are.
    """
    found: dict[_Thing, list[Described]] = defaultdict(list)
    for record in records:
        for thing, described in _described(record).items():
            found[thing].append(described)
    labels = {thing: {one.label: one for one in members} for thing, members in found.items()}
    meanings = _meanings(record for record in records if record.ipc is not None)

    def order(thing: _Thing, label: str) -> tuple[bool, bool, bool, int, str]:
        shared = len(meanings[thing.part, thing.student, label]) > 1
        named = label == labels[thing][label].name
        return shared, not _registered(label, thing.identity), not named, len(label), label

    chosen = {
        thing: min(several, key=partial(order, thing))
        for thing, several in labels.items()
        if len(several) > 1 and _alike(found[thing])
    }
    return [_renamed(record, chosen) for record in records] if chosen else list(records)


def _registered(label: str, identity: str) -> bool:
    """Return whether a label is the canonical name of an identity, or of a setting of it."""
    name = re.split(r"[@+]", identity, maxsplit=1)[0]
    return label == name or (label.startswith(f"{name}/") and "+" not in label)


def _described(record: Record) -> dict[_Thing, Described]:
    """Return method, protocol and student of a record, as far as it has them."""
    student = record.student.identity if record.student else ""
    parts = (
        ("method", "", record.method),
        ("protocol", student, record.protocol),
        ("student", "", record.student),
    )
    return {
        _Thing(part, under, described.identity, described.origin): described
        for part, under, described in parts
        if described is not None
    }


def _meanings(records: Iterable[Record]) -> dict[tuple[str, str, str], set[_Thing]]:
    """Return what each label stands for, by part and student.

    Reference rows are no matter: without an IPC a protocol is another one under the same label.
    """
    found: dict[tuple[str, str, str], set[_Thing]] = defaultdict(set)
    for record in records:
        for thing, described in _described(record).items():
            found[thing.part, thing.student, described.label].add(thing)
    return found


def _alike(members: Iterable[Described]) -> bool:
    """Return whether no field has two values."""
    fields: dict[str, object] = {}
    return all(
        fields.setdefault(name, value) == value
        for described in members
        for name, value in described.fields.items()
    )


def _renamed(record: Record, chosen: Mapping[_Thing, str]) -> Record:
    changed = {
        thing.part: replace(described, label=chosen[thing])
        for thing, described in _described(record).items()
        if thing in chosen
    }
    return replace(record, **changed) if changed else record

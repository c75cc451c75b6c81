"""What is written above a column and before a row: as short as possible, never ambiguous."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from bench.records import Described

Card = tuple[tuple[str, str], ...]
"""The facts beside a score as sorted (name, value) pairs of text; () without a card."""


class Name(NamedTuple):
    """What tells one method, protocol or student from another."""

    label: str = ""
    identity: str = ""
    origin: str = ""


NO_NAMES: Mapping[Name, str] = MappingProxyType({})
NOBODY = Name()
"""The student of a score that needs none, and the protocol of a cost."""


def name_of(described: Described | None) -> Name:
    """Return the name of a method, protocol or student of a record; `NOBODY` for None."""
    if described is None:
        return NOBODY
    return Name(described.label, described.identity, described.origin)


def headings(names: Collection[Name], short: Mapping[Name, str] = NO_NAMES) -> dict[Name, str]:
    """Return the label of each name, followed by identity and origin where labels are equal.

    `short` are labels to take instead, where nothing else goes by them.
    """
    names = set(names)
    wanted = {name: short.get(name, name.label) for name in names}
    taken = Counter(wanted.values())
    return _full(names) | {
        name: text for name, text in wanted.items() if name in short and taken[text] == 1
    }


def _full(names: Collection[Name]) -> dict[Name, str]:
    labels = Counter(name.label for name in names)
    identities = Counter(name[:2] for name in names)
    found = {}
    for name in names:
        parts = [name.identity] if labels[name.label] > 1 else []
        parts += [name.origin or "built in"] if identities[name[:2]] > 1 else []
        found[name] = f"{name.label} ({', '.join(parts)})" if parts else name.label
    return found


def distinctions(cards: Collection[Card]) -> dict[Card, str]:
    """Return for each card the facts in which it differs from the others, as `name=value,...`."""
    common = set.intersection(*(set(card) for card in cards))
    return {
        card: ",".join(f"{name}={value}" for name, value in card if (name, value) not in common)
        for card in cards
    }


def size(count: float) -> str:
    """Return a number of bytes with three digits and its unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB"


def short_revision(revision: str) -> str:
    """Return the first eight characters of a hash, without the name of its algorithm."""
    return revision.rpartition(":")[2][:8]


def joined(parts: Iterable[str]) -> str:
    """Return the distinct parts in alphabetical order, separated by commas."""
    return ", ".join(sorted(set(parts)))


def natural(text: str) -> list[str | int]:
    """Return a sort key that puts `resnet18` before `resnet101`."""
    parts = re.split(r"([0-9]+)", text)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]

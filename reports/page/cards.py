"""Cards: what protocols, students, scores of images and sets were, field by field."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.records import Described, Record
from bench.scores import CARD_WORDS, SCORES
from leaderboards.headings import natural
from reports.material import Material
from reports.plain import plain
from reports.remarks import about_set


@dataclass(frozen=True)
class Field:
    """One field, with all values it has had."""

    name: str
    values: tuple[str, ...]
    filled: bool = False
    """Not asked for: taken as published for the set, IPC and student."""


@dataclass(frozen=True)
class Card:
    """One thing, and everything that is known of it."""

    title: str
    said: tuple[str, ...]
    """Sentences."""
    fields: tuple[Field, ...]
    identities: tuple[str, ...] = ()


APPLIED_TO = {"epochs_scale": "epochs"}
"""Fields that are run as if not asked for, by the field that has taken them in."""

_Headings = Mapping[tuple[str, str], str]
"""Identity and origin to what tables call it."""


def protocols(material: Material) -> list[Card]:
    """Return a card for every protocol."""
    columns = [column for board in material.boards for column in board.columns]
    named = {(c.protocol_name.identity, c.protocol_name.origin): c.protocol for c in columns}
    return _cards((r.protocol for r in material.evidence.records if r.protocol), named)


def students(material: Material) -> list[Card]:
    """Return a card for every student."""
    columns = [column for board in material.boards for column in board.columns]
    named = {(c.student_name.identity, c.student_name.origin): c.student for c in columns}
    return _cards((r.student for r in material.evidence.records if r.student), named)


def methods(material: Material) -> list[Card]:
    """Return a card for every method."""
    rows = [row for board in material.boards for row in board.rows]
    named = {(row.name.identity, row.name.origin): row.method for row in rows}
    return _cards((record.method for record in material.evidence.records), named)


def scores(material: Material) -> list[Card]:
    """Return a card for every score of the images, from the facts beside it."""
    found: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for record in material.evidence.records:
        for score, facts in record.cards.items() if record.student is None else ():
            for name, value in facts.items():
                found[score][name][text_of(value)] = None
    order = [*SCORES, *sorted(found.keys() - SCORES.keys())]
    return [_score(name, found[name]) for name in order if name in found]


def datasets(material: Material) -> list[Card]:
    """Return a card for every real set and revision."""
    records: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in material.evidence.records:
        data = record.data
        records[data.name, data.train_revision, data.test_revision].append(record)
    names: dict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    for drawn in material.planes[0]:
        board = material.boards[drawn.board]
        key = (board.dataset, board.train_revision, board.test_revision)
        names[key] |= dict.fromkeys(map(plain, drawn.plane.classes))
    boards = {(b.dataset, b.train_revision, b.test_revision): b for b in material.boards}
    return [
        _dataset(members, tuple(names[key]), tuple(about_set(boards[key])))
        for key, members in sorted(records.items(), key=lambda item: natural(item[0][0]))
        if key in boards
    ]


def text_of(value: Any) -> str:
    """Return a value of a field as people write it, on one line."""
    if value is None or value in ({}, [], ()):
        return "none"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{name}={text_of(member)}" for name, member in value.items())
        return plain(f"{{{inner}}}")
    if isinstance(value, list | tuple):
        return plain(f"({', '.join(map(text_of, value))})")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(f"{value:.6g}" if isinstance(value, float) else str(value))


def _cards(described: Iterable[Described], named: _Headings) -> list[Card]:
    """Return a card for every heading and origin, sorted by heading."""
    found: dict[tuple[str, str], dict[str, Described]] = defaultdict(dict)
    for one in described:
        heading = named.get((one.identity, one.origin), one.label)
        found[heading, one.origin].setdefault(one.identity, one)
    ordered = sorted(found.items(), key=lambda item: (natural(item[0][0]), item[0][1]))
    return [
        _card(plain(heading), plain(origin), list(members.values()))
        for (heading, origin), members in ordered
    ]


def _card(label: str, origin: str, members: list[Described]) -> Card:
    members = sorted(members, key=lambda member: natural(member.identity))
    names = dict.fromkeys(name for member in members for name in member.fields)
    fields = tuple(_field(name, members) for name in names)
    said = [f"Comes from {origin}."] if origin else []
    said += sorted({plain(member.remark) for member in members if member.remark})
    return Card(label, tuple(said), fields, tuple(plain(member.identity) for member in members))


def _field(name: str, members: list[Described]) -> Field:
    values = dict.fromkeys(_told(name, m) for m in members if name in m.fields)
    with_it = [member for member in members if name in member.fields]
    filled = any(m.asked.get(name) is None and m.fields[name] is not None for m in with_it)
    return Field(plain(name), tuple(values), filled)


def _told(name: str, member: Described) -> str:
    """Return a field as it was run, and as it was asked for where these are two values."""
    asked, run = member.asked.get(name), member.fields[name]
    if isinstance(run, Mapping):
        # A spec without fields says in the identity alone which one it is.
        named = re.search(rf"[+,]{re.escape(name)}=([^,\[\]]+)", member.identity)
        return plain(named[1]) if named and not run else text_of(run)
    if asked is None or isinstance(asked, Mapping) or asked == run:
        return text_of(run)
    if name in APPLIED_TO:
        return f"{text_of(asked)}, applied to {APPLIED_TO[name]}"
    return f"{text_of(run)}, asked for as {text_of(asked)}"


def _score(name: str, facts: Mapping[str, Iterable[str]]) -> Card:
    score = SCORES.get(name)
    said = (f"{score.note}; {score.better} is better",) if score else ()
    order = dict.fromkeys([*(word for word in CARD_WORDS if word in facts), *sorted(facts)])
    fields = tuple(
        Field(plain(CARD_WORDS.get(fact, fact)), tuple(sorted(facts[fact], key=natural)))
        for fact in order
    )
    return Card(plain(score.title if score else name), said, fields)


def _dataset(records: list[Record], classes: tuple[str, ...], said: tuple[str, ...]) -> Card:
    data = records[0].data
    return Card(
        data_name := plain(data.name), said, tuple(_of_data(records, classes)), (data_name,)
    )


def _of_data(records: list[Record], classes: tuple[str, ...]) -> Iterator[Field]:
    data = records[0].data
    yield Field("classes", (str(data.num_classes),))
    if classes:
        yield Field("their names", (", ".join(classes),))
    yield Field("train split", tuple(sorted({plain(r.data.train_split) for r in records})))
    yield Field("train revision", (plain(data.train_revision),))
    yield Field("test split", tuple(sorted({plain(r.data.test_split) for r in records})))
    yield Field("test revision", (plain(data.test_revision),))

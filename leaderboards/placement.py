"""Where every number of a record belongs: across (a place) and down (a line).

Whatever is not the same thing never meets in one cell: identities of methods have lines of their
own, and protocols, students and metric cards have places of their own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, get_args

from bench.records import Record
from bench.scores import SCORES, Score
from leaderboards.headings import NOBODY, Card, Name, name_of, natural
from leaderboards.labels import with_one_label
from leaderboards.ranks.statistics import Value

Group = Literal["hard", "soft", "other", "images", "cost"]
"""`other`: protocols with students that are neither; `images`: metrics of the set itself."""

BYTES = ("bytes", "stored_bytes")
"""The costs that are bytes."""

BLOCKS = tuple(dict.fromkeys(score.block for score in SCORES.values()))
"""Headings of the blocks in the order in which they stand; "" is that of accuracies and costs."""


class Place(NamedTuple):
    """Where a value belongs across: a column before it has a heading."""

    group: Group
    protocol: Name
    student: Name
    metric: str
    card: Card

    def score(self) -> Score:
        """Return how to read it; scores of plugins that are in no table are not ranked."""
        plugin = Score(self.metric, "higher", "", 4, ranked=False)
        known = SCORES.get(self.metric, plugin)
        return known if (known.group == "cost") == (self.group == "cost") else plugin

    def order(self) -> tuple[object, ...]:
        """Return a sort key: group, protocol, student, block, then ranked scores first."""
        known = list(SCORES)
        position = known.index(self.metric) if self.metric in known else len(known)
        return (
            get_args(Group).index(self.group),
            natural(self.protocol.label),
            natural(self.student.label),
            self.student,
            self.protocol,
            BLOCKS.index(self.score().block),
            self.extractor(),
            not self.score().ranked,
            position,
            self.metric,
            [(name, natural(value)) for name, value in self.card],
        )

    def extractor(self) -> str:
        """Return the network whose features a score of the images compares; else ""."""
        return dict(self.card).get("extractor", "") if self.group == "images" else ""

    def without_identity(self) -> Place:
        """Return the place that all identities of the same protocol label share."""
        return self._replace(protocol=self.protocol._replace(identity=""))


class Line(NamedTuple):
    """Where a value belongs down: a row before it has a heading."""

    method: Name
    reference: bool
    distilled: str
    """"" unless one seed of the method gave several sets, which then must not be mixed."""


Grid = dict[Line, dict[Place, list[Value]]]


def grid_of(records: list[Record]) -> Grid:
    """Sort all values of the records of one board into lines and places."""
    records = with_one_label(records)
    mixed = _mixed(records)
    grid: Grid = defaultdict(lambda: defaultdict(list))
    for record in records:
        name, reference = name_of(record.method), record.ipc is None
        line = Line(name, reference, record.distilled if (name, reference) in mixed else "")
        for place, number in _numbers(record):
            student = () if place.group == "cost" else record.student_seed or ()
            seed = (record.student_seed or (record.seed,))[0]
            value = Value(record.distilled, seed, student, number)
            if place.metric == "stored_bytes" and value in grid[line][place]:
                continue  # every student of a set says the same of it
            grid[line][place].append(value)
    return grid


def _mixed(records: list[Record]) -> set[tuple[Name, bool]]:
    """Return the methods of which one seed gave several sets, such as folders that changed."""
    sets: dict[tuple[Name, bool, int], set[str]] = defaultdict(set)
    for record in records:
        seed = record.seed if record.stochastic else 0
        sets[name_of(record.method), record.ipc is None, seed].add(record.distilled)
    return {key[:2] for key, distilled in sets.items() if len(distilled) > 1}


def _numbers(record: Record) -> Iterator[tuple[Place, float]]:
    """Yield the numbers of one record with their places."""
    if record.kind == "evaluation":
        protocol, student = name_of(record.protocol), name_of(record.student)
        for score, number in record.scores.items():
            card = _card(record.cards.get(score, {}))
            yield Place(_group(record), protocol, student, score, card), number
        if isinstance(stored := record.facts.get("stored_bytes"), (int, float)):
            yield _stored_at(record, protocol), float(stored)
        return
    provenance = record.provenance
    machine = _card({"device": provenance.device, "threads": provenance.threads})
    yield Place("cost", NOBODY, NOBODY, "seconds", machine), provenance.seconds
    for fact in ("images", "bytes", "forwards"):
        if isinstance(value := record.facts.get(fact), (int, float)):
            yield Place("cost", NOBODY, NOBODY, fact, ()), float(value)


def _stored_at(record: Record, protocol: Name) -> Place:
    """Return where the true size of a set stands: once a protocol, whatever the student."""
    head = protocol._replace(identity=_head(protocol))
    teacher = {name: record.facts[name] for name in ("teacher",) if name in record.facts}
    return Place("cost", head, NOBODY, "stored_bytes", _card(teacher))


def _group(record: Record) -> Group:
    if record.student is None:
        return "images"
    # Of the identity, because an alias may be any name.
    family = _head(name_of(record.protocol)).partition("/")[0]
    return "hard" if family == "hard" else "soft" if family == "soft" else "other"


def _head(protocol: Name) -> str:
    """Return the canonical name that an identity begins with, without revision and fields."""
    return re.split(r"[@+]", protocol.identity, maxsplit=1)[0]


def _card(facts: Mapping[str, str | int | float]) -> Card:
    return tuple(sorted((name, str(value)) for name, value in facts.items()))

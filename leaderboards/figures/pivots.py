"""A paper's table: methods down, sets and IPCs across, one score."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.scores import Score
from leaderboards.figures.merged import merged, set_names
from leaderboards.guessing import guessing
from leaderboards.headings import Card, Name, headings, natural
from leaderboards.ranks.statistics import Cell
from leaderboards.table import Board, Column

METRICS = ("top1_last", "fid", "embedding_l2")

COUNTS = ("distilled", "real")
"""Facts of a card that differ between sets and IPCs and make no table of their own."""


@dataclass(frozen=True)
class Head:
    """One data column."""

    dataset: str
    """With short revisions where two sets of the table go by one name."""
    ipc: int | None
    board: int
    """Position among the boards."""
    column: int
    """Position among the board's columns."""
    guessing: float | None = None
    """Accuracy of guessing, in percent, where no method does much better."""


@dataclass(frozen=True)
class PivotRow:
    """One method."""

    method: str
    reference: bool
    stochastic: bool
    cells: tuple[Cell | None, ...]
    """One per head."""


@dataclass(frozen=True)
class Pivot:
    """One score under one protocol with one student."""

    protocol: str
    student: str
    metric: str
    score: Score
    card: Card
    """The facts of all heads; where they differ, the values in natural order, with commas."""
    heads: tuple[Head, ...]
    """In the order of the boards: by set, then by IPC."""
    rows: tuple[PivotRow, ...]


def pivots(boards: Sequence[Board], metrics: Sequence[str] = METRICS) -> list[Pivot]:
    """Return one table for every protocol, student and score, references last.

    Scores stand in the order of `metrics`; methods in the order of the first board of the table.
    """
    found: dict[_Key, list[tuple[int, int]]] = defaultdict(list)
    for at, board in enumerate(boards):
        for place, key in _keys(board, metrics):
            found[key].append((at, place))
    protocols = headings({key.protocol for key in found})
    students = headings({key.student for key in found})
    return [
        _pivot(boards, protocols[key.protocol], students[key.student], places)
        for key, places in sorted(found.items(), key=lambda item: metrics.index(item[0].metric))
    ]


class _Key(NamedTuple):
    """What must be the same for columns to stand in one table; identities differ by set and IPC."""

    protocol: Name
    student: Name
    metric: str
    facts: Card


def _keys(board: Board, metrics: Sequence[str]) -> Iterable[tuple[int, _Key]]:
    """Return the columns of these scores with the tables that they belong into."""
    alike: dict[tuple[Name, Name, str], list[int]] = defaultdict(list)
    for place, column in enumerate(board.columns):
        if column.metric in metrics:
            alike[column.protocol_name, column.student_name, column.metric].append(place)
    for places in alike.values():
        columns = [board.columns[place] for place in places]
        for place, facts in zip(places, _facts(columns), strict=True):
            column = board.columns[place]
            protocol = _recipe(column.protocol, column.protocol_name)
            student = _recipe(column.student, column.student_name)
            yield place, _Key(protocol, student, column.metric, facts)


def _facts(columns: Sequence[Column]) -> list[Card]:
    """Return what tells columns of one heading from each other: by counts only where they must."""
    common = set.intersection(*(set(column.card) for column in columns))
    network = {"extractor"} if columns[0].group == "images" else set()
    told = [
        tuple(fact for fact in column.card if fact not in common or fact[0] in network)
        for column in columns
    ]
    short = [tuple(fact for fact in facts if fact[0] not in COUNTS) for facts in told]
    return short if len(set(short)) == len(columns) else told


def _recipe(heading: str, name: Name) -> Name:
    """Return a name without the fields that a set and an IPC resolve."""
    return Name(heading, re.split(r"\+", name.identity, maxsplit=1)[0], name.origin)


def _pivot(
    boards: Sequence[Board], protocol: str, student: str, places: Sequence[tuple[int, int]]
) -> Pivot:
    shown = list(dict.fromkeys(at for at, _ in places))
    own = [boards[at] for at in shown]
    names = dict(zip(shown, set_names(own), strict=True))
    columns = [boards[at].columns[place] for at, place in places]
    return Pivot(
        protocol=protocol,
        student=student,
        metric=columns[0].metric,
        score=columns[0].score,
        card=_card(columns),
        heads=tuple(
            Head(names[at], boards[at].ipc, at, place, guessing(boards[at], place))
            for at, place in places
        ),
        rows=tuple(_rows(own, [(shown.index(at), place) for at, place in places])),
    )


def _rows(boards: Sequence[Board], places: Sequence[tuple[int, int]]) -> Iterable[PivotRow]:
    for method in merged(boards):
        cells = tuple(
            method.rows[at].cells[place] if at in method.rows else None for at, place in places
        )
        if any(cells):
            yield PivotRow(method.method, method.reference, method.stochastic, cells)


def _card(columns: Iterable[Column]) -> Card:
    values: dict[str, set[str]] = defaultdict(set)
    for column in columns:
        for name, value in column.card:
            values[name].add(value)
    return tuple(
        (name, ", ".join(sorted(values[name], key=lambda value: (natural(value), value))))
        for name in sorted(values)
    )

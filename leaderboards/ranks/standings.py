"""Average ranks over many columns: only over those that every method has.

The rank within a column counts ties as ties: 1, plus one for every method that is separated and
better, plus half of those that are not separated.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from leaderboards.headings import Name, headings, natural
from leaderboards.ranks.blocks import blocks_of
from leaderboards.ranks.statistics import Cell
from leaderboards.table import Board, Column, Row


@dataclass(frozen=True)
class Standing:
    """The average ranks of all methods by one score of one protocol."""

    protocol: str
    metric: str
    """Name of the score, as in `bench.records.SCORES`."""
    distinction: str
    """Facts that tell this score from others of the same protocol; mostly ""."""
    cells: int
    """Columns of all boards in which every method has a tested cell."""
    methods: tuple[str, ...]
    """Best first."""
    mean_rank: tuple[float, ...]
    low: tuple[float, ...]
    """Means of the ends of the rank intervals: conservative, as those hold for all at once."""
    high: tuple[float, ...]
    left_out: int
    """Columns of this score that not every method has."""


class _Key(NamedTuple):
    """What must be the same for ranks to be averaged; identities differ by set, IPC and student."""

    recipe: Name
    metric: str
    distinction: str


_Method = tuple[str, Name]
"""Heading and name of a row."""


def standings(boards: Iterable[Board]) -> list[Standing]:
    """Return the average ranks of every score that has two methods and two complete columns.

    Every method: those that have a value in any column of the score; a column that lacks one of
    them, or could not test it, is left out and counted.
    """
    found: dict[_Key, list[dict[_Method, _Tested | None]]] = defaultdict(list)
    for board in boards:
        rows = [row for row in board.rows if not row.reference]
        for place, column in enumerate(board.columns):
            if column.told is not None and any(row.cells[place] for row in rows):
                found[_key(column)].append(_column(rows, place, column))
    protocols = headings({key.recipe for key in found})
    made = (_standing(protocols[key.recipe], key, columns) for key, columns in found.items())
    return [standing for standing in made if standing is not None]


class _Tested(NamedTuple):
    rank: float
    low: int
    high: int


def _key(column: Column) -> _Key:
    name = column.protocol_name
    head = re.split(r"\+", name.identity, maxsplit=1)[0]  # canonical name and revision
    network = column.facts.get("extractor", "") if column.group == "images" else ""
    facts = [column.distinction] if column.distinction else []
    if network and f"extractor={network}" not in column.distinction:
        facts.insert(0, f"extractor={network}")
    return _Key(Name(column.protocol, head, name.origin), column.metric, ",".join(facts))


def _column(rows: list[Row], place: int, column: Column) -> dict[_Method, _Tested | None]:
    """Return what every method of a column came to; None for those that were not tested."""
    there = [(row, cell) for row in rows if (cell := row.cells[place]) is not None]
    found: dict[_Method, _Tested | None] = {(row.method, row.name): None for row, _ in there}
    blocks = blocks_of([cell for _, cell in there], [row.stochastic for row, _ in there])
    if blocks is None:
        return found
    sign = 1.0 if column.score.better == "higher" else -1.0
    tested = [
        (there[position], sign * mean)
        for position, mean in zip(blocks.tested, blocks.numbers.mean(axis=1), strict=True)
    ]
    for (row, cell), own in tested:
        others = [(other, mean) for (_, other), mean in tested if other is not cell]
        if cell.rank_low is not None and cell.rank_high is not None:
            rank = 1 + sum(_behind(cell, own, other, mean) for other, mean in others)
            found[row.method, row.name] = _Tested(rank, cell.rank_low, cell.rank_high)
    return found


def _behind(cell: Cell, own: float, other: Cell, mean: float) -> float:
    """Return 1 if the other is separated and better, 0.5 if it is not separated."""
    if set(cell.ties) & set(other.ties):
        return 0.5
    return float(mean > own)


def _standing(
    protocol: str, key: _Key, columns: list[dict[_Method, _Tested | None]]
) -> Standing | None:
    methods = {method for column in columns for method in column}
    complete = [
        {method: tested for method, tested in column.items() if tested is not None}
        for column in columns
        if methods == {method for method, tested in column.items() if tested is not None}
    ]
    if len(methods) < 2 or len(complete) < 2:
        return None
    mean = {method: fmean(column[method].rank for column in complete) for method in methods}
    order = sorted(methods, key=lambda method: (mean[method], natural(method[0]), method))
    titles = [method for method, _ in order]
    return Standing(
        protocol=protocol,
        metric=key.metric,
        distinction=key.distinction,
        cells=len(complete),
        methods=tuple(titles),
        mean_rank=tuple(mean[method] for method in order),
        low=tuple(fmean(column[method].low for column in complete) for method in order),
        high=tuple(fmean(column[method].high for column in complete) for method in order),
        left_out=len(columns) - len(complete),
    )

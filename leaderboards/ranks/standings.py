"""Average ranks over many columns: only over those that every method has.

The rank within a column counts ties as ties: 1, plus one for every method that is separated and
better, plus half of those that are not separated.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
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
    """Name of the score, as in `bench.scores.SCORES`."""
    distinction: str
    """Facts that tell this score from others of the same protocol; mostly ""."""
    cells: int
    """Columns of all boards in which every method has a tested cell."""
    methods: tuple[str, ...]
    """Best first; () where fewer than two columns are complete, so that there is no average."""
    mean_rank: tuple[float, ...]
    low: tuple[float, ...]
    """Means of the ends of the rank intervals: conservative, as those hold for all at once."""
    high: tuple[float, ...]
    left_out: int
    """Columns of this score that not every method has."""


class _Key(NamedTuple):
    """What must be the same for ranks to be averaged.

    Fields are resolved by set, IPC and student, so that identities differ; equal labels are equal
    requests all the same.
    """

    recipe: Name
    metric: str
    distinction: str


class _Tested(NamedTuple):
    rank: float
    low: int
    high: int


_Ranks = dict[Name, _Tested | None]
"""What every method of a column came to, by label and head of its identity; None: not tested."""


def standings(boards: Iterable[Board]) -> list[Standing]:
    """Return the average ranks of every score that ranks two methods in two columns.

    Every method: those that have a value in any column of the score; a column that lacks one of
    them, or could not test it, is left out and counted.
    """
    found: dict[_Key, list[_Ranks]] = defaultdict(list)
    printed: dict[Name, set[str]] = defaultdict(set)
    for board in boards:
        rows = [row for row in board.rows if not row.reference]
        names = _names(rows)
        for heading, name in names.items():
            printed[name].add(heading)
        for place, column in enumerate(board.columns):
            if column.told is not None and any(row.cells[place] for row in rows):
                found[_key(column)].append(_column(rows, names, place, column))
    protocols = headings({key.recipe for key in found})
    titles = _titles(printed)
    made = (
        _standing(protocols[key.recipe], key, columns, titles) for key, columns in found.items()
    )
    return [standing for standing in made if standing is not None]


def _names(rows: Iterable[Row]) -> dict[str, Name]:
    """Return by heading what each method of a board is called on all of them.

    Rows of one label and head of identity keep their headings, which tell them apart.
    """
    rows = list(rows)
    names = {row.method: _headed(row.name, row.name.label) for row in rows}
    times = Counter(names.values())
    return {
        row.method: names[row.method]
        if times[names[row.method]] == 1
        else Name(row.method, row.name.identity, row.name.origin)
        for row in rows
    }


def _titles(printed: Mapping[Name, set[str]]) -> dict[Name, str]:
    """Return the headings of the boards where they agree and tell all methods apart."""
    found = {name: min(texts) for name, texts in printed.items() if len(texts) == 1}
    times = Counter(text for texts in printed.values() for text in texts)
    full = headings(printed.keys())
    return {
        name: found[name] if name in found and times[found[name]] == 1 else full[name]
        for name in printed
    }


def _headed(name: Name, label: str) -> Name:
    """Return a name with the head of its identity: canonical name and revision."""
    return Name(label, name.identity.partition("+")[0], name.origin)


def _key(column: Column) -> _Key:
    network = column.facts.get("extractor", "") if column.group == "images" else ""
    facts = [column.distinction] if column.distinction else []
    if network and f"extractor={network}" not in column.distinction:
        facts.insert(0, f"extractor={network}")
    recipe = _headed(column.protocol_name, column.protocol)
    return _Key(recipe, column.metric, ",".join(facts))


def _column(rows: list[Row], names: dict[str, Name], place: int, column: Column) -> _Ranks:
    """Return what every method of a column came to."""
    there = [(row, cell) for row in rows if (cell := row.cells[place]) is not None]
    found: _Ranks = {names[row.method]: None for row, _ in there}
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
            found[names[row.method]] = _Tested(rank, cell.rank_low, cell.rank_high)
    return found


def _behind(cell: Cell, own: float, other: Cell, mean: float) -> float:
    """Return 1 if the other is separated and better, 0.5 if it is not separated."""
    if set(cell.ties) & set(other.ties):
        return 0.5
    return float(mean > own)


def _standing(
    protocol: str, key: _Key, columns: list[_Ranks], titles: Mapping[Name, str]
) -> Standing | None:
    """Return the averages; None where fewer than two columns rank anything."""
    methods = {method for column in columns for method in column}
    ranked = [{name: one for name, one in column.items() if one} for column in columns]
    complete = [column for column in ranked if column.keys() == methods]
    if len(methods) < 2 or sum(map(bool, ranked)) < 2:
        return None
    mean = {
        method: fmean(column[method].rank for column in complete)
        for method in methods
        if len(complete) > 1
    }
    order = sorted(mean, key=lambda method: (mean[method], natural(titles[method]), method))
    return Standing(
        protocol=protocol,
        metric=key.metric,
        distinction=key.distinction,
        cells=len(complete),
        methods=tuple(titles[method] for method in order),
        mean_rank=tuple(mean[method] for method in order),
        low=tuple(fmean(column[method].low for column in complete) for method in order),
        high=tuple(fmean(column[method].high for column in complete) for method in order),
        left_out=len(columns) - len(complete),
    )

"""What the ranks of one column say: who is separated from whom, and in which direction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from leaderboards import Board, Cell, Column, Row
from leaderboards.ranks.blocks import blocks_of
from leaderboards.ranks.placing import Told
from reports.words.counting import interval
from reports.words.naming import head_of


@dataclass(frozen=True)
class Entrant:
    """A method that was tested."""

    method: str
    control: bool
    """Real images drawn at random."""
    cell: Cell
    goodness: float
    """Mean over the blocks that all methods have; higher is better, whatever the score is."""

    def apart(self, other: Entrant) -> bool:
        """Return whether the two are separated."""
        return not set(self.cell.ties) & set(other.cell.ties)

    def ahead(self, other: Entrant) -> bool:
        """Return whether this one is separated from the other and better."""
        return self.apart(other) and self.goodness > other.goodness

    def ends(self, decimals: int) -> str:
        """Return the interval, with what it is over where that is no sets; "" without one."""
        found = interval(self.cell.low, self.cell.high, decimals)
        alone = found and self.cell.over == "students"
        return f"{found} over the students of one set" if alone else found


@dataclass(frozen=True)
class Contest:
    """A column in which methods were held against each other."""

    board: Board
    column: Column
    told: Told
    entrants: tuple[Entrant, ...]
    """Best first, by the blocks that all have; the first has rank 1."""
    untested: tuple[str, ...]

    @property
    def leader(self) -> Entrant:
        """Return the first."""
        return self.entrants[0]

    @property
    def level(self) -> list[Entrant]:
        """Return the others that are not separated from the first."""
        return [one for one in self.entrants[1:] if not self.leader.apart(one)]

    @property
    def behind(self) -> list[Entrant]:
        """Return those that the first is ahead of."""
        return [one for one in self.entrants[1:] if self.leader.apart(one)]

    @property
    def block(self) -> str:
        """Return what a method has several of, in words."""
        return block_of(self.told, (one.cell for one in self.entrants))

    @property
    def tied(self) -> bool:
        """Return whether no two methods are separated."""
        return not any(one.apart(other) for one in self.entrants for other in self.entrants)

    @property
    def leads_by_mean(self) -> bool:
        """Return whether the printed mean of the first is the best one as well.

        It need not be where methods have other seeds beside those that all have.
        """
        sign = 1.0 if self.column.score.better == "higher" else -1.0
        return all(sign * self.leader.cell.mean >= sign * one.cell.mean for one in self.entrants)

    @property
    def control(self) -> Entrant | None:
        """Return real images drawn at random, if they were tested once."""
        found = [one for one in self.entrants if one.control]
        return found[0] if len(found) == 1 else None


def block_of(told: Told, cells: Iterable[Cell]) -> str:
    """Return what tested cells have several of, in words; equal sets of several seeds are one."""
    if told.kind != "sets":
        return "student"
    return "seed" if any(cell.n_sets < told.blocks for cell in cells) else "distilled set"


def contest(board: Board, column: Column, place: int) -> Contest | None:
    """Return the contest of a column; None where nothing is ranked."""
    there = [
        (row, cell)
        for row in board.rows
        if not row.reference and (cell := row.cells[place]) is not None
    ]
    told = column.told
    if told is None or not told.tested:
        return None
    entrants = sorted(_entrants(column, there), key=lambda one: -one.goodness)
    if len(entrants) < 2 or entrants[0].cell.rank != 1:
        return None
    untested = tuple(row.method for row, cell in there if cell.rank is None)
    return Contest(board, column, told, tuple(entrants), untested)


def contests(columns: Iterable[tuple[Board, Column, int]]) -> list[Contest]:
    """Return the contests of all columns that are ranked."""
    found = (contest(*column) for column in columns)
    return [one for one in found if one is not None]


def _entrants(column: Column, there: list[tuple[Row, Cell]]) -> Iterator[Entrant]:
    blocks = blocks_of([cell for _, cell in there], [row.stochastic for row, _ in there])
    if blocks is None:
        return
    sign = 1.0 if column.score.better == "higher" else -1.0
    for position, mean in zip(blocks.tested, blocks.numbers.mean(axis=1).tolist(), strict=True):
        row, cell = there[position]
        if cell.ties:
            control = head_of(row.name.identity) == "random" and not row.name.origin
            yield Entrant(row.method, control, cell, sign * mean)

"""Published numbers beside measured ones: which row of the ledger is about which cell.

Like stands beside like: best epoch beside best epoch, and one recipe beside the same one. Families
of recipes never share a column, so that a row whose source states no recipe meets no cell at all.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from bench.errors import UsageError
from leaderboards.published.ledger import Published, Quote
from leaderboards.published.recipes import (
    DATASETS,
    METHODS,
    METRICS,
    dataset_of,
    head,
    method_of,
    recipe_of,
    rule_of,
    student_of,
)
from leaderboards.published.verdicts import Measured, compare, unlikeness
from leaderboards.ranks.statistics import Cell
from leaderboards.table import Board, Column, Row


@dataclass(frozen=True)
class Line:
    """A published number and at most one of ours."""

    row: Published
    dataset: str
    """As our board calls the set that was measured; "" without a cell."""
    ours: str
    """Label of our method; "" where no cell is of the same method, set, IPC and student."""
    cell: Cell | None
    quote: Quote


class Place(NamedTuple):
    """What two numbers have in common that may stand side by side, in our names."""

    method: str
    dataset: str
    ipc: int | None
    student: str
    recipe: str
    metric: str


def quoted(boards: Iterable[Board], rows: Sequence[Published]) -> list[Board]:
    """Return the same boards with quotes in the cells that published numbers are about.

    Those come first of which least is known to differ, then those read in the source itself.
    """
    known: dict[Place, list[Published]] = defaultdict(list)
    for row in rows:
        known[_published_at(row)].append(row)
    return [_with_quotes(board, known) for board in boards]


def audit(rows: Sequence[Published], boards: Iterable[Board], what: str) -> list[Line]:
    """Return a line for every published number of a method or paper and each cell it is about.

    `what` is a method of ours or a published one, in any case, or the beginning of a source. Rows
    that no cell is about have one line, which says why. UsageError if `what` is none of these.
    """
    wanted = what.strip().casefold()
    if not wanted:
        raise UsageError(f"An audit is of a method or paper, got {what!r}: name one, as in `mgd3`.")
    chosen = [row for row in rows if _is_of_method(row, wanted)]
    chosen = chosen or [row for row in rows if row.source.casefold().startswith(wanted)]
    if not chosen:
        raise _unknown(what, _known(rows))
    places: dict[Place, list[Measured]] = defaultdict(list)
    for board in boards:
        for one in _measured(board):
            if not method_of(wanted) or wanted in (_name(one), method_of(_name(one))):
                places[_measured_at(one)].append(one)
    return [line for row in chosen for line in _lines(row, places)]


def _with_quotes(board: Board, known: Mapping[Place, Sequence[Published]]) -> Board:
    rows = []
    for row in board.rows:
        cells = list(row.cells)
        for index, column in enumerate(board.columns):
            if one := _measure(board, column, row, cells[index]):
                found = known.get(_measured_at(one), ())
                ordered = sorted(found, key=partial(unlikeness, one))
                quotes = tuple(compare(one, published) for published in ordered)
                cells[index] = dataclasses.replace(one.cell, quotes=quotes)
        rows.append(dataclasses.replace(row, cells=tuple(cells)))
    return dataclasses.replace(board, rows=tuple(rows))


def _measured(board: Board) -> Iterator[Measured]:
    """Yield the cells of a board that published numbers may be about."""
    for row in board.rows:
        for column, cell in zip(board.columns, row.cells, strict=True):
            if one := _measure(board, column, row, cell):
                yield one


def _measure(board: Board, column: Column, row: Row, cell: Cell | None) -> Measured | None:
    """Return the cell with where it stands; None if no paper can have measured the same."""
    foreign = row.name.origin or column.protocol_name.origin or column.student_name.origin
    if cell is None or foreign or column.metric not in METRICS.values():
        return None
    return Measured(board, column, row, cell) if method_of(row.name.label) else None


def _measured_at(one: Measured) -> Place:
    protocol = one.cell.protocol or one.column.protocol_name.identity
    return Place(
        method_of(one.row.name.label),
        dataset_of(one.board.dataset),
        None if one.row.reference else one.board.ipc,
        head(one.column.student_name.identity),
        head(protocol),
        one.column.metric,
    )


def _published_at(row: Published) -> Place:
    return Place(
        METHODS.get(row.method, ""),
        DATASETS.get(row.dataset, ""),
        row.ipc,
        student_of(row),
        recipe_of(row),
        METRICS.get(row.metric, ""),
    )


def _lines(row: Published, places: Mapping[Place, Sequence[Measured]]) -> Iterator[Line]:
    place = _published_at(row)
    found = places.get(place, ())
    # References such as `full` stand on the boards of every IPC, with the same cell.
    lines = (
        Line(row, one.board.dataset, one.row.method, one.cell, compare(one, row)) for one in found
    )
    yield from dict.fromkeys(lines)
    if not found:
        yield _without(row, place, places)


def _without(row: Published, place: Place, places: Mapping[Place, Sequence[Measured]]) -> Line:
    """Return the line of a number that stands beside none of ours, and why."""
    near = [other for other in places if other._replace(recipe="") == place._replace(recipe="")]
    near = near if "" not in place[:2] else []
    ours = sorted({one.row.method for other in near for one in places[other]})
    recipes = ", ".join(sorted({other.recipe for other in near}))
    reasons = (
        (place.metric, f"{row.metric} was published without extractor and split"),
        (place.method, f"{row.method} is published only"),
        (place.dataset, f"{row.dataset} is no set of ours"),
        (place.student, f"no student of ours is {row.student}"),
        (place.recipe, "the source states no recipe that we know"),
        (not near, f"published with {place.recipe}, measured with {recipes}"),
    )
    reason = next((reason for holds, reason in reasons if not holds), "not measured")
    rule = rule_of(row)
    basis = rule.basis if rule else ""
    quote = Quote(row, place.recipe, basis, "not comparable", None, None, (reason,))
    return Line(row, "", ", ".join(ours), None, quote)


def _name(one: Measured) -> str:
    return one.row.name.label.partition("+")[0]


def _is_of_method(row: Published, what: str) -> bool:
    ours = METHODS.get(row.method)
    return row.method.casefold() == what or (ours is not None and ours == method_of(what))


def _unknown(what: str, known: Collection[str]) -> UsageError:
    close = difflib.get_close_matches(what, known, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return UsageError(
        f"Unknown method or paper {what!r}.{hint} Known methods and papers: "
        f"{', '.join(sorted(known))}."
    )


def _known(rows: Iterable[Published]) -> set[str]:
    """Return methods, without variants in brackets, and papers; names of one spelling once."""
    published = [name for row in rows for name in (row.method, row.source) if "(" not in name]
    ours = [METHODS[row.method] for row in rows if row.method in METHODS]
    return set({name.casefold(): name for name in (*published, *ours)}.values())

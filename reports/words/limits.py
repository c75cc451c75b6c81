"""What the data do not show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from leaderboards import Board, Column
from reports.words.contest import contests
from reports.words.counting import between, counted, share, verb
from reports.words.failed import retried, still_failed
from reports.words.limits_of_chance import of_chance
from reports.words.limits_of_commits import of_commits
from reports.words.limits_of_features import of_features
from reports.words.limits_of_files import of_files
from reports.words.limits_of_number import of_control, of_methods_run, of_one_kind
from reports.words.limits_of_parts import (
    of_images,
    of_machines,
    of_methods,
    of_protocols,
    of_sets,
    of_teachers,
)
from reports.words.naming import Naming, compared, methods
from reports.words.selected import as_a_limit
from reports.words.sentences import Sentence, listed

if TYPE_CHECKING:
    from reports.material import Material

ALWAYS: Sentence = (
    "Nothing here says how a method does with fields, sets or generators that were not run.",
)

DEPENDENT = (
    "Methods that share a generator, or choose among the same real images, are no independent "
    "points: rank correlations are less certain than their intervals and p say."
)


def limits(material: Material) -> tuple[Sentence, ...]:
    """Return what has to be kept in mind; never empty."""
    return (*_found(material), ALWAYS)


def _found(material: Material) -> Iterator[Sentence]:
    boards = material.boards
    naming, columns = Naming.of(boards), compared(boards)
    if material.selection is not None:
        yield as_a_limit(material.selection)
    yield from of_methods_run(boards)
    yield from of_sets(boards)
    yield from of_protocols(material.evidence.records, naming)
    yield from of_teachers(boards, naming)
    yield from of_control(boards)
    yield from of_chance(material, naming)
    yield from _of_seeds(columns)
    yield from _of_letters(boards)
    yield from of_one_kind(boards, naming)
    yield from of_images(boards)
    yield from _of_relations(material)
    yield from of_features(material)
    yield from _of_gaps(boards, columns)
    yield from of_commits(material)
    yield from of_machines(material.evidence.records)
    yield from of_methods(boards)
    yield from _of_failures(material)
    yield from of_files(material)


def _of_seeds(columns: Sequence[tuple[Board, Column, int]]) -> Iterator[Sentence]:
    """Yield which differences stay hidden, and where there is one distilled set a method."""
    found = contests(columns)
    told = [one.told for one in found]
    known = [(one.blocks, one.resolvable) for one in told if one.resolvable is not None]
    if known:
        numbers = between(blocks for blocks, _ in known)
        kinds = {one.block for one in found}
        kind = next(f"{kind}s" for kind in ("seed", "distilled set", "student") if kind in kinds)
        points = between((resolvable for _, resolvable in known), 1)
        depends = " (it depends on the comparison)" if " to " in points else ""
        start = f"With {numbers} {kind} a method, true differences below about {points} points"
        yield (f"{start}{depends} are often missed.",)
    single = sum(_is_single(board, place) for board, _, place in columns)
    if single:
        where = f"In {share(single, len(columns))} no method has a second distilled set: "
        yield (f"{where}what another draw of the same method would give is not known.",)


def _is_single(board: Board, place: int) -> bool:
    """Return whether no method that has randomness has two sets."""
    cells = [cell for row in board.rows if row.stochastic and (cell := row.cells[place])]
    return bool(cells) and all(cell.n_sets == 1 for cell in cells)


def _of_letters(boards: Sequence[Board]) -> Iterator[Sentence]:
    """Yield how letters are read, where any two methods of a column share one."""
    if any(_shared(board, place) for board in boards for place in range(len(board.columns))):
        yield (
            "Methods that share a letter are not shown to be equal: this run cannot tell them "
            "apart, and their order in a table means nothing.",
        )


def _shared(board: Board, place: int) -> bool:
    ties = "".join(cell.ties for row in board.rows if (cell := row.cells[place]))
    return len(set(ties)) < len(ties)


def _of_gaps(
    boards: Sequence[Board], columns: Sequence[tuple[Board, Column, int]]
) -> Iterator[Sentence]:
    """Yield which methods have no number in some of the comparisons."""
    known = methods(boards)
    there = {name: 0 for name in known}
    for board, _, place in columns:
        for name in {row.method for row in board.rows if not row.reference and row.cells[place]}:
            there[name] += 1
    lacking = [name for name in known if there[name] < len(columns)]
    if not lacking:
        return
    have = verb(len(lacking), "lacks a number", "lack numbers")
    everywhere = [name for name in known if name not in lacking]
    if not everywhere:
        start: Sentence = (f"No method has a number in {share(len(columns), len(columns))}",)
    elif len(everywhere) < len(lacking):
        has = verb(len(everywhere), "has a number", "have numbers")
        start = ("Only ", *listed(everywhere), f" {has} in {share(len(columns), len(columns))}")
    else:
        start = (*listed(lacking), f" {have} in some of the {counted(len(columns), 'comparison')}")
    yield (*start, ": hold methods against each other within one comparison only.")


def _of_relations(material: Material) -> Iterator[Sentence]:
    """Yield what correlations do not say, where there are any."""
    if material.relations:
        tested = any(relation.p is not None for relation in material.relations)
        cause = "That a score of the images goes with accuracy over methods shows no cause."
        yield (f"{cause} {DEPENDENT}" if tested else cause,)


def _of_failures(material: Material) -> Iterator[Sentence]:
    if failed := len(still_failed(material)):
        what = f"{counted(failed, 'unit')} of the run failed: "
        yield (f"{what}a number that rests on fewer sets or students than others is less certain.",)
    if again := retried(material):
        yield (f"{counted(again, 'unit')} failed at first and succeeded when tried again.",)

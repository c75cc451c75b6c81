"""What the data do not show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from leaderboards import Board, Column
from reports.words.contest import Contest, contests
from reports.words.counting import between, counted, share, verb
from reports.words.failed import still_failed
from reports.words.limits_of_parts import (
    of_images,
    of_machines,
    of_methods,
    of_protocols,
    of_sets,
    of_teachers,
)
from reports.words.naming import Naming, compared, methods
from reports.words.sentences import Code, Sentence, joined_sentences, listed

if TYPE_CHECKING:
    from reports.material import Material

ALWAYS: Sentence = (
    "Nothing here says how a method does with fields, sets or generators that were not run.",
)


def limits(material: Material) -> tuple[Sentence, ...]:
    """Return what has to be kept in mind; never empty."""
    return (*_found(material), ALWAYS)


def _found(material: Material) -> Iterator[Sentence]:
    boards = material.boards
    naming, columns = Naming.of(boards), compared(boards)
    yield from of_sets(boards)
    yield from of_protocols(material.evidence.records, naming)
    yield from of_teachers(boards, naming)
    yield from _of_seeds(columns)
    yield from _of_letters(contests(columns))
    yield from _of_one_kind(boards, naming)
    yield from of_images(boards)
    yield from _of_gaps(boards, columns)
    yield from of_machines(material.evidence.records)
    yield from of_methods(boards)
    yield from _of_failures(material)


def _of_seeds(columns: Sequence[tuple[Board, Column, int]]) -> Iterator[Sentence]:
    """Yield which differences stay hidden, and where there is one distilled set a method."""
    told = [one.told for one in contests(columns)]
    known = [(one.blocks, one.resolvable) for one in told if one.resolvable is not None]
    if known:
        numbers = between(blocks for blocks, _ in known)
        kind = "distilled sets" if any(one.kind == "sets" for one in told) else "students"
        points = between((resolvable for _, resolvable in known), 1)
        start = f"With {numbers} {kind} a method, true differences below about {points} points "
        yield (f"{start}are often missed.",)
    single = sum(_is_single(*column) for column in columns)
    if single:
        where = f"In {share(single, len(columns))} there is one distilled set a method: "
        yield (f"{where}what another draw of the same method would give is not known.",)


def _is_single(board: Board, column: Column, place: int) -> bool:
    """Return whether no method that has randomness has two sets."""
    cells = [cell for row in board.rows if row.stochastic and (cell := row.cells[place])]
    return bool(cells) and all(cell.n_sets == 1 for cell in cells)


def _of_letters(found: Sequence[Contest]) -> Iterator[Sentence]:
    """Yield how letters are read, where any two methods share one."""
    if any(one.level or one.tied for one in found):
        yield (
            "Methods that share a letter are not shown to be equal: this run cannot tell them "
            "apart, and their order in a table means nothing.",
        )


def _of_one_kind(boards: Sequence[Board], naming: Naming) -> Iterator[Sentence]:
    """Yield of what there is one alone, so that nothing is known of others."""
    sets = list(dict.fromkeys(board.dataset for board in boards))
    ipcs = {board.ipc for board in boards if board.ipc is not None}
    parts: list[Sentence] = []
    if len(naming.students) == 1:
        parts.append(("one student (", Code(next(iter(naming.students.values()))), ")"))
    if len(ipcs) == 1:
        parts.append((f"one IPC ({next(iter(ipcs))})",))
    if len(sets) == 1:
        parts.append(("one real set (", Code(sets[0]), ")"))
    if parts and len(methods(boards)) > 1:
        others = ": others may order the methods otherwise."
        yield ("There is ", *joined_sentences(parts), others)


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
    if len(lacking) == len(known):
        start: Sentence = (f"No method has a number in {share(len(columns), len(columns))}",)
    else:
        start = (*listed(lacking), f" {have} in some of the {counted(len(columns), 'comparison')}")
    yield (*start, ": compare within a column only.")


def _of_failures(material: Material) -> Iterator[Sentence]:
    if failed := len(still_failed(material)):
        what = f"{counted(failed, 'unit')} of the run failed: "
        yield (f"{what}a number that rests on fewer sets or students than others is less certain.",)

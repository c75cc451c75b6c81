"""How far distilled sets are from training on all images of the real set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leaderboards import Board, Cell, Column, Row
from reports.words.naming import Naming, accuracies, head_of
from reports.words.sentences import Sentence, joined_sentences

MOST = 4
"""Sets that are named."""


@dataclass(frozen=True)
class _Distance:
    """The comparison of a set in which a distilled set comes nearest to all images."""

    board: Board
    column: Column
    top: float
    whole: Cell
    size: str
    """Images of a distilled set, if all have equally many; else ""."""
    all_of: str
    """Images of the real set; "" where that is not recorded."""


def beside_all_images(boards: Sequence[Board], naming: Naming) -> Iterator[Sentence]:
    """Yield one sentence about all sets of which the whole was trained on."""
    found: dict[tuple[str, str], _Distance] = {}
    for board, column, place in accuracies(boards):
        one = _distance(board, column, place)
        key = board.dataset, board.train_revision
        if one is not None and (key not in found or found[key].top < one.top):
            found[key] = one
    if not found:
        return
    several = list(found.values())[:MOST]
    recipes = {(one.column.protocol, one.column.student) for one in several}
    under = naming.under(several[0].column) if len(recipes) == 1 else ()
    parts: list[Sentence] = [
        (
            "on ",
            *naming.dataset(one.board),
            *(() if under else naming.under(one.column)),
            *_numbers(one),
        )
        for one in several
    ]
    start: Sentence = ("For scale", *([",", *under] if under else []))
    rest = f"; {len(found) - MOST} more sets stand in the tables" if len(found) > MOST else ""
    if any(one.whole.protocol for one in several):
        rest += "; on all images, students train for another number of epochs"
    yield (*start, ": ", *joined_sentences(parts, "; ", "; "), f"{rest}.")


def _distance(board: Board, column: Column, place: int) -> _Distance | None:
    full = [row for row in board.rows if _is_full(row)]
    own = [row for row in board.rows if not row.reference and row.cells[place]]
    whole = full[0].cells[place] if len(full) == 1 else None
    if whole is None or not own:
        return None
    images = next((at for at, one in enumerate(board.columns) if one.metric == "images"), None)
    top = max(cell.mean for row in own if (cell := row.cells[place]))
    return _Distance(board, column, top, whole, _images(own, images), _images(full, images))


def _images(rows: Sequence[Row], place: int | None) -> str:
    """Return the number of images that all rows have, if it is one."""
    cells = [row.cells[place] for row in rows] if place is not None else []
    numbers = {f"{cell.mean:,.0f}" for cell in cells if cell}
    return numbers.pop() if len(numbers) == 1 else ""


def _numbers(one: _Distance) -> Sentence:
    every = f"all {one.all_of} images" if one.all_of else "all images"
    few = f"sets of {one.size}" if one.size else "distilled sets"
    return (f" {every} give {one.whole.mean:.1f} %, {few} at most {one.top:.1f} %",)


def _is_full(row: Row) -> bool:
    return row.reference and head_of(row.name.identity) == "full" and not row.name.origin

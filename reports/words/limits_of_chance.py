"""Where students do hardly better than guessing, so that methods cannot be compared by them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from leaderboards.guessing import guessing
from reports.words.counting import share
from reports.words.naming import Naming, accuracies, compared
from reports.words.sentences import Sentence, joined_sentences

if TYPE_CHECKING:
    from reports.material import Material

MOST = 3
"""Columns that are named."""


def of_chance(material: Material, naming: Naming) -> Iterator[Sentence]:
    """Yield in which columns of accuracies no method has taught students anything much."""
    found: list[Sentence] = []
    total = 0
    for board, column, place in accuracies(material.boards):
        total += any(row.cells[place] for row in board.rows if not row.reference)
        chance = guessing(board, place)
        if chance is not None:
            found.append((*naming.where(board, column), f" (guessing: {chance:.3g} %)"))
    if found:
        noun = "comparison" if total == len(compared(material.boards)) else "accuracy column"
        more = ((f"{len(found) - MOST} more",),) if len(found) > MOST else ()
        yield (
            f"In {share(len(found), total, noun)} students do hardly better than "
            "guessing, so that methods cannot be judged by them: ",
            *joined_sentences([*found[:MOST], *more]),
            ".",
        )

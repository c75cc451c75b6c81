"""Where students do hardly better than guessing, so that methods cannot be compared by them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reports.words.counting import share
from reports.words.naming import Naming, accuracies
from reports.words.sentences import Sentence, joined_sentences

if TYPE_CHECKING:
    from reports.material import Material

NEAR = 1.2
"""Times the accuracy of guessing below which a mean is next to it."""

MOST = 3
"""Columns that are named."""


def of_chance(material: Material, naming: Naming) -> Iterator[Sentence]:
    """Yield in which columns of accuracies no method has taught students anything much."""
    data = (record.data for record in material.evidence.records)
    classes = {(one.name, one.train_revision, one.test_revision): one.num_classes for one in data}
    found: list[Sentence] = []
    total = 0
    for board, column, place in accuracies(material.boards):
        cells = [row.cells[place] for row in board.rows if not row.reference]
        means = [cell.mean for cell in cells if cell]
        number = classes.get((board.dataset, board.train_revision, board.test_revision))
        total += bool(means)
        if means and number and max(means) < NEAR * 100 / number:
            found.append((*naming.where(board, column), f" (guessing: {100 / number:.3g} %)"))
    if found:
        more = ((f"{len(found) - MOST} more",),) if len(found) > MOST else ()
        yield (
            f"In {share(len(found), total, 'accuracy column')} students do hardly better than "
            "guessing, so that methods cannot be judged by them: ",
            *joined_sentences([*found[:MOST], *more]),
            ".",
        )

"""Where students do hardly better than guessing, so that methods cannot be compared by them."""

from __future__ import annotations

from leaderboards.table import Board

NEAR = 1.2
"""Times the accuracy of guessing below which a mean is next to it."""


def guessing(board: Board, place: int) -> float | None:
    """Return the accuracy of guessing, in percent, where no method does much better; else None.

    None as well for a column of other scores, without methods, or of unknown classes.
    """
    column = board.columns[place]
    means = [cell.mean for row in board.rows if not row.reference and (cell := row.cells[place])]
    if not (column.score.group == "accuracy" and column.student and means and board.num_classes):
        return None
    chance = 100 / board.num_classes
    return chance if max(means) < NEAR * chance else None

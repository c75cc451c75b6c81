"""What tables are called, and what they can be filtered by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from leaderboards import Board
from leaderboards.headings import short_revision
from reports.plain import plain


@dataclass(frozen=True)
class Choices:
    """What tables can be filtered by; they refer to these texts by position."""

    datasets: tuple[str, ...]
    ipcs: tuple[str, ...]
    protocols: tuple[str, ...]
    students: tuple[str, ...]


def choices(boards: Iterable[Board]) -> Choices:
    """Return all sets, IPCs, protocols and students, in the order of the boards."""
    boards = list(boards)
    columns = [column for board in boards for column in board.columns if column.protocol]
    return Choices(
        tuple(dict.fromkeys(plain(board.dataset) for board in boards)),
        tuple(dict.fromkeys(ipc_text(board) for board in boards)),
        tuple(dict.fromkeys(plain(column.protocol) for column in columns)),
        tuple(dict.fromkeys(plain(c.student) for c in columns if c.student)),
    )


def ipc_text(board: Board) -> str:
    """Return the IPC of a board."""
    return "none" if board.ipc is None else str(board.ipc)


def title(board: Board, boards: Sequence[Board]) -> str:
    """Return set and IPC, and the revision where another board has the same."""
    ipc = "no IPC" if board.ipc is None else f"IPC {board.ipc}"
    alike = [other for other in boards if (other.dataset, other.ipc) == (board.dataset, board.ipc)]
    revision = f" · train @ {short_revision(board.train_revision)}" if len(alike) > 1 else ""
    return f"{plain(board.dataset)} · {ipc}{plain(revision)}"

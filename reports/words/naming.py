"""How sets, protocols, students and methods are called in sentences: as short as is unambiguous."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.scores import SCORES
from leaderboards import Board, Column
from leaderboards.headings import short_revision
from reports.words.sentences import Code, Sentence

ACCURACY = "top1_last"
"""The accuracy that ranks."""


@dataclass(frozen=True)
class Naming:
    """The names of one report."""

    protocols: Mapping[str, str]
    """Heading of a protocol with students to what it is called."""
    students: Mapping[str, str]
    boards: Counter[tuple[str, int | None]]
    """How many boards go by one set and IPC: revisions of the data have boards of their own."""

    @classmethod
    def of(cls, boards: Sequence[Board]) -> Naming:
        """Return the names of the boards of a report."""
        columns = [column for _, column, _ in accuracies(boards)]
        return cls(
            shortened(column.protocol for column in columns),
            shortened(column.student for column in columns),
            Counter((board.dataset, board.ipc) for board in boards),
        )

    def protocol(self, heading: str) -> Code:
        """Return what a protocol is called."""
        return Code(self.protocols.get(heading, heading))

    def student(self, heading: str) -> Code:
        """Return what a student is called."""
        return Code(self.students.get(heading, heading))

    def where(self, board: Board, column: Column | None = None) -> Sentence:
        """Return "`set` at IPC 10", with protocol and student where the report has several."""
        ipc = () if board.ipc is None else (f" at IPC {board.ipc}",)
        return (*self.dataset(board), *ipc, *(self.under(column) if column is not None else ()))

    def dataset(self, board: Board) -> Sentence:
        """Return the name of a set, with its revisions where boards differ by them."""
        if self.boards[board.dataset, board.ipc] < 2:
            return (Code(board.dataset),)
        revisions = board.train_revision, board.test_revision
        return (Code(board.dataset), " @ ", Code("/".join(map(short_revision, revisions))))

    def under(self, column: Column) -> Sentence:
        """Return " under `protocol` with `student`", as far as the report has several."""
        parts: list[str | Code] = []
        if column.student and len(self.protocols) > 1:
            parts += [" under ", self.protocol(column.protocol)]
        if column.student and len(self.students) > 1:
            parts += [" with ", self.student(column.student)]
        if column.student and column.distinction:
            parts += [" (", Code(column.distinction), ")"]
        return tuple(parts)


def accuracies(boards: Iterable[Board]) -> Iterator[tuple[Board, Column, int]]:
    """Yield every column of accuracies, with its board and its place there."""
    for board in boards:
        for place, column in enumerate(board.columns):
            if column.metric == ACCURACY and column.student:
                yield board, column, place


def compared(boards: Iterable[Board]) -> list[tuple[Board, Column, int]]:
    """Return the columns of accuracies of two methods or more: the comparisons of a report."""
    return [
        (board, column, place)
        for board, column, place in accuracies(boards)
        if sum(row.cells[place] is not None for row in board.rows if not row.reference) > 1
    ]


def methods(boards: Iterable[Board]) -> list[str]:
    """Return the headings of all methods with an IPC, in the order of the boards."""
    rows = (row for board in boards for row in board.rows if not row.reference)
    return list(dict.fromkeys(row.method for row in rows))


def shortened(headings: Iterable[str]) -> dict[str, str]:
    """Return each heading cut at its first field, where no other is cut to the same."""
    found = dict.fromkeys(headings)
    heads = Counter(head_of(heading) for heading in found)
    return {
        heading: head_of(heading) if heads[head_of(heading)] == 1 else heading for heading in found
    }


def head_of(label: str) -> str:
    """Return a label or an identity without its revision and fields; all of it if that is all."""
    return label.partition("+")[0].partition("@")[0] or label


def title_of(column: Column) -> str | Code:
    """Return what a score is called; words of others are marked as such."""
    return column.score.title if column.metric in SCORES else Code(column.score.title)

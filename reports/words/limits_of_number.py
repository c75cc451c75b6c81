"""What stays unknown because there is one alone: one method, set, IPC or student."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leaderboards import Board
from reports.words.counting import verb
from reports.words.naming import Naming, head_of, methods
from reports.words.sentences import Code, Sentence, joined_sentences, listed

CONTROL = "random"
"""Real images drawn at random."""


def of_methods_run(boards: Sequence[Board]) -> Iterator[Sentence]:
    """Yield that nothing is compared, where no two methods meet."""
    names = methods(boards)
    if boards and not names:
        references = list(dict.fromkeys(row.method for board in boards for row in board.rows))
        was = verb(len(references), "was", "were")
        yield (
            "Only ",
            *listed(references),
            f" {was} run, and no distilled set: nothing is compared.",
        )
    elif len(names) == 1:
        yield ("One method was run (", Code(names[0]), "): ", *_alone(boards))
        yield from _one_draw(boards)
    elif names and not any(meet(board) for board in boards):
        yield (
            "No two methods have a score of one kind on one set at one IPC: nothing is compared.",
        )


def of_control(boards: Sequence[Board]) -> Iterator[Sentence]:
    """Yield that several methods were run without real images drawn at random."""
    if len(methods(boards)) > 1 and not has_control(boards):
        start = "Real images drawn at random were not run ("
        gain = "): no number says what a method gains over them."
        yield (start, Code(f"--methods {CONTROL}"), gain)


def of_one_kind(boards: Sequence[Board], naming: Naming) -> Iterator[Sentence]:
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
    if parts and (several := methods(boards)):
        what = "order the methods otherwise" if len(several) > 1 else "give other numbers"
        yield ("There is ", *joined_sentences(parts), f": others may {what}.")


def _alone(boards: Sequence[Board]) -> Sentence:
    """Return what one method alone does not tell; beside `random` it would tell more."""
    if has_control(boards):
        return ("nothing is compared, and no number here says whether another method does better.",)
    without = "nothing is compared, and without real images drawn at random ("
    return (without, Code(f"--methods {CONTROL}"), ") no number says what the method gains.")


def has_control(boards: Sequence[Board]) -> bool:
    """Return whether real images drawn at random were run."""
    rows = (row for board in boards for row in board.rows)
    return any(head_of(row.name.identity) == CONTROL and not row.name.origin for row in rows)


def _one_draw(boards: Sequence[Board]) -> Iterator[Sentence]:
    """Yield that there is one distilled set where another seed would give another one."""
    rows = [row for board in boards for row in board.rows if not row.reference]
    counts = {cell.n_sets for row in rows if row.stochastic for cell in row.cells if cell}
    if counts == {1}:
        yield (
            "It has one distilled set: what another draw of the same method would give is not "
            "known.",
        )


def meet(board: Board) -> bool:
    """Return whether there is one score, which is no cost, of two methods."""
    own = [row for row in board.rows if not row.reference]
    return any(
        column.group != "cost" and sum(row.cells[place] is not None for row in own) > 1
        for place, column in enumerate(board.columns)
    )

"""What is said beside ranks: references, epochs, printed numbers, architectures, failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from leaderboards import Board, Column
from leaderboards.published.ledger import Quote
from reports.words.all_images import beside_all_images
from reports.words.cost import cost_sentences
from reports.words.counting import chained, counted, verb
from reports.words.drops import drop_sentences
from reports.words.failed import still_failed
from reports.words.finding import Finding
from reports.words.metrics import metric_sentences
from reports.words.naming import Naming, accuracies
from reports.words.sentences import Code, Sentence

if TYPE_CHECKING:
    from reports.material import Material

WORTH = 1.0
"""Points that a chosen epoch has to add before it is spoken of."""


def findings(material: Material) -> Iterator[Finding]:
    """Yield what is said beside ranks, in the order of the page."""
    naming = Naming.of(material.boards)
    for sentence in beside_all_images(material.boards, naming):
        yield Finding("full", sentence, "leaderboards")
    for sentence in _published(material.boards):
        yield Finding("published", sentence, "published")
    for sentence in metric_sentences(material, naming):
        yield Finding("metric", sentence, "metrics")
    for sentence in drop_sentences(material.architectures, naming, material.selection):
        yield Finding("drop", sentence, "architectures")
    for sentence in cost_sentences(material, naming):
        yield Finding("cost", sentence, "cost")
    for sentence in _epoch(material.boards, naming):
        yield Finding("epoch", sentence, "training")
    if failed := len(still_failed(material)):
        what = f"{counted(failed, 'unit')} of the run failed; what "
        said = f"{verb(failed, 'it', 'they')} would have said is missing."
        yield Finding("failed", (what + said,), "failures")


def _published(boards: Sequence[Board]) -> Iterator[Sentence]:
    """Yield how many printed numbers are reproduced; reference rows stand on several boards."""
    found: dict[tuple[object, ...], Quote] = {}
    for board in boards:
        for row in board.rows:
            for column, cell in zip(board.columns, row.cells, strict=True):
                for quote in cell.quotes if cell else ():
                    ipc = None if row.reference else board.ipc
                    where = (board.dataset, board.train_revision, board.test_revision, ipc)
                    under = (column.protocol_name, column.student_name, column.card)
                    found[(*where, row.method, *under, quote.row.line)] = quote
    if not found:
        return
    verdicts = Counter(quote.verdict for quote in found.values())
    parts = [
        f"{count} {verb(count, 'is', 'are')} {verdict}"
        for verdict in ("reproduced", "not reproduced", "not comparable")
        if (count := verdicts[verdict])
    ]
    total = len(found)
    if total == 1:
        start = "The one printed number of the same method, set, IPC, recipe and student is "
        yield (f"{start}{next(iter(verdicts))}.",)
    else:
        start = f"Of {total} printed numbers of the same method, set, IPC, recipe and student, "
        yield (f"{start}{chained(parts)}.",)


def _epoch(boards: Sequence[Board], naming: Naming) -> Iterator[Sentence]:
    """Yield how much the best epoch would have added at most, if that is worth a sentence."""
    found: tuple[float, Sentence] = (WORTH, ())
    for board, column, place in accuracies(boards):
        chosen = [at for at, other in enumerate(board.columns) if _is_best_of(other, column)]
        for row in board.rows:
            last = None if row.reference else row.cells[place]
            for best in (row.cells[at] for at in chosen):
                if last and best and best.mean - last.mean >= found[0]:
                    where = (Code(row.method), " on ", *naming.where(board, column))
                    found = best.mean - last.mean, where
    if found[1]:
        start = f"Choosing the epoch on the test set would have added up to {found[0]:.1f} points ("
        yield (start, *found[1], "): this is why the last epoch is ranked.")


def _is_best_of(other: Column, column: Column) -> bool:
    ours = (column.protocol_name, column.student_name, column.card)
    return (other.protocol_name, other.student_name, other.card) == ours and (
        other.metric == "top1_best"
    )

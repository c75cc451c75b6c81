"""What stands at the top: counts, what was compared, and the words that are needed to read on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from leaderboards.headings import natural
from reports.material import Material
from reports.plain import plain
from reports.words.counting import chained


class Count(NamedTuple):
    """A number of the heading."""

    number: int
    what: str


class Fact(NamedTuple):
    """A row of the table of what was compared."""

    what: str
    values: tuple[str, ...]


WORDS = {
    "distilled set": "the few images per class, with labels, that a method returns",
    "IPC": "images per class of a distilled set",
    "method": "what turns a real set into a distilled one",
    "protocol": "what turns a distilled set into scores: how students are trained, or which "
    "features of the images are compared",
    "student": "a network that is trained on a distilled set from scratch",
    "teacher": "a network trained on the real set, whose answers are the labels of students",
    "top-1": "share of the real test images whose class a student names first, after its last "
    "epoch",
    "FID": "a distance between the features of distilled and real images; lower is nearer",
    "separated": "told apart by the statistical test of a column; methods that are not separated "
    "share a letter",
    "interval": "where the mean over all distilled sets that a method could draw lies, with 95% "
    "confidence",
    "reference": "a row that is no distilled set, such as all training images; never ranked",
}
"""Words of this page, in words that need none of them."""


def heading(material: Material) -> str:
    """Return the title of a page that was given none."""
    names = list(dict.fromkeys(plain(board.dataset) for board in material.boards))
    shown = [*names[:3], f"{len(names) - 3} more"] if len(names) > 3 else names
    return f"Dataset distillation on {chained(shown)}" if names else "Dataset distillation"


def counts(material: Material) -> tuple[Count, ...]:
    """Return how many methods, real sets and records there are."""
    methods = len(_methods(material, reference=False))
    sets = len({board.dataset for board in material.boards})
    records = len(material.evidence.records)
    return (
        Count(methods, "method" if methods == 1 else "methods"),
        Count(sets, "real set" if sets == 1 else "real sets"),
        Count(records, "record" if records == 1 else "records"),
    )


def facts(material: Material) -> tuple[Fact, ...]:
    """Return sets, IPCs, methods, protocols, students and seeds, without what there is none of."""
    boards, records = material.boards, material.evidence.records
    columns = [column for board in boards for column in board.columns if column.group != "cost"]
    found = (
        Fact("real sets", _names(board.dataset for board in boards)),
        Fact("images per class", _names(str(b.ipc) for b in boards if b.ipc is not None)),
        Fact("methods", _names(_methods(material, reference=False))),
        Fact("references", _names(_methods(material, reference=True))),
        Fact("protocols", _names(column.protocol for column in columns)),
        Fact("students", _names(column.student for column in columns if column.student)),
        Fact("distillation seeds", _names(str(r.seed) for r in records if r.ipc is not None)),
    )
    return tuple(fact for fact in found if fact.values)


def words(material: Material) -> dict[str, str]:
    """Return the words that this page needs."""
    columns = [column for board in material.boards for column in board.columns]
    facts = {fact for record in material.evidence.records for fact in record.facts}
    told = any(column.told and column.told.tested for column in columns)
    cells = (cell for board in material.boards for row in board.rows for cell in row.cells if cell)
    needless = {
        "interval": all(cell.low is None for cell in cells),
        "top-1": not any(column.score.group == "accuracy" for column in columns),
        "FID": not any(column.metric == "fid" for column in columns),
        "teacher": "teacher" not in facts,
        "separated": not told,
        "reference": not any(row.reference for board in material.boards for row in board.rows),
    }
    return {word: text for word, text in WORDS.items() if not needless.get(word, False)}


def _methods(material: Material, reference: bool) -> set[str]:
    """Return the headings of rows, which leave out what all methods have in common."""
    rows = (row for board in material.boards for row in board.rows)
    return {row.method for row in rows if row.reference == reference}


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({plain(name) for name in names}, key=natural))

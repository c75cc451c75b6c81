"""What was compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bench.records import Record
from leaderboards.headings import natural
from reports.words.counting import chained, counted
from reports.words.failed import still_failed
from reports.words.naming import Naming, methods, shortened
from reports.words.repeats import Repeats, each_of, either, repeats
from reports.words.selected import on_the_page
from reports.words.sentences import Code, Sentence, joined_sentences, listed

if TYPE_CHECKING:
    from leaderboards import Board
    from reports.material import Material


def compared(material: Material) -> tuple[Sentence, ...]:
    """Return methods, sets, protocols, seeds and counts in sentences."""
    return tuple(_sentences(material))


def _sentences(material: Material) -> Iterator[Sentence]:
    boards, records = material.boards, material.evidence.records
    if not boards:
        return
    yield _what(boards)
    if material.selection is not None:
        yield on_the_page(material.selection)
    yield from _how(records, Naming.of(boards))
    yield from _repeats(records)
    failed = len(still_failed(material))
    without = f"; {counted(failed, 'unit')} failed" if failed else ""
    yield (f"All of it rests on {counted(len(records), 'record')}{without}.",)


def _what(boards: Sequence[Board]) -> Sentence:
    """Return how many methods are compared on which sets, at how many images per class."""
    names = methods(boards)
    references = list(dict.fromkeys(r.method for b in boards for r in b.rows if r.reference))
    sets = list(dict.fromkeys(board.dataset for board in boards))
    ipcs = sorted({board.ipc for board in boards if board.ipc is not None})
    what: Sentence = (counted(len(names), "method"),) if names else ()
    if len(names) == 1:
        what = ("One method (", Code(names[0]), ")")
    beside: Sentence = (" beside " if names else "", *listed(references)) if references else ()
    on = " on one real set (" if len(sets) == 1 else f" on {len(sets)} real sets ("
    images = f", with {chained([f'{ipc:,}' for ipc in ipcs])} images per class" if ipcs else ""
    if ipcs == [1]:
        images = ", with 1 image per class"
    whole = (*what, *beside, on, *listed(sets), f"){images}.")
    return tuple(part for part in whole if part != "")


def _how(records: Sequence[Record], naming: Naming) -> Iterator[Sentence]:
    """Yield under which protocols students were trained, and how images were measured."""
    students: dict[str, dict[str, None]] = defaultdict(dict)
    bare: dict[str, None] = {}
    for record in sorted(records, key=lambda one: one.protocol.label if one.protocol else ""):
        if record.protocol is not None and record.student is not None:
            students[record.protocol.label][record.student.label] = None
        elif record.protocol is not None:
            bare[record.protocol.label] = None
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for protocol, several in students.items():
        called = sorted((naming.student(student).text for student in several), key=natural)
        alike[tuple(called)].append(naming.protocol(protocol).text)
    parts = [("under ", *listed(names), " with ", *listed(of)) for of, names in alike.items()]
    if parts:
        yield ("Students were trained and tested ", *joined_sentences(parts, "; ", "; "), ".")
    if bare:
        yield ("The images themselves were measured under ", *listed(_short(bare)), ".")


def _short(labels: dict[str, None]) -> list[str]:
    return list(shortened(labels).values())


def _repeats(records: Sequence[Record]) -> Iterator[Sentence]:
    """Yield how many distilled sets a method has, and how many students a set."""
    told, per = repeats(records), each_of(records)
    if drawn := told.get(True):
        who = "A method with randomness has" if False in told else "A method has"
        students = _with_students(drawn, per)
        if drawn.sets != {1}:
            equal = " (equal ones count once)" if drawn.equal else ""
            sets = f"{either(drawn.sets)} distilled sets of different seeds{equal}"
            sets += ", each" if students else ""
        elif drawn.equal:
            sets = "one distilled set, whatever the seed" + ("," if students else "")
        else:
            sets = "one distilled set"
        yield (f"{who} {sets}{students}.",)
    if fixed := told.get(False):
        students = _with_students(fixed, per)
        yield (f"A method without randomness has one distilled set{students}.",)


def _with_students(told: Repeats, per: str) -> str:
    """Return how many students a set has, as the end of a sentence; "" without any."""
    if not told.students:
        return ""
    one = told.students == {1}
    return f" with {'one student' if one else f'{either(told.students)} students'}{per}"

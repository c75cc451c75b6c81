"""What has to be said of the teachers behind soft labels, and of the true size of what is stored.

A soft label moves knowledge of the whole real set into the score of a distilled one: a board that
shows such scores says whose knowledge it is, how good it is, and how much of it is kept.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from bench.records import Record
from leaderboards.headings import natural, size

STORED = (("images_bytes", "images"), ("labels_bytes", "labels"), ("teacher_bytes", "teacher"))
"""Facts of a record that count bytes, and what they are of."""


def remarks_on_teachers(records: Iterable[Record]) -> tuple[str, ...]:
    """Return a sentence for every protocol and teacher of one board, and one for every warning.

    Read from the facts of evaluations that name a teacher. Reference rows count only where there is
    nothing else, as they are trained for other epochs.
    """
    grouped: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.protocol is not None and "teacher" in record.facts:
            grouped[record.protocol.label, str(record.facts["teacher"])].append(record)
    return tuple(
        remark
        for key in sorted(grouped, key=lambda key: (natural(key[0]), key))
        for remark in _of_one(*key, grouped[key])
    )


def _of_one(protocol: str, teacher: str, records: list[Record]) -> Iterator[str]:
    records = [record for record in records if record.ipc is not None] or records
    where = f"{protocol} on {records[0].data.name}"
    about = [f"teacher {teacher}{_quality(records)}"]
    for name in ("epochs", "updates"):
        if numbers := _numbers(records, name):
            about.append(f"{_between([f'{number:,.0f}' for number in numbers])} {name}")
    stored = " + ".join(_stored(records))
    yield f"{where}: {', '.join(about)}{f'; {stored}' if stored else ''}"
    for warning in sorted({str(record.facts.get("teacher_warning", "")) for record in records}):
        if warning:
            yield f"{where}: {warning}"


def _quality(records: Sequence[Record]) -> str:
    """Return in brackets how good a teacher is by itself, and of which classes it was one."""
    said = []
    # Measured on every machine anew, it may differ in the second decimal.
    if top1 := _numbers(records, "teacher_top1"):
        said.append(f"{statistics.fmean(top1):.1f} % of the test images right")
    for classes in sorted({str(record.facts.get("teacher_classes", "")) for record in records}):
        known, _, whole = classes.partition(" of ")
        if known != whole and whole:
            said.append(f"{known} of its {whole} classes")
    return f" ({', '.join(said)})" if said else ""


def _stored(records: Sequence[Record]) -> Iterator[str]:
    """Yield how many bytes there are of images, labels and teacher, without what is none."""
    for fact, name in STORED:
        if any(numbers := _numbers(records, fact)):
            yield f"{_between([size(number) for number in numbers])} of {name}"


def _numbers(records: Iterable[Record], fact: str) -> list[float]:
    """Return the distinct values of a fact, ascending."""
    found = (record.facts.get(fact) for record in records)
    return sorted({float(value) for value in found if isinstance(value, (int, float))})


def _between(texts: Sequence[str]) -> str:
    """Return the first and the last of ascending numbers, or the one they all are."""
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}"

"""Which pictures and maps are not shown, because their files cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reports.words.counting import chained, counted
from reports.words.sentences import Code, Sentence

if TYPE_CHECKING:
    from reports.material import Material


def of_files(material: Material) -> Iterator[Sentence]:
    """Yield how many files cannot be read, with one of them and what helps."""
    pictures, points = material.sheets[1], material.planes[1]
    lost = [*pictures, *points]
    if not lost:
        return
    kinds = ((pictures, "picture", ""), (points, "file of points", "files of points"))
    numbers = chained([counted(len(some), *noun) for some, *noun in kinds if some])
    first = lost[0]
    yield (
        f"{numbers} that the records name cannot be read, such as the {first.what} of ",
        *(Code(first.method), f" ({first.why})", *mending(material), "."),
    )


def mending(material: Material) -> Sentence:
    """Return what helps where there are no such files, as the end of a sentence; () elsewhere."""
    if not any(one.is_missing for one in (*material.sheets[1], *material.planes[1])):
        return ()
    return (": copy the run's ", Code("files/"), " beside its records")

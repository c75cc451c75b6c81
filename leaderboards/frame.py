"""Every number of a run as a pandas table, for plots and tests of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bench.records import Described, Record
from leaderboards.table import latest

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "dataset",
    "train_revision",
    "test_revision",
    "ipc",
    "method",
    "protocol",
    "student",
    "set",
    "repeat",
    "metric",
    "number",
    "distilled",
    "method_identity",
    "protocol_identity",
    "student_identity",
    "key",
)


def frame(records: Iterable[Record]) -> pd.DataFrame:
    """Return a line per record and score, sorted by its columns (see `COLUMNS`).

    `set` is the distillation seed and `repeat` tells the students of one set apart, so that lines
    of different methods pair by them. `ipc` and `repeat` are integers or missing; texts are ""
    where there is nothing, such as the student of a score of the images. Of records that answer
    one request the one that was started last counts. Nothing is averaged, ranked or left out.
    """
    import pandas as pd

    table = pd.DataFrame(_lines(latest(records)), columns=list(COLUMNS))
    numbers = {"ipc": "Int64", "set": "int64", "repeat": "Int64", "number": "float64"}
    return table.astype(numbers).sort_values(list(COLUMNS), ignore_index=True)


def _lines(records: Iterable[Record]) -> Iterator[tuple[object, ...]]:
    for record in records:
        data, (protocol, student) = record.data, (record.protocol, record.student)
        for metric, number in record.scores.items():
            yield (
                *(data.name, data.train_revision, data.test_revision, record.ipc),
                *(record.method.label, _label(protocol), _label(student)),
                *(record.seed, record.student_seed[1] if record.student_seed else None),
                *(metric, number, record.distilled),
                *(record.method.identity, _identity(protocol), _identity(student), record.key),
            )


def _label(part: Described | None) -> str:
    return part.label if part else ""


def _identity(part: Described | None) -> str:
    return part.identity if part else ""

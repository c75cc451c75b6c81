"""The files of a segment while they are being filled, image by image."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.files import disk_full_as_error
from bench.sampling.stored import ClassFacts, SampleFiles, Sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.sampling.hook import Job

Tables = Mapping[str, "NDArray[np.float32]"]
"""Name to `[N, images]`."""


@dataclass(frozen=True, eq=False)
class Made:
    """Images that were sampled together, on their way to the disk."""

    jobs: list[Job]
    images: NDArray[np.uint8]
    """`[n, H, W, 3]`."""
    latents: NDArray[np.float32]
    """`[n, C, h, w]`."""
    traces: Tables
    """Sizes of changes."""
    values: Tables
    """Values of the hook, NaN where it gave none."""
    rows: int
    seconds: float


@dataclass
class Shelf:
    """Puts images into the files of their classes, and says which classes are whole.

    A file has its name only when it is whole. Images come in any order; memory holds none of them.
    """

    files: SampleFiles
    first: int
    count: int
    """Images of every class."""
    wanted: Collection[int]
    """Labels of the classes to fill; images of others have been kept before."""
    _half: dict[int, ClassFacts] = field(default_factory=dict)

    def add(self, made: Made) -> None:
        """Write the images of one batch; DiskFullError if they do not fit."""
        with disk_full_as_error(self.files.folder):
            for label, columns in _by_label(made.jobs):
                if label in self.wanted:
                    self._add_some(label, columns, made)

    def _add_some(self, label: int, columns: list[int], made: Made) -> None:
        new = label not in self._half
        for column in columns:
            row = made.jobs[column].k - self.first
            for path, rows in self._targets(label, made):
                _put_row(_aside(path), self.count, row, rows[column], new=new)
            new = False
        facts = self._half.setdefault(label, ClassFacts(0, 0.0, made.rows, {}))
        _add_up(facts, columns, made)
        if facts.images == self.count:
            self._finish(label, made)

    def _finish(self, label: int, made: Made) -> None:
        for path, _ in self._targets(label, made):
            with _aside(path).open("rb+") as file:
                os.fsync(file.fileno())
            _aside(path).replace(path)
        self.files.write_facts(label, self._half.pop(label))

    def _targets(self, label: int, made: Made) -> tuple[tuple[Path, NDArray[Any]], ...]:
        return (
            (self.files.images(label), made.images),
            (self.files.latents(label), made.latents),
        )


def _by_label(jobs: list[Job]) -> Iterator[tuple[int, list[int]]]:
    """Yield every label with the places of its jobs."""
    places: dict[int, list[int]] = {}
    for place, job in enumerate(jobs):
        places.setdefault(job.label, []).append(place)
    yield from places.items()


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}")


def _put_row(path: Path, count: int, row: int, array: NDArray[Any], *, new: bool) -> None:
    """Write one row of the array `[count, *array.shape]` in a file, which is begun if `new`.

    Written and not mapped: a full disk kills those who write to mapped files.
    """
    with path.open("wb" if new else "rb+") as file:
        descr, shape = np.lib.format.dtype_to_descr(array.dtype), (count, *array.shape)
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.seek(row * array.nbytes, os.SEEK_CUR)
        file.write(np.ascontiguousarray(array).tobytes())


def _add_up(facts: ClassFacts, columns: list[int], made: Made) -> None:
    facts.images += len(columns)
    facts.seconds += made.seconds * len(columns) / len(made.jobs)
    facts.rows = min(facts.rows, made.rows)
    for tables, whole in ((made.traces, True), (made.values, False)):
        for name, table in tables.items():
            some = table[:, columns].astype(np.float64)
            sums = facts.traces.setdefault(name, Sums([0.0] * len(some), [0] * len(some), whole))
            new = np.nansum(some, axis=1).tolist()
            sums.total = [old + add for old, add in zip(sums.total, new, strict=True)]
            found = (~np.isnan(some)).sum(axis=1).tolist()
            sums.count = [old + add for old, add in zip(sums.count, found, strict=True)]

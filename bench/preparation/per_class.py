"""Arrays of classes in a folder: one file per label, each there whole or not at all."""

from __future__ import annotations

import io
import os
import shutil
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.files import disk_full_as_error, replace_file, sync_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_MAPPED = 16
"""Files mapped at a time; the one that was not asked for longest is let go."""


class ClassFiles:
    """One array per label in a folder, as `<label>.<suffix>` with four digits at least."""

    def __init__(self, folder: Path, suffix: str = "npy") -> None:
        self.folder, self.suffix = folder, suffix
        self._mapped: OrderedDict[int, NDArray[Any]] = OrderedDict()

    def path(self, label: int) -> Path:
        """Return where the array of a label lies."""
        return self.folder / f"{label:04d}.{self.suffix}"

    def missing(self, num_classes: int) -> list[int]:
        """Return the labels that have no array yet, ascending."""
        return [label for label in range(num_classes) if not self.path(label).is_file()]

    def write(self, label: int, array: NDArray[Any]) -> None:
        """Write the array of a label; DiskFullError if it does not fit."""
        import numpy as np

        content = io.BytesIO()
        np.save(content, array, allow_pickle=False)
        replace_file(self.path(label), content.getvalue())

    @contextmanager
    def open_rows(self, label: int, count: int, row: tuple[int, ...], dtype: str) -> Iterator[Rows]:
        """Give what appends blocks of rows to the array `[count, *row]` of a label.

        The file appears when the context is left without an error. ValueError if the rows that
        came are not `count`; DiskFullError if they do not fit.
        """
        path = self.path(label)
        aside = path.with_name(f".{path.name}.partial")
        try:
            with disk_full_as_error(self.folder), aside.open("wb") as file:
                rows = Rows(file, count, row, dtype)
                yield rows
                rows.finish()
            aside.replace(path)
            sync_folder(self.folder)
        finally:
            aside.unlink(missing_ok=True)

    def of_class(self, label: int) -> NDArray[Any]:
        """Return the array of a label, mapped from its file and not to be written."""
        import numpy as np

        if label not in self._mapped:
            self._mapped[label] = np.load(self.path(label), mmap_mode="r", allow_pickle=False)
            if len(self._mapped) > MOST_MAPPED:
                self._mapped.popitem(last=False)
        self._mapped.move_to_end(label)
        return self._mapped[label]


@dataclass
class Rows:
    """An array on its way to a file. A plain file: a full disk kills those who map one."""

    file: IO[bytes]
    count: int
    row: tuple[int, ...]
    dtype: str
    """As in the header of a file, such as "<f2"."""
    written: int = 0

    def __post_init__(self) -> None:
        """Write the header."""
        import numpy as np

        shape = (self.count, *self.row)
        header = {"descr": self.dtype, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self.file, header)

    def append(self, block: NDArray[Any]) -> None:
        """Write the next rows `[n, *row]`; ValueError if theirs is another shape."""
        import numpy as np

        if block.shape[1:] != self.row:
            raise ValueError(f"Rows must be of shape {self.row}, got {block.shape[1:]}.")
        self.file.write(np.ascontiguousarray(block, dtype=np.dtype(self.dtype)).tobytes())
        self.written += len(block)

    def finish(self) -> None:
        """Have all rows on the disk; ValueError if some are missing or too many."""
        if self.written != self.count:
            raise ValueError(f"Expected {self.count} rows, got {self.written}.")
        self.file.flush()
        os.fsync(self.file.fileno())


def require_room(folder: Path, needed: int, what: str) -> None:
    """Raise BenchError if `needed` bytes do not fit: better now than after hours of work.

    `what` begins the sentence in the plural, such as "The latents of 'imagenet1k'".
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise BenchError(
            f"{what} need {needed / 1e6:,.1f} MB in {folder}, where {free / 1e6:,.1f} MB are "
            "free: free some space (`bench cache prune` removes what no record uses) or set "
            "BENCH_CACHE to a larger disk."
        )

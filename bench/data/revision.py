"""Revisions: one hash that says which images a set holds, and in which order."""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError

if TYPE_CHECKING:
    import sqlite3

    import numpy as np
    from numpy.typing import NDArray

NAMES_ONLY_ABOVE = 200_000
"""Sets of more images are known by names and sizes, so that opening one reads no image."""

BLOCK = 900
"""Files whose hashes are kept together: a scan that is killed has no more of them to do again.

Below 999, the most values that a query takes in SQLite before 3.32.
"""

_ASKING = 8
"""Threads that wait for the disk to answer: a network disk takes its time, and so do cold ones."""


def files_revision(root: Path, names: Sequence[str], class_ids: Iterable[str], cache: Path) -> str:
    """Return the sha256 over class id, relative name and content hash of every file, in set order.

    Neither `root` nor file times enter. File hashes are kept in `cache`, by path, size and time.
    For more than `NAMES_ONLY_ABOVE` files (ImageNet-1K) the size stands for the content: a file
    changed without changing its size goes unnoticed until contents are verified.

    Beside the names it holds 16 bytes a file and one block of hashes; a scan that is interrupted
    goes on where it was.

    Raises BenchError if a file is empty or cannot be read, or if the cache cannot be used.
    """
    below = f"{root.resolve()}{os.sep}"
    stats = _stats(below, names)
    if len(names) > NAMES_ONLY_ABOVE:
        facts: Iterable[str] = (f"{size} bytes" for size in stats[::2])
    else:
        facts = _digests(below, names, stats, cache)
    whole = hashlib.sha256()
    for class_id, name, fact in zip(class_ids, names, facts, strict=True):
        whole.update(os.fsencode(f"{class_id}\t{name}\t{fact}\n"))
    return whole.hexdigest()


def pixels_revision(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> str:
    """Return the sha256 over the pixels and labels of a set held in memory."""
    whole = hashlib.sha256(repr(pixels.shape).encode())
    whole.update(pixels.tobytes())
    whole.update(labels.astype("<i8").tobytes())
    return whole.hexdigest()


def _stats(below: str, names: Sequence[str]) -> array[int]:
    """Return size and time (ns) of every file in turn; several blocks are asked for at once."""
    stats = array("q")
    starts = range(0, len(names), BLOCK)
    with ThreadPoolExecutor(_ASKING) as pool:
        for some in pool.map(lambda start: _asked(below, names[start : start + BLOCK]), starts):
            stats.extend(some)
    return stats


def _asked(below: str, names: Sequence[str]) -> array[int]:
    return array("q", chain.from_iterable(_size_and_time(below + name) for name in names))


def _size_and_time(path: str) -> tuple[int, int]:
    try:
        stat = os.stat(path)  # noqa: PTH116  # making a Path takes longer than asking
    except OSError as error:
        raise _unreadable(path, error) from error
    if stat.st_size == 0:
        raise BenchError(f"{path} is empty (0 bytes): fetch it again or remove it.")
    return stat.st_size, stat.st_mtime_ns


def _digests(below: str, names: Sequence[str], stats: array[int], cache: Path) -> Iterator[str]:
    """Yield each file's sha256, from the cache where size and time are unchanged."""
    import sqlite3

    database = cache / "file-hashes.sqlite"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Only waits for other writers: each writes one block at a time.
        with closing(sqlite3.connect(database, timeout=120)) as rows:
            rows.execute(
                "CREATE TABLE IF NOT EXISTS files"
                " (path BLOB PRIMARY KEY, size INTEGER, time INTEGER, sha256 TEXT) WITHOUT ROWID"
            )
            yield from _looked_up(rows, below, names, stats)
    except (sqlite3.Error, OSError) as error:
        raise BenchError(
            f"File hashes cannot be kept in {database} ({error}): remove it, or choose a cache "
            "folder that can be written."
        ) from error


def _looked_up(
    rows: sqlite3.Connection, below: str, names: Sequence[str], stats: array[int]
) -> Iterator[str]:
    """Yield each file's sha256, block after block; what a block lacks is read and kept."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(names), BLOCK):
            paths = [below + name for name in names[start : start + BLOCK]]
            some = stats[2 * start : 2 * (start + len(paths))]
            now = dict(zip(paths, zip(some[::2], some[1::2], strict=True), strict=True))
            digests = _known(rows, now)
            fresh = [path for path in now if path not in digests]
            made = dict(zip(fresh, pool.map(_sha256, map(Path, fresh)), strict=True))
            _keep(rows, [(os.fsencode(path), *now[path], sha) for path, sha in made.items()])
            digests |= made
            yield from (digests[path] for path in paths)


def _known(rows: sqlite3.Connection, now: Mapping[str, tuple[int, int]]) -> dict[str, str]:
    """Return the sha256 of the files that were read before and have the size and time of then."""
    keys = [os.fsencode(path) for path in now]
    found = rows.execute(
        f"SELECT path, size, time, sha256 FROM files WHERE path IN ({', '.join('?' * len(keys))})",
        keys,
    )
    then = ((os.fsdecode(path), (size, time), sha) for path, size, time, sha in found)
    return {path: sha for path, facts, sha in then if facts == now[path]}


def _keep(rows: sqlite3.Connection, facts: Sequence[tuple[bytes, int, int, str]]) -> None:
    if facts:  # the cache may be one that only others write
        with rows:
            rows.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", facts)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str | Path, error: OSError) -> BenchError:
    return BenchError(f"{path} cannot be read: {error.strerror or error}.")

"""Revisions: one hash that says which images a set holds, and in which order."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError

if TYPE_CHECKING:
    import sqlite3

    import numpy as np
    from numpy.typing import NDArray

NAMES_ONLY_ABOVE = 200_000
"""Sets of more images are known by names and sizes, so that opening one reads no image."""


def files_revision(root: Path, names: Sequence[str], class_ids: Sequence[str], cache: Path) -> str:
    """Return the sha256 over class id, relative name and content hash of every file, in set order.

    Neither `root` nor file times enter. File hashes are kept in `cache`, by path, size and time.
    For more than `NAMES_ONLY_ABOVE` files (ImageNet-1K) the size stands for the content: a file
    changed without changing its size goes unnoticed until contents are verified.

    Raises BenchError if a file is empty or cannot be read, or if the cache cannot be used.
    """
    root = root.resolve()
    stats = [_size_and_time(root / name) for name in names]
    if len(names) > NAMES_ONLY_ABOVE:
        facts = [f"{size} bytes" for size, _ in stats]
    else:
        facts = _digests(root, names, stats, cache)
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


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror or error}.") from error
    if stat.st_size == 0:
        raise BenchError(f"{path} is empty (0 bytes): fetch it again or remove it.")
    return stat.st_size, stat.st_mtime_ns


def _digests(
    root: Path, names: Sequence[str], stats: Sequence[tuple[int, int]], cache: Path
) -> list[str]:
    """Return each file's sha256, from the cache where size and time are unchanged."""
    import sqlite3

    database = cache / "file-hashes.sqlite"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Only waits for other writers: each writes a thousand rows at a time.
        with closing(sqlite3.connect(database, timeout=120)) as rows:
            rows.execute(
                "CREATE TABLE IF NOT EXISTS files"
                " (path BLOB PRIMARY KEY, size INTEGER, time INTEGER, sha256 TEXT) WITHOUT ROWID"
            )
            return _looked_up(rows, root, names, stats)
    except (sqlite3.Error, OSError) as error:
        raise BenchError(
            f"File hashes cannot be kept in {database} ({error}): remove it, or choose a cache "
            "folder that can be written."
        ) from error


def _looked_up(
    rows: sqlite3.Connection,
    root: Path,
    names: Sequence[str],
    stats: Sequence[tuple[int, int]],
) -> list[str]:
    from concurrent.futures import ThreadPoolExecutor

    keys = [os.fsencode(root / name) for name in names]
    known = _known(rows, os.fsencode(root))
    fresh = [i for i, key in enumerate(keys) if known.get(key, (None,))[:2] != stats[i]]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(fresh), 1000):
            block = fresh[start : start + 1000]
            hashes = list(pool.map(_sha256, (root / names[i] for i in block)))
            made = {keys[i]: (*stats[i], sha) for i, sha in zip(block, hashes, strict=True)}
            with rows:
                rows.executemany(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                    [(key, *facts) for key, facts in made.items()],
                )
            known.update(made)
    return [known[key][2] for key in keys]


def _known(rows: sqlite3.Connection, root: bytes) -> dict[bytes, tuple[int, int, str]]:
    below = os.fsencode(os.sep)
    after = bytes([below[0] + 1])
    found = rows.execute(
        "SELECT path, size, time, sha256 FROM files WHERE path >= ? AND path < ?",
        (root + below, root + after),
    )
    return {path: (size, time, sha) for path, size, time, sha in found}


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror or error}.") from error

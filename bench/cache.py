"""What the cache folder holds, who uses it, and how it is made smaller.

    <cache>/artefacts/   features, trained networks      (bench.artefacts)
    <cache>/pixels/      decoded images                  (bench.data.pixels)
    <cache>/rendered/    drawn images                    (bench.data.shapes)
    <cache>/datasets/    downloaded sets                 (bench.data.download)
    <cache>/teachers/    imported weights of torchvision (bench.teachers)
    <cache>/features/    fetched weights of feature networks (bench.features)
    <cache>/in-use/      one lock for every process that works with the cache

Nothing else is ever removed. What was fetched or brought here goes by name only; all else can be
made again.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.errors import BenchError
from bench.records import Record, read_records

KINDS = ("artefacts", "pixels", "rendered", "datasets", "teachers", "features")
FETCHED = ("datasets", "teachers", "features")
"""What was downloaded or brought here, and stays even if nobody uses it."""
LEFT_BEHIND = {kind: (".partial",) for kind in KINDS} | {"datasets": (".unpacking",)}
"""How the names end of what an interrupted process has left behind.

A download that was interrupted is none of it: the next `bench fetch` goes on with it.
"""


@dataclass(frozen=True)
class Entry:
    """One thing in the cache."""

    kind: str
    """One of `KINDS`."""
    name: str
    path: Path
    bytes: int
    title: str
    """What it is, in words."""
    whole: bool
    """False for what an interrupted process has left behind."""

    @property
    def sort(self) -> str:
        """Return what entries of this sort have in common, such as `artefacts/Samples`."""
        if not self.whole:
            return f"{self.kind}, left behind"
        own = self.name.rpartition("-")[0] if self.kind == "artefacts" else ""
        return f"{self.kind}/{own}" if own else self.kind


def entries(cache: Path) -> list[Entry]:
    """Return everything in the cache, by kind and name; locks are left out."""
    found = []
    for kind in KINDS:
        for path in sorted((cache / kind).glob("*")):
            if path.suffix != ".lock":
                whole = not (path.name.startswith(".") or path.name.endswith(LEFT_BEHIND[kind]))
                found.append(Entry(kind, path.name, path, _size(path), _title(path), whole))
    return found


def unused(used: Mapping[Entry, Collection[Path]]) -> list[Entry]:
    """Return what nobody uses, given the users of every entry; what was fetched is kept even so.

    What an interrupted process has left behind can be made again.
    """
    return [
        entry
        for entry, runs in used.items()
        if not entry.whole or (not runs and entry.kind not in FETCHED)
    ]


def users(entry: Entry, records: Mapping[Path, Iterable[Record]]) -> list[Path]:
    """Return the runs of which a record names this entry: by key, or by the images' revision."""
    return [run for run, some in records.items() if any(_names(r, entry) for r in some)]


def records_below(runs: Path) -> dict[Path, list[Record]]:
    """Return the records of every run's folder at or below a folder."""
    found: dict[Path, list[Record]] = defaultdict(list)
    for marker in sorted(runs.rglob("bench.json")):
        found[marker.parent] = list(read_records(marker.parent))
    return dict(found)


@contextlib.contextmanager
def in_use(cache: Path) -> Iterator[None]:
    """Mark the cache as used by this process; the mark goes with the process, however it ends."""
    from filelock import FileLock

    lock = FileLock(cache / "in-use" / f"{secrets.token_hex(8)}.lock")
    path = Path(lock.lock_file)
    # A cache that cannot be written cannot be pruned either, and needs no mark.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        while not path.exists():  # taken for a dead one in the moment before it was locked
            lock.release()
            lock.acquire()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows keeps a file that is open
            path.unlink()
        lock.release()


def remove(cache: Path, doomed: Iterable[Entry]) -> int:
    """Remove entries and return the bytes that this frees.

    Raises BenchError, with nothing removed, if a process works with the cache.
    """
    _refuse_if_used(cache)
    freed = 0
    for entry in doomed:
        aside = entry.path.with_name(f".{entry.name}.{secrets.token_hex(4)}.partial")
        entry.path.rename(aside)  # at once, so that nobody finds a half of it
        shutil.rmtree(aside) if aside.is_dir() else aside.unlink()
        freed += entry.bytes
    return freed


def _refuse_if_used(cache: Path) -> None:
    from filelock import FileLock, Timeout

    for path in sorted((cache / "in-use").glob("*.lock")):
        try:
            with FileLock(path, timeout=0):
                path.unlink(missing_ok=True)  # of a process that was killed
        except Timeout as error:
            raise BenchError(
                f"A run is working with the cache {str(cache)!r}: prune it when the run has ended."
            ) from error


def _names(record: Record, entry: Entry) -> bool:
    if entry.kind == "artefacts":
        return entry.name.rpartition("-")[2] in record.artefacts
    if entry.kind == "datasets":
        return record.data.name == entry.name
    revisions = record.data.train_revision, record.data.test_revision, record.distilled
    return any(revision and revision[:16] in entry.name for revision in revisions)


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def _title(path: Path) -> str:
    """Return what an artefact says it is; "" for what has nothing to say."""
    try:
        meta = msgspec.json.decode((path / "artefact.json").read_bytes(), type=dict)
    except (OSError, msgspec.MsgspecError):
        return ""
    return str(meta.get("identity", ""))

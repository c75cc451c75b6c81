"""The folder of one run: records, failures, distilled sets, and the locks that guard them.

    <out>/bench.json                        marks the folder as ours
    <out>/plan.json, plans/<hash>.json      what was asked; replays with `bench run plan.json`
    <out>/records/<key>.json                one success each, never edited
    <out>/superseded/<key>.<word>.json      records that `--rerun` has put aside
    <out>/failures/<key>.<attempt>.json     one failed attempt each
    <out>/distilled/<dataset>/<method>/...  distilled sets, ordinary image folders
    <out>/files/<key>/...                   attachments of records
    <out>/partial/<key>/<stamp>/            of units that were interrupted: where they go on
    <out>/report/                           what `bench report` makes of all this, each time anew
    <out>/{work,locks}/                     of units under way

Two runs may share a folder: every unit is done under a kernel lock, which dies with its process.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench import many_records, records
from bench.errors import BenchError, UsageError
from bench.files import disk_full_as_error, replace_file, write_new
from bench.records import Failure, Record

MARKER = "bench.json"
FORMAT = 1


class _Marker(msgspec.Struct):
    """What `bench.json` says."""

    format: int


@dataclass(frozen=True)
class Store:
    """One run's folder. Open it with `Store.open` (to write) or `Store.existing` (to read)."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> Store:
        """Return the store, made if the folder is absent or empty.

        Raises UsageError if the folder holds something else or cannot be written.
        """
        try:
            if not cls.is_new(root):
                store = cls.existing(root)
            else:
                store = cls(root)
                root.mkdir(parents=True, exist_ok=True)
                marker = msgspec.json.encode(_Marker(FORMAT)) + b"\n"
                # A run that started at the same time may have been first; it writes the same.
                with contextlib.suppress(FileExistsError):
                    write_new(root / MARKER, marker)
            for name in ("records", "failures", "locks", "work"):
                (root / name).mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=root / "work"):
                pass
        except OSError as error:
            raise UsageError(
                f"`--out` must be a folder that can be written, {str(root)!r} is not "
                f"({error.strerror}): choose another one."
            ) from error
        return store

    @staticmethod
    def is_new(root: Path) -> bool:
        """Say whether a folder is absent or empty, but for a marker that is being written."""
        if not root.is_dir():
            return True
        return all(path.name.startswith(f".{MARKER}.") for path in root.iterdir())

    @classmethod
    def existing(cls, root: Path) -> Store:
        """Return the store of a folder that an earlier run has written; UsageError otherwise."""
        if not root.is_dir():
            wrong = "is a file" if root.exists() else "does not exist"
            raise UsageError(f"Expected the folder of a run, {str(root)!r} {wrong}.")
        try:
            found = msgspec.json.decode((root / MARKER).read_bytes(), type=_Marker).format
        except FileNotFoundError as error:
            raise UsageError(
                f"{str(root)!r} is not the folder of a run (it has no {MARKER}): choose an empty "
                "or a new folder."
            ) from error
        except msgspec.MsgspecError as error:
            raise BenchError(
                f"{root / MARKER} is broken ({error}): restore it or move on."
            ) from error
        if found > FORMAT:
            raise BenchError(
                f"{str(root)!r} was written in format {found}, this version of `bench` knows "
                f"{FORMAT}: update distillation-bench."
            )
        return cls(root)

    # Records -------------------------------------------------------------------------------

    def record_path(self, key: str) -> Path:
        """Return where the record of a unit lies or will lie."""
        return self.root / "records" / f"{key}.json"

    def record(self, key: str) -> Record | None:
        """Return the record of a unit, or None if there is none; BenchError if it is broken."""
        path = self.record_path(key)
        return records.read_record(path) if path.exists() else None

    def add(self, record: Record) -> None:
        """Write a record, and remove what its unit kept; FileExistsError if the unit has one."""
        write_new(self.record_path(record.key), records.encode(record))
        shutil.rmtree(self.root / "partial" / record.key, ignore_errors=True)

    def supersede(self, record: Record) -> None:
        """Put a record aside, so that its unit is done again; nothing is lost.

        Does nothing if another process holds the unit or has put this very record aside already.
        """
        with self.claim(record.key) as mine:
            if mine and self.record(record.key) == record:
                folder = self.root / "superseded"
                folder.mkdir(exist_ok=True)
                name = f"{record.key}.{secrets.token_hex(4)}.json"
                self.record_path(record.key).rename(folder / name)

    def records(self) -> Iterator[Record]:
        """Yield all records, in the order of their keys."""
        return many_records.read(self.root)

    # Failures ------------------------------------------------------------------------------

    def failures(self, key: str) -> list[Path]:
        """Return the failure files of a unit, oldest first."""
        return sorted(
            (self.root / "failures").glob(f"{key}.*.json"), key=lambda p: int(p.name.split(".")[1])
        )

    def add_failure(self, failure: Failure) -> Path:
        """Write a failure under its attempt number and return the file."""
        path = self.root / "failures" / f"{failure.key}.{failure.attempt}.json"
        write_new(path, records.encode(failure))
        return path

    # Units under way -----------------------------------------------------------------------

    @contextlib.contextmanager
    def claim(self, key: str, wait: float = 0.0) -> Iterator[bool]:
        """Hold the lock of a unit: yields False if another process holds it after `wait` s."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.root / "locks" / f"{key}.lock", timeout=wait)
        try:
            with disk_full_as_error(self.root):
                lock.acquire()
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def partial_folder(self, key: str, stamp: str = "") -> Path:
        """Return where a claimed unit keeps what a kill must not cost; it may not be there.

        `stamp` says what else that depends on; what was kept under another stamp is removed.
        """
        folder = self.root / "partial" / key
        for other in folder.iterdir() if folder.is_dir() else ():
            if other.name != stamp:
                shutil.rmtree(other, ignore_errors=True)
        return folder / stamp

    def forget_partial(self, key: str) -> None:
        """Remove what a unit has kept, unless another process is at work on it."""
        with self.claim(key) as mine:
            if mine:
                shutil.rmtree(self.root / "partial" / key, ignore_errors=True)

    @contextlib.contextmanager
    def work_folder(self, key: str) -> Iterator[Path]:
        """Yield an empty folder for a claimed unit; what a killed process left there is gone."""
        folder = self.root / "work" / key
        shutil.rmtree(folder, ignore_errors=True)
        with disk_full_as_error(self.root):
            folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove the work folders that killed processes have left behind."""
        for folder in list((self.root / "work").iterdir()):
            with self.claim(folder.name) as mine:
                if mine:
                    shutil.rmtree(folder, ignore_errors=True)

    def distilled_folder(self, *words: str, key: str) -> Path:
        """Return where the distilled set of a unit lies; readable, and unique by its key."""
        *parents, last = (slug(word) for word in words)
        return self.root.joinpath("distilled", *parents, f"{last}-{key[:8]}")

    def save_plan(self, name: str, content: bytes) -> Path:
        """Keep a plan under its hash, and as the latest one in `plan.json`."""
        folder = self.root / "plans"
        with disk_full_as_error(self.root):
            folder.mkdir(exist_ok=True)
        replace_file(folder / f"{name}.json", content)
        latest = self.root / "plan.json"
        replace_file(latest, content)
        return latest


def slug(text: str) -> str:
    """Return the text as a readable folder name: letters, digits and `._+=-`, at most 80."""
    return re.sub(r"[^A-Za-z0-9._+=-]+", "-", text).strip("-.")[:80] or "unnamed"

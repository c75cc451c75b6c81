"""Writing files so that a crash, a full disk or a second writer never leaves half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from bench.errors import BenchError

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP)  # exFAT and some network disks


class DiskFullError(BenchError):
    """No space is left: the run ends, because no later unit could be kept either."""


@contextlib.contextmanager
def disk_full_as_error(folder: Path) -> Iterator[None]:
    """Turn "no space left" into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f"The disk of {str(folder)!r} is full: free some space and give the command "
                "again, what is finished is kept."
            ) from error
        raise


def write_new(path: Path, content: bytes) -> None:
    """Create a file whole or not at all; FileExistsError if the name is taken.

    The content is on the disk before the name exists.
    """
    with _temporary(path, content) as temporary:
        try:
            os.link(temporary, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if path.exists():
                raise FileExistsError(errno.EEXIST, "File exists", str(path)) from error
            temporary.replace(path)
    sync_folder(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole, in place of what was there."""
    with _temporary(path, content) as temporary:
        temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a crash, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _temporary(path: Path, content: bytes) -> Iterator[Path]:
    """Yield a flushed temporary file beside `path`, and remove it afterwards."""
    with disk_full_as_error(path.parent):
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        try:
            # "x" rather than `tempfile`, whose files nobody else may read: caches are shared.
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

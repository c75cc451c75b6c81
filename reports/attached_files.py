"""Files that records name, opened only where a run may have put them.

A run's folder may come from anywhere: a name in it must neither lead out of the folder nor to more
than a page has room for.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath


class Unusable(Exception):
    """A file that is not drawn; the message says why, after "cannot be read: "."""


def read_within(folder: Path, name: str, most: int) -> bytes:
    """Return the bytes of a file of `folder`, at most `most` of them; Unusable for anything else.

    The name has to be relative, and what it leads to, links followed, a regular file within.
    """
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
        raise Unusable("its path is not relative to the run's folder")
    try:
        root = folder.resolve(strict=True)
        path = (root / name).resolve(strict=True)
        if not path.is_relative_to(root):
            raise Unusable("its path leads out of the run's folder")
        return _read(path, most)
    except OSError as error:
        raise Unusable(error.strerror or "the file cannot be opened") from error
    except (RuntimeError, ValueError) as error:  # links in a circle, a NUL in the name
        raise Unusable("its path leads nowhere") from error


def _read(path: Path, most: int) -> bytes:
    if not path.is_file():  # a pipe, say, which would be waited for
        raise Unusable("it is not a file")
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise Unusable(f"it is larger than {most:,} bytes")
    return data

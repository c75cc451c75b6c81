"""JSON files of a stated version, read into a struct or refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from bench.errors import BenchError

T = TypeVar("T", bound=msgspec.Struct)


class _Version(msgspec.Struct):
    version: int


def read_versioned(
    path: Path,
    kind: type[T],
    *,
    newest: int,
    called: str,
    mend: str,
    error: type[BenchError] = BenchError,
) -> T:
    """Return what a file holds; `error` if it cannot be read, is broken or of a newer version.

    The version is looked at before anything else: a newer file may have any other form.

    Args:
        path: The file.
        kind: What it holds; has a field `version`.
        newest: The newest version that is known here.
        called: The noun for such a file, without an article.
        mend: What to do about a file that is none.
        error: What is raised.

    """
    try:
        raw = path.read_bytes()
        version = msgspec.json.decode(raw, type=_Version).version
        if version > newest:
            raise error(
                f"{path} has schema version {version}, this version of `bench` reads up to "
                f"{newest}: update distillation-bench."
            )
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise error(f"{path} is not a readable {called} ({wrong}): {mend}.") from wrong
    except OSError as wrong:
        raise error(f"{path} cannot be read as a {called} ({wrong.strerror}): {mend}.") from wrong

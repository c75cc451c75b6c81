"""Errors a user can mend, and how a wrong name is answered.

    BenchError            exit status 1: a set, a file or a unit is not as it should be
    └── UsageError        exit status 2: the request itself is wrong

Both carry one sentence that says what was expected, what came and what to do next; the command
line prints it without a traceback. Every other exception is a fault of the program and keeps its
traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """Something the user can mend went wrong while the request was carried out."""

    exit_status = 1


class UsageError(BenchError):
    """The request cannot be carried out as it was written."""

    exit_status = 2


def unknown_name(kind: str, name: str, known: Iterable[str], of: str = "") -> UsageError:
    """Return the error for a name that is not registered, with the closest one that is.

    `of` says whose name it is where the kind alone does not: the spec a field belongs to.
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    where = f" of {of!r}" if of else ""
    return UsageError(f"Unknown {kind} {name!r}{where}.{hint} Known {kind}s: {', '.join(names)}.")

"""Files that records name and that could not be read."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from reports.plain import plain


@dataclass(frozen=True)
class Unread:
    """One of them."""

    what: str
    """In words."""
    method: str
    key: str
    """Of the record."""
    why: str

    def __str__(self) -> str:
        """Return a sentence."""
        named = plain(f"{self.method} ({self.key})")
        return f"The {self.what} of {named} cannot be read: {self.why}."

    @property
    def is_missing(self) -> bool:
        """Return whether there is no such file."""
        return self.why == os.strerror(errno.ENOENT)

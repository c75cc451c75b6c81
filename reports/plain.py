"""Text of others, made safe to print."""

from __future__ import annotations

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=10_000)
def plain(text: str) -> str:
    """Return text without control and direction characters, on one line.

    Names come from files and plugins; printed raw they could move the cursor, hide text or forge
    lines.
    """
    kept = (
        " " if char.isspace() else char for char in text if char.isspace() or not _is_silent(char)
    )
    return " ".join("".join(kept).split())


def _is_silent(char: str) -> bool:
    """Say whether a character is one of control or direction, or none at all (U+FFFE, U+FDD0)."""
    point = ord(char)
    nothing = point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF
    return nothing or unicodedata.category(char) in {"Cc", "Cf", "Cs"}

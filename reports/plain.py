"""Text of others, made safe to print."""

from __future__ import annotations

import unicodedata


def plain(text: str) -> str:
    """Return text without control and direction characters, on one line.

    Names come from files and plugins; printed raw they could move the cursor, hide text or forge
    lines.
    """
    kept = (
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char) not in {"Cc", "Cf", "Cs"}
    )
    return " ".join("".join(kept).split())

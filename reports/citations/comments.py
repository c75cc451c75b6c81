"""Text that stands between the entries of a BibTeX file."""

from __future__ import annotations

import re
import textwrap

from reports.plain import plain

WIDTH = 98


def comment(text: str) -> str:
    """Return text as lines of comment: without `@`, which would begin an entry."""
    text = re.sub(r"@(?=\d+\b)", " revision ", plain(text)).replace("@", " at ")
    return "".join(f"% {line}\n" for line in textwrap.wrap(text, WIDTH))

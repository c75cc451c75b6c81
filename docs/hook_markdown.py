"""Markdown of texts that were written for a terminal, and of pages that GitHub reads otherwise."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def prose(text: str) -> str:
    """Return a text of which nothing becomes HTML; what stands in backticks stays."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without its other half
        return html.escape(text, quote=False)
    return "`".join(
        part
        if number % 2
        else html.escape(part, quote=False).replace("*", r"\*").replace("[", r"\[")
        for number, part in enumerate(parts)
    )


def cell(text: str) -> str:
    """Return a text as the cell of a table."""
    return prose(" ".join(text.split())).replace("|", "/")


def code(text: str) -> str:
    """Return a text without backticks as code in the cell of a table."""
    return f"`{' '.join(text.split()).replace('|', '/')}`" if text.strip() else ""


def fence(text: str, language: str) -> list[str]:
    """Return the lines of a block that is shown as it is; an empty line follows."""
    return [f"````{language}", text, "````", ""]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], corner: bool = True) -> list[str]:
    """Return the lines of a table; `corner`: the first column has an empty heading of its own."""
    heads = ["", *heads] if corner else list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def indented(text: str) -> str:
    """Return a page with what belongs to a list item indented by 4, as Python-Markdown wants it.

    GitHub wants as much as the item's mark is wide, which is 2 or 3.
    """
    lines, fence = [], None
    for line in text.splitlines():
        width = len(line) - len(line.lstrip(" "))
        shift = width if fence is None else fence
        if line.strip().startswith("```"):
            fence = width if fence is None else None
        lines.append("    " + line[shift:] if line.strip() and shift in (2, 3) else line)
    return "\n".join([*lines, ""])

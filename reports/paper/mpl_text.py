"""Text of others in figures: with the letters that the font has, and as long as there is room."""

from __future__ import annotations

import textwrap
from functools import cache
from typing import TYPE_CHECKING

from reports.drawings.wording import cut
from reports.paper.escaping import signed

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
POINTS = 7.0
"""Size of all text."""
LETTER = 0.6
"""Width of a letter over the size, about."""
TERM = 3
"""Letters that are left of what stands behind the name of a method, at least."""


def drawable(text: str, inches: float) -> str:
    """Return text that fits into so many inches, unknown characters replaced.

    Where it has to be cut, letters behind " · " stay, and of "method: term" the term is cut first.
    """
    most = _letters(inches)
    name, gap, letters = text.rpartition(" · ")
    letters = cut(letters, most // 2)
    rest = most - len(gap) - len(letters)
    shown = f"{_named(name, rest)}{gap}{letters}" if gap else _named(text, most)
    return "".join(char if _known(char) else UNKNOWN for char in signed(shown))


def _named(text: str, most: int) -> str:
    """Return a name of so many letters at most; the term behind a colon is cut before all else."""
    method, colon, term = text.partition(": ")
    if not colon or len(text) <= most:
        return cut(text, most)
    term = cut(term, max(TERM, most - len(method) - len(colon)))
    return f"{cut(method, most - len(colon) - len(term))}{colon}{term}"


def wrapped(text: str, inches: float) -> str:
    """Return text on one line or two, each of which fits."""
    first, *others = textwrap.wrap(drawable(text, 2 * inches), _letters(inches)) or [""]
    return "\n".join([first, drawable(" ".join(others), inches)] if others else [first])


def _letters(inches: float) -> int:
    return max(8, int(72 * inches / (LETTER * POINTS)))


@cache
def _known(char: str) -> bool:
    return bool(_font().get_char_index(ord(char)))


@cache
def _font() -> FT2Font:
    from matplotlib.font_manager import findfont, get_font

    return get_font(findfont("DejaVu Sans"))

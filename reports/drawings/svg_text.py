"""Text in drawings: what may stand there, how wide it is, and what is cut off."""

from __future__ import annotations

import unicodedata

from markupsafe import Markup

from reports.drawings.wording import shortened
from reports.plain import plain

SIZE = 13
"""Of letters, in the units of a drawing that is 640 wide."""
LEAST = 0.4
"""Width of a narrow letter, in parts of its size."""
NARROW = frozenset("iljtfrI.,:;|!'()[]/ -")
WIDE = frozenset("mwMW@%…")


def said(text: str) -> str:
    """Return text as a drawing may hold it: no character that XML forbids."""
    return "".join(char for char in plain(text) if ord(char) & 0xFFFE != 0xFFFE)


def width(text: str) -> float:
    """Return about how wide a text is, rather too much than too little."""
    return sum(map(_width, text)) * SIZE


def fitted(text: str, room: float) -> str:
    """Return a text whose middle is left out as far as it is wider than `room`."""
    text = said(text)
    most = min(len(text), int(room / (LEAST * SIZE)) + 1)
    while most > 3 and width(shortened(text, most)) > room:
        most -= 1
    return shortened(text, most)


def label(x: float, y: float, text: str, room: float, anchor: str = "start") -> Markup:
    """Return a text that is cut to its room and whole where a pointer rests on it."""
    shown = fitted(text, room)
    whole = Markup("<title>{}</title>").format(said(text)) if shown != said(text) else ""
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}{}</text>').format(
        number(x), number(y), anchor, shown, whole
    )


def number(value: float) -> str:
    """Return a coordinate with one decimal at most."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _width(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    if char in NARROW:
        return LEAST
    return 0.9 if char in WIDE else 0.72 if char.isupper() else 0.63

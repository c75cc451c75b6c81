r"""Text of others, as LaTeX shows it.

The table is closed: what it does not hold is printed as its code point, so that a minimal pdflatex
compiles whatever a name holds. Nothing of TS1 is used, for which such a TeX has no outlines.
"""

from __future__ import annotations

import re
import unicodedata

from reports.plain import plain

SPECIALS = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    **{char: f"\\{char}" for char in "{}$&#%_"},
    # After `\\` a bracket would begin its argument, and a star is part of it.
    **{char: f"{{{char}}}" for char in "[]*"},
}
"""ASCII that LaTeX would interpret."""

NAMED = {
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "°": r"$^{\circ}$",
    "²": "$^{2}$",
    "³": "$^{3}$",
    "µ": r"$\mu$",
    "μ": r"$\mu$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "λ": r"$\lambda$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "→": r"$\rightarrow$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "∞": r"$\infty$",
    "−": "$-$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "…": r"\ldots{}",
    "–": "--",
    "—": "---",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
}
"""Characters beyond ASCII that have a name in plain LaTeX."""

ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0308": '"',
    "\u030a": "r",
    "\u030c": "v",
    "\u0327": "c",
}
"""Combining marks and their commands."""

RUN = 16
"""Letters of a name without a place to break it."""
BREAK = r"\allowbreak{}"


def escape(text: str) -> str:
    """Return text as LaTeX shows it: ASCII, nothing left to interpret."""
    text = unicodedata.normalize("NFC", plain(text))
    # Some marks in a row are one in the font: `--` is a dash, and `?` before a backtick is `¿`.
    apart = re.split(r"(?<=[-–—'’‘`“”\"?!])(?=[-–—'’‘`“”\"])", text)
    return "{}".join("".join(map(_shown, part)) for part in apart)


def signed(text: str) -> str:
    """Return a text whose negative numbers have a minus, rather than the hyphen of names."""
    return re.sub(r"(?<![^\s(\[])-(?=\d)", "−", text)


def code(text: str) -> str:
    """Return a name in the typewriter's font, breakable."""
    return f"\\texttt{{{breakable(text)}}}"


def breakable(text: str) -> str:
    """Return a name as `escape` does; of a long one, a line may end after marks and in runs."""
    text = plain(text)
    if len(text) <= RUN:
        return escape(text)
    pieces = re.split(r"(?<=[/+,=_@:;-])", text)
    runs = (run for piece in pieces for run in re.findall(f".{{1,{RUN}}}", piece))
    return BREAK.join(map(escape, runs))


def _shown(char: str) -> str:
    if char in SPECIALS:
        return SPECIALS[char]
    if char.isascii():
        return char
    return NAMED.get(char) or _accented(char) or rf"\texttt{{U+{ord(char):04X}}}"


def _accented(char: str) -> str:
    r"""Return a letter with one accent, such as `\'{e}`; "" for all else."""
    base, *marks = list(unicodedata.normalize("NFD", char))
    if len(marks) != 1 or marks[0] not in ACCENTS or not (base.isascii() and base.isalpha()):
        return ""
    letter = f"\\{base}" if base in "ij" else base  # without the dot
    return f"\\{ACCENTS[marks[0]]}{{{letter}}}"

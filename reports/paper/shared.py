"""What two captions say together: "accuracy on (a) nette and (b) woof"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

ALIKE = 0.5
"""Of the words of two sentences, those that both have, from which they are said as one."""


class Differing(NamedTuple):
    """Two sentences that begin and end alike."""

    before: str
    one: str
    other: str
    after: str

    def said(self) -> str:
        """Return both as one sentence."""
        other = self.other if self.before or self.other[1:2].isupper() else _lowered(self.other)
        return f"{self.before}(a) {self.one} and (b) {other}{self.after}"


def differing(one: str, other: str) -> Differing | None:
    """Return in what two sentences differ; None where they have too little in common, or all."""
    a, b = _pieces(one), _pieces(other)
    if a == b:
        return None
    least = min(len(a), len(b))
    first = next((n for n in range(least) if a[n] != b[n]), least)
    last = next((n for n in range(least - first) if a[-1 - n] != b[-1 - n]), least - first)
    while last and not (_inner(a, first, last) and _inner(b, first, last)):
        last -= 1
    while first and not (
        a[first - 1].isspace() and _inner(a, first, last) and _inner(b, first, last)
    ):
        first -= 1
    if _words([*a[:first], *a[len(a) - last :]]) < ALIKE * max(_words(a), _words(b)):
        return None
    first, last = _outside(a, first, last)
    found = Differing(
        "".join(a[:first]),
        _inner(a, first, last),
        _inner(b, first, last),
        "".join(a[len(a) - last :]),
    )
    return found if (first or last) and all(map(_closed, found)) else None


def together(one: str, other: str) -> str:
    """Return two texts as one: what both say, once, then what only (a) says, then (b)."""
    ours, rest = _sentences(one), _sentences(other)
    both, alone = [], []
    for sentence in ours:
        others = (text for text in rest if text not in ours)
        found = sentence if sentence in rest else _like(sentence, others)
        if found is None:
            alone.append(sentence)
            continue
        rest.remove(found)
        differs = differing(sentence, found)
        both.append(differs.said() if differs else sentence)
    marked = (
        f"({letter}) {' '.join(said)}" for letter, said in (("a", alone), ("b", rest)) if said
    )
    return " ".join([*both, *marked])


def _like(sentence: str, others: Iterable[str]) -> str | None:
    """Return the first of other sentences that can be said with one."""
    return next((other for other in others if differing(sentence, other)), None)


def _lowered(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"


def _pieces(text: str) -> list[str]:
    """Return words, and what stands between them."""
    return [piece for piece in re.split(r"(\s+|[,.;:]+(?=\s|$))", text) if piece]


def _inner(pieces: list[str], first: int, last: int) -> str:
    """Return what is left without the first pieces and the last ones."""
    return "".join(pieces[first : len(pieces) - last]).strip()


def _outside(pieces: list[str], first: int, last: int) -> tuple[int, int]:
    """Return fewer first and last pieces, where the cuts would be within brackets or code."""
    begins = (n for n in range(first, 0, -1) if pieces[n - 1].isspace())
    ends = (n for n in range(last, 0, -1) if re.fullmatch(r"[\s,.;:]+", pieces[-n]))
    return (
        next((n for n in begins if _closed("".join(pieces[:n]))), 0),
        next((n for n in ends if _closed("".join(pieces[-n:]))), 0),
    )


def _closed(text: str) -> bool:
    """Return whether all brackets and backticks of a text have their other half in it."""
    marks = re.sub(r"[^()\[\]`]", "", text)
    while (fewer := re.sub(r"\(\)|\[\]|``", "", marks)) != marks:
        marks = fewer
    return not marks


def _words(pieces: list[str]) -> int:
    return sum(bool(re.search(r"\w", piece)) for piece in pieces)


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text) if text else []

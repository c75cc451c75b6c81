"""Sentences whose names stay apart from their words, so that every renderer can mark them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.plain import plain


@dataclass(frozen=True)
class Code:
    """A name from the data: of a method, set, protocol or command."""

    text: str


Sentence = tuple[str | Code, ...]
"""Words and names in their order."""


def text_of(sentence: Sentence) -> str:
    """Return a sentence as plain text, names between backticks."""
    return "".join(f"`{plain(part.text)}`" if isinstance(part, Code) else part for part in sentence)


def unbroken(text: str) -> str:
    """Return words in which no line ends between a number and its percent sign."""
    return text.replace(" %", "\u00a0%")


def listed(names: Sequence[str], most: int = 4) -> Sentence:
    """Return names as "a", "a and b", "a, b and c" or "a, b, c, d and 9 more".

    One name beyond `most` is named, which takes no more room than to count it.
    """
    most += len(names) == most + 1
    shown, more = names[:most], len(names) - most
    parts: list[str | Code] = []
    for position, name in enumerate(shown):
        if position:
            last = position == len(shown) - 1 and more <= 0
            parts.append(" and " if last else ", ")
        parts.append(Code(name))
    return (*parts, f" and {more} more") if more > 0 else tuple(parts)


def joined_sentences(
    parts: Sequence[Sentence], between: str = ", ", last: str = " and "
) -> Sentence:
    """Return parts of sentences in a row, as "a, b and c"."""
    found: list[str | Code] = []
    for position, part in enumerate(parts):
        if position:
            found.append(last if position == len(parts) - 1 else between)
        found += part
    return tuple(found)


def begun(sentence: Sentence) -> Sentence:
    """Return a sentence that begins with a capital, unless it begins with a name."""
    first = sentence[0]
    return sentence if isinstance(first, Code) else (first[:1].upper() + first[1:], *sentence[1:])

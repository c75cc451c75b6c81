"""Sentences with references to papers, which text and LaTeX write differently."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reports.citations.citing import author_year, entries
from reports.words.sentences import Code, Sentence


@dataclass(frozen=True)
class Cite:
    """Keys of `references.bib`, or of this software."""

    keys: tuple[str, ...] | None


Words = tuple[str | Code | Cite, ...]
"""Words, names and references in their order."""


def joined(parts: Sequence[Words], last: str = " and ") -> Words:
    """Return parts in a row, as "a, b and c"."""
    found: list[str | Code | Cite] = []
    for position, part in enumerate(parts):
        if position:
            found.append(last if position == len(parts) - 1 else ", ")
        found += part
    return tuple(found)


def as_text(words: Words) -> Sentence:
    """Return a sentence that names authors and years."""
    return tuple(_named(part) if isinstance(part, Cite) else part for part in words)


def as_latex(words: Words) -> str:
    r"""Return LaTeX that refers by `\cite`."""
    return "".join(map(_in_latex, words))


def _named(cite: Cite) -> str:
    papers = [author_year(key) for key in cite.keys or () if key in entries()]
    return f" ({'; '.join(papers)})" if papers else ""


def _in_latex(part: str | Code | Cite) -> str:
    from reports.paper.escaping import code, escape

    if isinstance(part, Cite):
        return f"~\\cite{{{','.join(part.keys)}}}" if part.keys else ""
    if isinstance(part, Code):
        return code(part.text)
    return re.sub(r"\S+", lambda word: escape(word[0]), part)

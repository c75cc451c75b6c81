"""One thing that a report has found."""

from __future__ import annotations

from dataclasses import dataclass

from reports.words.sentences import Sentence


@dataclass(frozen=True)
class Finding:
    """One sentence, with the section of the page that shows it."""

    kind: str
    sentence: Sentence
    anchor: str
    further: bool = False
    """Folded away; such findings come last."""

"""Figures in LaTeX: two narrow ones in a row, which share their caption where they are alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from reports.paper.escaping import breakable, code, signed
from reports.paper.figures import Drawn
from reports.paper.shared import Differing, differing, together

COLUMN = "3.25in"
"""Width of a narrow figure, which is that of one column."""


def latex(found: Sequence[Drawn]) -> Iterator[str]:
    """Yield the rows of figures."""
    for row in rows(found):
        of_one = len(row) == 2 and row[0].section == row[1].section
        differs = differing(*(one.drawing.title for one in row)) if of_one else None
        if differs:
            parts = _alike(row, differs)
        elif len(row) == 2:
            parts = _side_by_side([[_included(one), _caption(one)] for one in row])
        elif row[0].width == "one":
            parts = _side_by_side([[_included(row[0])], [_caption(row[0])]], "c")
        else:
            parts = [r"\centering", _included(row[0]), _caption(row[0])]
        yield "\n".join([r"\begin{figure}[!htbp]", *parts, r"\end{figure}"])


def rows(found: Sequence[Drawn]) -> list[tuple[Drawn, ...]]:
    """Return the figures in rows: a narrow one with the one of its section that is most alike.

    What finds none stands beside the next that finds none, if no row lies between the two.
    """
    made: list[tuple[Drawn, ...]] = []
    for _, members in groupby(found, key=lambda one: one.section):
        waiting = list(members)
        while waiting:
            first = waiting.pop(0)
            partner = _partner(first, waiting)
            if partner:
                waiting.remove(partner)
            made.append((first, partner) if partner else (first,))
    joined: list[tuple[Drawn, ...]] = []
    for row in made:
        if joined and _is_left(row) and _is_left(joined[-1]):
            joined[-1] += row
        else:
            joined.append(row)
    return joined


def _partner(one: Drawn, others: Sequence[Drawn]) -> Drawn | None:
    """Return the narrow figure whose title has most in common with that of a narrow one."""
    titles = ((differing(one.drawing.title, other.drawing.title), other) for other in others)
    alike = [
        (len(differs.before) + len(differs.after), other)
        for differs, other in titles
        if differs and one.width == other.width == "one"
    ]
    return max(alike, key=lambda pair: pair[0])[1] if alike else None


def _is_left(row: tuple[Drawn, ...]) -> bool:
    return len(row) == 1 and row[0].width == "one"


def _alike(row: Sequence[Drawn], differs: Differing) -> list[str]:
    """Return two figures with a letter each and one caption."""
    texts = (_labelled(differs.before, text) for text in (differs.one, differs.other))
    parts = [
        [_included(one), rf"\par\footnotesize ({letter}) {_shown(text)}"]
        for one, letter, text in zip(row, "ab", texts, strict=True)
    ]
    said = f"{differs.said().rstrip('.')}. {together(*(one.note for one in row))}"
    labels = "".join(rf"\label{{fig:{one.name}}}" for one in row)
    return [*_side_by_side(parts), rf"\caption{{{_shown(said)}}}{labels}"]


def _labelled(before: str, text: str) -> str:
    """Return what a picture shows; a number with the word before it, such as "IPC 10"."""
    return f"{before.split()[-1]} {text}" if before and text.isdecimal() else text


def _side_by_side(parts: Sequence[Sequence[str]], at: str = "t") -> list[str]:
    boxes = (
        [rf"\begin{{minipage}}[{at}]{{{COLUMN}}}\centering", *part, r"\end{minipage}"]
        for part in parts
    )
    left, right = boxes
    return [*left[:-1], rf"{left[-1]}\hfill", *right]


def _included(one: Drawn) -> str:
    return rf"\includegraphics{{figures/{one.name}.{one.width}.pdf}}"


def _caption(one: Drawn) -> str:
    said = f"{one.drawing.title.rstrip('.')}. {one.note}"
    return rf"\caption{{{_shown(said)}}}\label{{fig:{one.name}}}"


def _shown(text: str) -> str:
    """Return a text as LaTeX, in which what stands between backticks is code."""
    parts = re.split(r"`([^`]+)`", text)
    shown = (code(part) if number % 2 else _worded(part) for number, part in enumerate(parts))
    return "".join(shown).strip()


def _worded(text: str) -> str:
    """Return words, the long ones breakable, with the spaces between and around them."""
    return "".join(
        " " if part.isspace() else breakable(signed(part)) for part in re.split(r"(\s+)", text)
    )

"""What of a run a report leaves out, because only a part of it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.words.counting import chained, counted, verb
from reports.words.sentences import Code, Sentence, joined_sentences

if TYPE_CHECKING:
    from reports.material import Selection

MOST = 6
"""Sets and IPCs that are named."""


def corrected(selection: Selection | None, count: int, noun: str) -> str:
    """Return within how many a finding of a selection was corrected, to end a sentence."""
    if selection is None:
        return ""
    one = f"the one {noun}" if count == 1 else f"the {counted(count, noun)}"
    return f" (corrected for {one} of this page alone)"


def on_the_page(selection: Selection) -> Sentence:
    """Return what is shown of what, and what stands in the folder besides."""
    stand = verb(_number_left_out(selection), "stands", "stand")
    return (
        *("This page shows ", _share(selection), " that were run: ", *_left_out(selection)),
        f" {stand} in the folder but not here. Averages over comparisons, and corrections for "
        f"their number, are within what is shown.{_failed(selection)}",
    )


def as_a_limit(selection: Selection) -> Sentence:
    """Return what it means that a selection was made."""
    return (
        f"What is shown was selected ({_share(selection)}): where that was done after looking at "
        "the results, no correction covers it.",
    )


def in_a_paper(selection: Selection) -> Sentence:
    """Return the end of a paragraph on the data."""
    was = verb(_number_left_out(selection), "was", "were")
    return (
        *(" Of the same run ", *_left_out(selection), f" {was} left out here: averages over "),
        f"comparisons, and corrections for their number, are within what is reported."
        f"{_failed(selection)}",
    )


def _share(selection: Selection) -> str:
    """Return "1 of the 2 real sets and 1 of the 3 IPCs"; of what is left out alone."""
    kinds = (
        (selection.datasets, selection.other_datasets, "real set"),
        (selection.ipcs, selection.other_ipcs, "IPC"),
    )
    parts = [
        f"{len(shown)} of the {counted(len(shown) + len(others), noun)}"
        for shown, others, noun in kinds
        if others
    ]
    return chained(parts)


def _left_out(selection: Selection) -> Sentence:
    """Return the first names of what is left out, and how many more there are."""
    parts: list[Sentence] = [(Code(name),) for name in selection.other_datasets]
    parts += [(f"IPC {ipc:,}",) for ipc in selection.other_ipcs]
    if len(parts) > MOST:
        parts = [*parts[: MOST - 1], (f"{len(parts) - MOST + 1} more",)]
    return joined_sentences(parts)


def _failed(selection: Selection) -> str:
    """Return how many units failed of what is left out, as a sentence; "" without any."""
    failed = selection.other_failures
    return f" Of what is left out {counted(failed, 'unit')} failed." if failed else ""


def _number_left_out(selection: Selection) -> int:
    return len(selection.other_datasets) + len(selection.other_ipcs)

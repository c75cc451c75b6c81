"""The check of a run as people read it: in the terminal, and on a summary page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

from bench.scores import SCORES
from leaderboards.gate.baseline_file import Baseline
from leaderboards.gate.checking import Checked, CheckedCell, Promise
from reports.gate_findings import Finding, difference, mean_in_words, p_value
from reports.markdown import escape
from reports.plain import plain

HEADINGS = ("verdict", "cell", "baseline", "now", "difference", "margin", "p")
"""The verdict stands first, so that no line begins with a name: services read lines as commands."""
COLUMNS = ("verdict", "was", "now", "change", "margin", "p", "method")
"""Of the plain text, whose lines are to fit a terminal: what may be long stands last."""
WIDTH = 80
SHOWN = 3
"""Cells beyond the baseline that are named."""


def sentences(checked: Checked) -> list[str]:
    """Return the verdict, the terms it was given on, and what else has to be said."""
    found = ["no accuracies: every cell is judged by itself"]
    if checked.primary is not None:
        found = [f"{checked.primary.outcome}: {mean_in_words(checked, checked.primary)}"]
    found.append(
        f"level {checked.level:.2g}, margin {checked.margin:g} points "
        f"({checked.margins_note}){_power(checked)}; cells: Holm at {checked.level:.2g}, so with "
        f"`--fail-on cells` false alarms at about {2 * checked.level:.2g} in all where cells vary "
        "alike"
    )
    if checked.primary is not None and checked.primary.outcome == "undecidable":
        found.append(
            "the interval holds drops that are allowed and drops that are not: more seeds decide"
        )
    if checked.same_sets == checked.sets:
        found.append("the distilled sets are the same: what changed lies in training or measuring")
    else:
        found.append(f"{checked.sets - checked.same_sets} of {checked.sets} distilled sets differ")
    if checked.extra:
        more = ", ..." if len(checked.extra) > SHOWN else ""
        named = ", ".join(map(plain, checked.extra[:SHOWN]))
        found.append(f"not in the baseline and not compared: {len(checked.extra)} ({named}{more})")
    return found


def text(checked: Checked) -> str:
    """Return the sentences and a table of the cells in plain characters.

    Cells of one score, dataset, protocol and student stand under one heading, so that the rows fit
    80 characters as long as names of methods do.
    """
    rows = {id(cell): _short_row(cell) for cell in checked.cells}
    every = [COLUMNS, *rows.values()]
    widths = [max(len(row[at]) for row in every) for at in range(len(COLUMNS))]
    lines = [_aligned(COLUMNS, widths)] if rows else []
    for place, members in groupby(checked.cells, _place):
        lines += _heading(place)
        lines += [_aligned(rows[id(cell)], widths) for cell in members]
    return "\n".join([*sentences(checked), *lines]) + "\n"


def markdown(checked: Checked) -> str:
    """Return the same for a summary page."""
    rows = [" | ".join(escape(part) for part in _row(cell)) for cell in checked.cells]
    verdict = checked.primary.outcome if checked.primary else "cell by cell"
    rule = ["---", "---", *["---:"] * (len(HEADINGS) - 2)]
    table = [" | ".join(HEADINGS), " | ".join(rule), *rows] if rows else []
    said = [f"- {escape(sentence)}" for sentence in sentences(checked)]
    tabled = [f"| {row} |" for row in table]
    return "\n".join([f"### Accuracy gate: {verdict}", "", *said, "", *tabled]).rstrip() + "\n"


def listed(title: str, findings: Sequence[Finding], form: Literal["text", "markdown"]) -> str:
    """Return findings as a list under a title: what was refused, or what is not the same."""
    lines = [f"{finding.name}: {finding.message}" for finding in findings]
    if form == "text":
        return "\n".join([title, *(f"- {line}" for line in lines)]) + "\n"
    said = [f"- {escape(line)}" for line in lines]
    return "\n".join([f"### Accuracy gate: {escape(title)}", "", *said]).rstrip() + "\n"


def promised(baseline: Baseline, told: Promise) -> list[str]:
    """Return what a baseline holds and what it can find."""
    found = [
        f"cells: {len(baseline.cells)}, ranked accuracies: {told.cells} over {told.blocks} "
        f"{_blocks(told)}; level {baseline.level:.2g}, margin {baseline.margin:g} points"
    ]
    if told.cells and told.blocks < 2:
        found.append("only `bench check --exact` can check it: run three seeds or more")
    if told.scarce:
        found.append(f"all cells are judged by the seeds they share: {_scarce(told)}")
    if told.power is not None and told.found is not None:
        found.append(
            f"power {told.power:.2f} or more against {baseline.against:g} points; a drop of "
            f"{told.found:.1f} is found with a power of 0.80 or more"
        )
    if told.undecided is not None and told.undecidable is not None:
        found.append(
            "a run of the same code with noise of its own, as on another machine, is undecidable "
            f"with a chance of about {told.undecided:.2f}; with a margin below "
            f"{told.undecidable:.1f} more often than not"
        )
    if baseline.provenance.dirty:
        found.append("made in a checkout with changes that were not committed")
    return found


def _row(cell: CheckedCell) -> tuple[str, ...]:
    decimals = SCORES[cell.held.score].decimals
    numbers = (f"{cell.was:,.{decimals}f}", f"{cell.now:,.{decimals}f}", difference(cell))
    margin = f"{cell.margin:,.{decimals}f}"
    return cell.judged.outcome, plain(cell.held.title), *numbers, margin, p_value(cell.judged)


def _short_row(cell: CheckedCell) -> tuple[str, ...]:
    verdict, _, *numbers = _row(cell)
    return verdict, *numbers, plain(cell.held.method.label)


def _place(cell: CheckedCell) -> str:
    """Return where a cell was measured in words, without its method."""
    return plain(cell.held.place)


def _heading(place: str) -> Iterator[str]:
    """Yield the lines of a heading; no line begins with a name, after blanks neither."""
    yield from textwrap.wrap(
        f"on {place}",
        WIDTH,
        subsequent_indent="   .. ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    """Return the texts at both ends to the left and the numbers to the right."""
    verdict, *numbers, method = row
    parts = [text.rjust(width) for text, width in zip(numbers, widths[1:], strict=False)]
    return "  ".join([verdict.ljust(widths[0]), *parts, method]).rstrip()


def _power(checked: Checked) -> str:
    told = checked.promise
    if told.power is None:
        return ""
    blocks = f"{told.blocks} {_blocks(told)}"
    return f", power {told.power:.2f} or more against {checked.against:g} points ({blocks})"


def _scarce(told: Promise) -> str:
    more = ", ..." if len(told.scarce) > SHOWN else ""
    verb = "has" if len(told.scarce) == 1 else "have"
    return f"{', '.join(map(plain, told.scarce[:SHOWN]))}{more} {verb} the fewest"


def _blocks(told: Promise) -> str:
    name = "distilled set" if told.kind == "sets" else "student"
    return name if told.blocks == 1 else f"{name}s"

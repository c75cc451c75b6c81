"""The check of a run as people read it: in the terminal, and on a summary page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from bench.records import SCORES
from leaderboards.gate.baseline_file import Baseline
from leaderboards.gate.checking import Checked, CheckedCell, Promise
from reports.gate_findings import Finding, difference, mean_in_words, p_value
from reports.markdown import escape
from reports.plain import plain

HEADINGS = ("verdict", "cell", "baseline", "now", "difference", "margin", "p")
"""The verdict stands first, so that no line begins with a name: services read lines as commands."""
SHOWN = 3
"""Cells beyond the baseline that are named."""


def sentences(checked: Checked) -> list[str]:
    """Return the verdict, the terms it was given on, and what else has to be said."""
    found = ["no accuracies: every cell is judged by itself"]
    if checked.primary is not None:
        found = [f"{checked.primary.outcome}: {mean_in_words(checked, checked.primary)}"]
    found.append(
        f"level {checked.level:.2g}, margin {checked.margin:g} points "
        f"({checked.margins_note}){_power(checked)}; cells: Holm at {checked.level:.2g}, so false "
        f"alarms at {2 * checked.level:.2g} at most in all with `--fail-on cells`"
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
    """Return the sentences and a table of the cells in plain characters."""
    rows = [HEADINGS, *map(_row, checked.cells)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADINGS))]
    lines = [_aligned(row, widths) for row in rows] if checked.cells else []
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
    if told.power is not None and told.found is not None and told.undecidable is not None:
        found.append(
            f"power {told.power:.2f} or more against {baseline.against:g} points; a drop of "
            f"{told.found:.1f} is found with a power of 0.80 or more"
        )
        found.append(
            f"with a margin below {told.undecidable:.1f} a run of the same code with noise of its "
            "own, as on another machine, would be undecidable more often than not"
        )
    if baseline.provenance.dirty:
        found.append("made in a checkout with changes that were not committed")
    return found


def _row(cell: CheckedCell) -> tuple[str, ...]:
    decimals = SCORES[cell.held.score].decimals
    numbers = (f"{cell.was:,.{decimals}f}", f"{cell.now:,.{decimals}f}", difference(cell))
    margin = f"{cell.margin:,.{decimals}f}"
    return cell.judged.outcome, plain(cell.held.title), *numbers, margin, p_value(cell.judged)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    """Return the two texts to the left and the numbers to the right."""
    padded = zip(row, widths, strict=True)
    parts = [t.rjust(w) if at > 1 else t.ljust(w) for at, (t, w) in enumerate(padded)]
    return "  ".join(parts).rstrip()


def _power(checked: Checked) -> str:
    told = checked.promise
    if told.power is None:
        return ""
    blocks = f"{told.blocks} {_blocks(told)}"
    return f", power {told.power:.2f} or more against {checked.against:g} points ({blocks})"


def _blocks(told: Promise) -> str:
    name = "distilled set" if told.kind == "sets" else "student"
    return name if told.blocks == 1 else f"{name}s"

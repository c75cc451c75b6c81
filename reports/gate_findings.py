"""What a check has found, item by item, before XML, an annotation or a page gives it a shape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from bench.scores import SCORES
from leaderboards.gate.cells import Held
from leaderboards.gate.checking import Change, Checked, CheckedCell
from leaderboards.gate.exact import Differing
from leaderboards.gate.statistics import Judged
from reports.plain import plain

FAIL_ON = ("cells", "undecidable")
"""What may fail a check besides a regression of the mean."""

Status = Literal["passed", "open", "warned", "failed", "refused"]
"""`open`: a cell that decides nothing and is undecidable itself."""


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    group: str
    name: str
    status: Status
    kind: str
    """The outcome, or what was refused."""
    message: str


def of_check(checked: Checked, fail_on: Collection[str] = ()) -> list[Finding]:
    """Return the finding of the mean, if there is one, and of every cell."""
    alone = checked.primary is None
    found = [] if checked.primary is None else [_of_mean(checked, checked.primary, fail_on)]
    cells_fail = alone or "cells" in fail_on
    open_fails = alone and "undecidable" in fail_on
    return found + [_of_cell(cell, cells_fail, open_fails) for cell in checked.cells]


def of_changes(changes: Iterable[Change]) -> list[Finding]:
    """Return what was refused."""
    return [
        Finding("gate", plain(one.cell) or "run", "refused", "incomparable", plain(one.sentence))
        for one in changes
    ]


def of_exact(cells: Iterable[Held], differing: Iterable[Differing]) -> list[Finding]:
    """Return a finding for every cell, with all that differs in it."""
    by_cell: dict[str, list[str]] = defaultdict(list)
    for one in differing:
        by_cell[one.cell].append(f"{one.at} is {one.now} and was {one.was}")
    return [
        Finding(
            _group(cell),
            plain(cell.title),
            "failed" if cell.title in by_cell else "passed",
            "changed" if cell.title in by_cell else "the same",
            plain("; ".join(by_cell.get(cell.title, ["every value and set is the same"]))),
        )
        for cell in cells
    ]


def of_error(sentence: str) -> list[Finding]:
    """Return the finding of a check that could not be made."""
    return [Finding("gate", "check", "refused", "not checked", plain(sentence))]


def fails(findings: Iterable[Finding]) -> bool:
    """Say whether a check is to fail."""
    return any(finding.status == "failed" for finding in findings)


def mean_in_words(checked: Checked, judged: Judged) -> str:
    """Return the primary result in one line."""
    cells = checked.promise.cells
    width = 100 * (1 - 2 * checked.level)
    return (
        f"mean difference {judged.mean:+.2f} points over {cells} "
        f"{'cell' if cells == 1 else 'cells'}, {width:.0f}% interval "
        f"[{judged.low:.2f}, {judged.high:.2f}], t({judged.degrees}) = {judged.t:.2f}, "
        f"p = {p_value(judged)} against a drop of {checked.margin:g}"
    )


def p_value(judged: Judged) -> str:
    """Return p with two significant digits; "" where nothing was tested."""
    return f"{judged.p:.2g}" if judged.degrees else ""


def difference(cell: CheckedCell) -> str:
    """Return the difference of a cell, now less baseline, in the decimals of its score."""
    return f"{cell.now - cell.was:+,.{SCORES[cell.held.score].decimals}f}"


def _of_mean(checked: Checked, judged: Judged, fail_on: Collection[str]) -> Finding:
    undecided = judged.outcome == "undecidable"
    status: Status = "warned" if undecided else "passed"
    if judged.outcome == "regression" or (undecided and "undecidable" in fail_on):
        status = "failed"
    name = f"mean over {checked.promise.cells} cells"
    message = f"{judged.outcome}: {mean_in_words(checked, judged)}"
    return Finding("gate", name, status, judged.outcome, message)


def _of_cell(cell: CheckedCell, regression_fails: bool, open_fails: bool) -> Finding:
    outcome = cell.judged.outcome
    status: Status = "passed"
    if outcome == "regression":
        status = "failed" if regression_fails else "warned"
    elif outcome == "undecidable":
        status = "failed" if open_fails else "open"
    decimals = SCORES[cell.held.score].decimals
    p = p_value(cell.judged)
    message = (
        f"{outcome}: {cell.now:,.{decimals}f}, was {cell.was:,.{decimals}f} ({difference(cell)}), "
        f"margin {cell.margin:.{decimals}f}, {f'p = {p}' if p else 'without a test'}"
    )
    return Finding(_group(cell.held), plain(cell.held.title), status, outcome, message)


def _group(cell: Held) -> str:
    return f"gate.{plain(cell.dataset)}"

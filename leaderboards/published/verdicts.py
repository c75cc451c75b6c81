"""A measured number against a published one: their joint interval, what differs, and the verdict.

A claim needs likeness and a refusal needs a reason: a number is reproduced only where nothing is
known to differ, and one that is not is printed with all that is known to.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from leaderboards.headings import Name
from leaderboards.published.conditions import (
    FASTAI,
    REMARKS,
    VARIANTS,
    Runs,
    runs_of,
    split_of,
)
from leaderboards.published.ledger import Published, Quote, Verdict
from leaderboards.published.recipes import GENERATORS, head, recipe_of, rule_of
from leaderboards.ranks.statistics import LEVEL, Cell, by_set
from leaderboards.table import Board, Column, Row


class Measured(NamedTuple):
    """A cell of a leaderboard and where it stands."""

    board: Board
    column: Column
    row: Row
    cell: Cell


def compare(measured: Measured, row: Published) -> Quote:
    """Return what can be said of a cell and a published number of the same recipe."""
    rule = rule_of(row)
    counted, said = (*_differences(measured, row),), (*_remarks(measured, row),)
    numbers, difference = _independent(measured), measured.cell.mean - row.value
    half = None
    verdict: Verdict = "not comparable"
    if len(numbers) < 2:
        unit = "set" if measured.row.stochastic else "student"
        counted = (f"measured on one {unit}, which gives no interval", *counted)
    else:
        half = joint_half(numbers, row.std, runs_of(row), row.decimals)
        if abs(difference) > half:
            verdict = "not reproduced"
        elif not counted:
            verdict = "reproduced"
    basis = rule.basis if rule else ""
    return Quote(row, recipe_of(row), basis, verdict, difference, half, (*counted, *said))


def unlikeness(measured: Measured, row: Published) -> tuple[int, bool, int]:
    """Return a sort key by which the numbers that are most like ours come first.

    It counts what is known to differ, and looks at no value, so that none is chosen for being near.
    """
    return len([*_differences(measured, row)]), row.verified == "secondary", row.line


def joint_half(numbers: Sequence[float], std: float | None, runs: Runs, decimals: int) -> float:
    """Return the half width of the 95% interval of the difference of two means.

    `numbers` are our independent means, two or more; `std` and `runs` say what was published. Welch
    (Biometrika 34, 1947) with Satterthwaite's degrees of freedom. Without a published deviation of
    two runs or more ours stands for both, and only ours has degrees of freedom. Half a unit of the
    last of the `decimals` printed is added, since that much was rounded away.
    """
    # Imported here, and from `special` alone, because `scipy.stats` takes a second to load.
    from scipy.special import stdtrit

    count = len(numbers)
    ours = statistics.variance(numbers) / count
    if std is None or runs.n < 2:
        total, degrees = ours * (1 + count / runs.n), count - 1.0
    else:
        theirs = std**2 / (runs.n - 1 if runs.ddof == 0 else runs.n)
        total = ours + theirs
        parts = ours**2 / (count - 1) + theirs**2 / (runs.n - 1)
        degrees = total**2 / parts if parts else math.inf
    return float(stdtrit(degrees, (1 + LEVEL) / 2)) * math.sqrt(total) + 0.5 * 10.0**-decimals


def _independent(measured: Measured) -> list[float]:
    """Return the means of the sets; the students where a method has no randomness."""
    values = measured.cell.values
    if not measured.row.stochastic:
        return [value.number for value in values]
    return [statistics.fmean(group) for group in by_set(values)]


def _differences(measured: Measured, row: Published) -> Iterator[str]:
    """Yield what is known to differ, so that likeness cannot be claimed."""
    board, column, ours = measured.board, measured.column, measured.row.name
    student = column.student_name.identity
    yield from _fields("protocol", column.protocol_name, {recipe_of(row)})
    yield from _fields("method", ours, {ours.label.partition("+")[0]})
    # One of torchvision's goes by either name.
    names = {head(student), head(student).removeprefix("torchvision/")}
    yield from _fields("student", column.student_name, names)
    yield from _split(board, row)
    yield from _generator(ours.identity, row.backbone)
    for source, locator, text in VARIANTS:
        if row.source.startswith(source) and row.locator.startswith(locator):
            yield text
    teacher = column.facts.get("teacher", "")
    if " trained " in teacher:
        yield f"our teacher is of our own training ({teacher})"


def _remarks(measured: Measured, row: Published) -> Iterator[str]:
    """Yield what a reader should know and is no difference."""
    rule, runs = rule_of(row), runs_of(row)
    if rule and rule.basis == "derived":
        yield f"{rule.recipe} is derived: the source does not state it"
    split, known = split_of(row)
    if not known:
        yield f"published on the split {split}: assumed"
    if row.std is None:
        yield "no deviation was published, ours stands for it"
    if runs.basis != "read":
        mean = "a single run" if runs.n == 1 else f"a mean of {runs.n} runs"
        yield f"published as {mean}: {runs.basis or 'assumed'}"
    if runs.one_set and row.ipc is not None:
        yield "published runs share one distilled set"
    if row.verified == "secondary":
        yield "read in a summary or quotation of the source"
    for source, protocol, method, text in REMARKS:
        here = row.source.startswith(source) and protocol == row.protocol
        if here and method in ("", row.method):
            yield text
    if "from a file" in measured.column.facts.get("teacher", ""):
        yield "whether our teacher is the published one cannot be seen"


def _fields(what: str, name: Name, plain: Collection[str]) -> Iterator[str]:
    """Yield the fields that a request has changed; `plain` are labels without any."""
    base, _, fields = name.label.partition("+")
    if base not in plain:
        yield f"our {what} is {name.identity}"
    elif fields:
        yield f"our {what} has {fields}"


def _split(board: Board, row: Published) -> Iterator[str]:
    published, _ = split_of(row)
    splits = (board.train_split, board.test_split)
    # fastai's ids go on with the size of the photographs; a part that is held out has a colon.
    ours = {re.sub(rf"{FASTAI}-\d+$", FASTAI, split) for split in splits}
    if not published:
        yield "the split of the published number is not known"
    elif ours != {published}:
        measured = " and ".join(dict.fromkeys(splits))
        yield f"published on the split {published}, measured on {board.dataset} ({measured})"


def _generator(identity: str, backbone: str) -> Iterator[str]:
    """Yield that the images came from other weights, where both sides say which."""
    found = re.search(r"generator=([^,\[\]]+)", identity)
    if found is None or not backbone:
        return
    if GENERATORS.get(backbone.partition(" (")[0]) != found[1]:
        yield f"published with {backbone}, measured with {found[1]}"
    elif "fine-tuned" in backbone and "weights=" not in identity:
        yield f"published with {backbone}, measured without tuning"

"""What tables say about ranks, intervals and published numbers, in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from bench.scores import Score
from leaderboards import Board, Cell, Column
from leaderboards.guessing import guessing
from leaderboards.ranks.placing import Told
from reports.plain import plain
from reports.words.contest import block_of
from reports.words.counting import counted

SIGNS = {"reproduced": "=", "not reproduced": "≠", "not comparable": "?"}
"""Verdicts on published numbers, as printed."""


def rank_text(cell: Cell | None) -> str:
    """Return the interval of the rank and the letters, such as "1–3 a"; "" where unranked."""
    if cell is None or cell.rank is None:
        return ""
    ends = f"{cell.rank_low}"
    if cell.rank_high != cell.rank_low:
        ends += f"–{cell.rank_high}"
    return f"{ends} {cell.ties}"


def number_text(cell: Cell, score: Score, stochastic: bool) -> str:
    """Return mean, sample deviation and, of ranked scores, the interval of the mean.

    A star marks the interval over the students of one set where the method has randomness.
    """
    digits = score.decimals
    text = f"{cell.mean:,.{digits}f}"
    std = deviation(cell, score)
    if std is not None and digits:
        text += f" ± {std:.{digits}f}"
    if score.ranked and cell.low is not None and cell.high is not None:
        star = "*" if cell.over == "students" and stochastic else ""
        text += f" [{cell.low:,.{digits}f}, {cell.high:,.{digits}f}]{star}"
    return text


def deviation(cell: Cell, score: Score) -> float | None:
    """Return the sample deviation; None where all numbers are of one set itself, which has none.

    Such as the FID of a method whose seeds gave one set. What sets cost differs between runs.
    """
    alone = cell.n_sets == 1 and not cell.n_students and score.group != "cost"
    return None if alone else cell.std


def quote_text(cell: Cell | None, decimals: int) -> str:
    """Return the first published number, half its joint interval, and the verdicts on all.

    Such as "39.2 ± 1.3 (±4.5) =" or "39.2 (±4.5) = +1= +2≠"; "" without a published number.
    """
    if cell is None or not cell.quotes:
        return ""
    first = cell.quotes[0]
    text = f"{first.row.value:,.{decimals}f}"
    if first.row.std is not None:
        text += f" ± {first.row.std:.{decimals}f}"
    if first.half is not None:
        text += f" (±{first.half:.{decimals}f})"
    text += f" {SIGNS[first.verdict]}"
    others = Counter(SIGNS[quote.verdict] for quote in cell.quotes[1:])
    return text + "".join(f" +{others[sign]}{sign}" for sign in SIGNS.values() if others[sign])


def legend(boards: Iterable[Board]) -> list[str]:
    """Return how to read intervals, ranks and published numbers; only what the tables have."""
    boards = list(boards)
    parts = _intervals(boards)
    if any(column.told and column.told.tested for board in boards for column in board.columns):
        parts.append(
            "# is the 95% interval of the rank; methods that share a letter are not separated "
            "(paired t, Holm, 5%), and their order means nothing"
        )
    rows = [row for board in boards for row in board.rows]
    if any(cell.quotes for row in rows for cell in row.cells if cell):
        parts.append(
            "published: the best epochs of papers, (±) half the joint 95% interval, = reproduced, "
            "≠ not reproduced, ? not comparable, +2≠ two others of that verdict (`bench audit`)"
        )
    return parts


def _intervals(boards: Iterable[Board]) -> list[str]:
    shown = {
        (cell.over, row.stochastic)
        for board in boards
        for row in board.rows
        for column, cell in zip(board.columns, row.cells, strict=True)
        if cell is not None and column.score.ranked and cell.over != "nothing"
    }
    asides = []
    if ("students", False) in shown:
        asides.append("over students where a method has no randomness")
    if ("students", True) in shown:
        asides.append("* over students of one set, which says nothing of others")
    aside = f" ({'; '.join(asides)})" if asides else ""
    return [f"[ ] is the 95% interval of the mean over distilled sets{aside}"] if shown else []


def notes(board: Board) -> list[str]:
    """Return what has to be said of the ranks of the ranked columns; of several alike once."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for place, column in enumerate(board.columns):
        own = [(row.method, row.cells[place]) for row in board.rows if not row.reference]
        cells = {method: cell for method, cell in own if cell is not None}
        if column.told is not None and len(cells) > 1:
            tested = [cell for cell in cells.values() if cell.rank is not None]
            said = _said(column.told, column.score, block_of(column.told, tested))
            unranked = [method for method, cell in cells.items() if cell.rank is None]
            if column.told.tested and unranked:
                said += f"; without {', '.join(unranked)}: fewer than two seeds"
            found[said][_heading(column)] = None
    return [plain(f"{'; '.join(headings)}: {said}") for said, headings in found.items()]


def guessed(board: Board) -> list[str]:
    """Return what guessing gives, for the ranked columns in which no method does much better."""
    found: dict[str, list[str]] = defaultdict(list)
    for place, column in enumerate(board.columns):
        chance = guessing(board, place) if column.score.ranked else None
        if chance is not None:
            found[f"guessing gives {chance:.3g} %"].append(_heading(column))
    return [
        plain(f"{'; '.join(headings)}: {said}, and no method does much better")
        for said, headings in found.items()
    ]


def _heading(column: Column) -> str:
    network = column.facts.get("extractor", "") if column.group == "images" else ""
    told = f" ({column.distinction})" if column.distinction else ""
    parts = (column.protocol, column.student or network, f"{column.score.title}{told}")
    return ", ".join(part for part in parts if part)


def _said(told: Told, score: Score, block: str) -> str:
    """Return what the ranks of one column rest on, as the end of a sentence."""
    if not told.tested:
        return (
            "not ranked, which takes two seeds of distillation or more, the same for all methods "
            "(`--seeds 3`); rows are sorted by their means, which is no finding"
        )
    if told.blocks < 2:
        return "no method has randomness, so the ranks are those of the numbers"
    if told.resolvable is None:
        return f"{counted(told.blocks, block)} a method"
    unit = " points" if score.unit == "%" else f" {score.unit}" if score.unit else ""
    difference = f"{told.resolvable:.{score.decimals}f}{unit}"
    return (
        f"with {counted(told.blocks, block)} a method, a difference of {difference} is found in "
        "about 80% of cases, a smaller one less often"
    )

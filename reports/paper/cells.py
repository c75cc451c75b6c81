"""The cells of a paper's table: a mean, and what stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.scores import Score
from leaderboards import Cell
from leaderboards.figures.pivots import Pivot, PivotRow
from leaderboards.published.ledger import Quote
from reports.paper.decimals import decimals_of
from reports.paper.escaping import escape
from reports.ranking import deviation

if TYPE_CHECKING:
    from reports.paper import Spread

SIGNS = {"reproduced": "$=$", "not reproduced": r"$\neq$", "not comparable": "?"}
"""Verdicts on published numbers, as printed."""


@dataclass(frozen=True)
class Shown:
    """One cell: two columns of the table, so that means stand one below the other."""

    mean: str
    rest: str = ""
    marks: str = ""
    """Letters and signs above the line."""
    bold: bool = False

    def latex(self) -> str:
        """Return both columns."""
        mean = rf"\textbf{{{self.mean}}}" if self.bold else self.mean
        rest = rf"{{\scriptsize {self.rest}}}" if self.rest else ""
        return f"{mean} & {rest}" + (rf"\textsuperscript{{{self.marks}}}" if self.marks else "")

    def width(self) -> float:
        """Return about how wide it is, in points of a table in footnote size."""
        rest = self.rest.replace(r"$\pm$\,", "+ ").replace("{[}", "[").replace("{]}", "]")
        marks = self.marks.replace(r"$\ddagger$", "+")
        return 4.9 * len(self.mean) + 4.1 * len(rest) + 3.6 * len(marks) + 8.0


MISSING = Shown("--")
NOTHING = Shown("")


def column(pivot: Pivot, place: int, spread: Spread) -> list[Shown]:
    """Return the cells of one data column, all with the same decimals."""
    cells = [row.cells[place] for row in pivot.rows]
    digits = decimals(cells, pivot.score, spread)
    ranks = [cell.rank for cell in cells if cell is not None and cell.rank is not None]
    telling = any(rank != 1 for rank in ranks)
    return [
        MISSING
        if cell is None
        else _shown(row, cell, digits, uncertainty(cell, pivot.score, spread), telling)
        for row, cell in zip(pivot.rows, cells, strict=True)
    ]


def quotes(pivot: Pivot, place: int) -> list[Shown]:
    """Return the first published number beside every cell of one data column, with its verdict."""
    cells = [row.cells[place] for row in pivot.rows]
    return [_quoted(cell.quotes[0]) if cell and cell.quotes else NOTHING for cell in cells]


def decimals(cells: list[Cell | None], score: Score, spread: Spread) -> int:
    """Return the decimals of a column by what it prints as its uncertainty."""
    found = [uncertainty(cell, score, spread) for cell in cells if cell is not None]
    sizes = [known[0] if spread == "std" else (known[1] - known[0]) / 2 for known in found if known]
    return decimals_of(sizes, score.decimals)


def uncertainty(cell: Cell, score: Score, spread: Spread) -> tuple[float, ...]:
    """Return what stands beside a mean, a deviation or two ends; () beside a single number."""
    if spread == "std":
        std = deviation(cell, score)
        return () if std is None else (std,)
    return () if cell.low is None or cell.high is None else (cell.low, cell.high)


def number(value: float, digits: int) -> str:
    """Return a number with a minus that is one."""
    return f"{value:,.{digits}f}".replace("-", "$-$")


def _shown(
    row: PivotRow, cell: Cell, digits: int, known: tuple[float, ...], telling: bool
) -> Shown:
    rest, star = "", ""
    if len(known) == 1:
        rest = rf"$\pm$\,{number(known[0], digits)}"
    if len(known) == 2:
        rest = f"{{[}}{number(known[0], digits)}, {number(known[1], digits)}{{]}}"
        star = "{*}" if cell.over == "students" and row.stochastic else ""
    marks = (escape(cell.ties), star, r"$\ddagger$" if cell.protocol else "")
    bold = telling and cell.rank == 1
    return Shown(number(cell.mean, digits), rest, ",".join(filter(None, marks)), bold)


def _quoted(quote: Quote) -> Shown:
    row = quote.row
    spread = "" if row.std is None else rf"$\pm$\,{number(row.std, row.decimals)}"
    return Shown(number(row.value, row.decimals), f"{spread}~{SIGNS[quote.verdict]}")

"""Boards as LaTeX tables that plain pdflatex compiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from leaderboards.figures.pivots import Head, Pivot, PivotRow, pivots
from reports.drawings.slugs import slug
from reports.paper.captions import caption, continued
from reports.paper.cells import NOTHING, Shown, column, quotes
from reports.paper.escaping import breakable, escape
from reports.paper.splitting import WIDTH, Part, parts
from reports.plain import plain

if TYPE_CHECKING:
    from leaderboards import Board
    from reports.paper import Spread

__all__ = ["escape", "render", "table", "tables"]

NEEDS = r"% These tables need \usepackage{booktabs}."
NARROW = 230.0
"""Points that a column of a paper in two columns holds."""
LARGER = 1.15
"""Width of the same table in small size, over that in footnote size."""
LONGEST = 28
"""Characters of a name on one line."""


def render(boards: Sequence[Board]) -> str:
    """Return all tables of boards, with the packages that they need in a comment; "" for none."""
    made = tables(boards).values()
    return "\n\n".join([NEEDS, *made]) + "\n" if made else ""


def tables(boards: Sequence[Board], spread: Spread = "std") -> dict[str, str]:
    """Return tables by their slugs: what is ranked, then best epochs beside printed numbers."""
    taken: set[str] = set()
    quoted = [only for pivot in pivots(boards, ("top1_best",)) if (only := _quoted_only(pivot))]
    return {
        (name := slug(pivot.metric, pivot.protocol, pivot.student, taken=taken)): table(
            pivot, spread, name
        )
        for pivot in (*pivots(boards), *quoted)
    }


def table(pivot: Pivot, spread: Spread = "std", name: str = "") -> str:
    """Return a table with caption and label, in several floats where one page is too small.

    The label is `tab:` and the name, which is made from score, protocol and student if not given.
    """
    name = name or slug(pivot.metric, pivot.protocol, pivot.student, taken=set())
    columns = [column(pivot, place, spread) for place in range(len(pivot.heads))]
    found = parts(pivot, columns)
    said = caption(pivot, spread)
    return "\n\n".join(
        _float(
            pivot,
            columns,
            part,
            said if number == 1 else continued(pivot),
            name if number == 1 else f"{name}-{number}",
        )
        for number, part in enumerate(found, start=1)
    )


def _float(
    pivot: Pivot, columns: Sequence[Sequence[Shown]], part: Part, said: str, name: str
) -> str:
    kind = "table" if part.width <= NARROW else "table*"
    room = NARROW if kind == "table" else WIDTH
    size = "small" if LARGER * part.width <= room else "footnotesize"
    apart = 6 if LARGER * part.width + 6 * len(part.columns) <= room else 3
    heads = [pivot.heads[place] for place in part.columns]
    return "\n".join(
        [
            rf"\begin{{{kind}}}[htbp]\centering\{size}\setlength{{\tabcolsep}}{{{apart}pt}}",
            rf"\caption{{{said}}}\label{{tab:{name}}}\par\medskip",
            rf"\begin{{tabular}}{{l*{{{len(heads)}}}{{r@{{\,}}l}}}}",
            r"\toprule",
            *_headings(heads, [part.widths[place] for place in part.columns]),
            r"\midrule",
            *_body(pivot, columns, part),
            r"\bottomrule",
            r"\end{tabular}",
            rf"\end{{{kind}}}",
        ]
    )


def _headings(heads: Sequence[Head], widths: Sequence[float]) -> Iterator[str]:
    """Yield sets, rules below them, and IPCs; every data column is two columns of the table."""
    sets, rules, start = [], [], 2
    for dataset, group in groupby(range(len(heads)), key=lambda place: heads[place].dataset):
        places = list(group)
        end = start + 2 * len(places) - 1
        room = sum(widths[place] for place in places)
        sets.append(rf" & \multicolumn{{{2 * len(places)}}}{{c}}{{{_fitted(dataset, room)}}}")
        rules.append(rf"\cmidrule(lr){{{start}-{end}}}")
        start = end + 1
    ipcs = ("all" if head.ipc is None else f"IPC {head.ipc}" for head in heads)
    yield "".join(sets) + r" \\"
    yield "".join(rules)
    yield " & ".join(["method", *(rf"\multicolumn{{2}}{{c}}{{{ipc}}}" for ipc in ipcs)]) + r" \\"


def _body(pivot: Pivot, columns: Sequence[Sequence[Shown]], part: Part) -> Iterator[str]:
    """Yield the rows, printed numbers below the methods they are of, references below a rule."""
    printed = [quotes(pivot, place) for place in range(len(pivot.heads))]
    for position, number in enumerate(part.rows):
        row = pivot.rows[number]
        if row.reference and position and not pivot.rows[part.rows[position - 1]].reference:
            yield r"\midrule"
        yield _line(_label(row), [columns[place][number] for place in part.columns])
        beside = [printed[place][number] for place in part.columns]
        if any(shown is not NOTHING for shown in beside):
            yield _line(r"\quad printed\textsuperscript{$\dagger$}", beside)


def _line(label: str, cells: Sequence[Shown]) -> str:
    return " & ".join([label, *(cell.latex() for cell in cells)]) + r" \\"


def _label(row: PivotRow) -> str:
    return _fitted(row.method, 4.6 * LONGEST)


def _fitted(name: str, room: float) -> str:
    """Return a name, on several lines where it is wider than its room in points."""
    if 4.6 * len(plain(name)) <= room:
        return escape(name)
    return rf"\parbox[t]{{{room:.0f}pt}}{{\raggedright {breakable(name)}\strut}}"


def _quoted_only(pivot: Pivot) -> Pivot | None:
    """Return the rows and columns that hold printed numbers; None without any."""
    columns = [
        place
        for place in range(len(pivot.heads))
        if any((cell := row.cells[place]) and cell.quotes for row in pivot.rows)
    ]
    rows = [
        replace(row, cells=tuple(row.cells[place] for place in columns))
        for row in pivot.rows
        if any(cell and cell.quotes for cell in row.cells)
    ]
    heads = tuple(pivot.heads[place] for place in columns)
    return replace(pivot, heads=heads, rows=tuple(rows)) if rows else None

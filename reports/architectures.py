"""Architecture by method as people read it: a terminal's table, Markdown, or long CSV.

Students stand below each other and methods side by side, each with its drop from the reference.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from bench.scores import SCORES
from leaderboards import Architectures, Cell, Drop
from reports.layout import plain
from reports.long_csv import name_cell, number_cell
from reports.markdown import escape

COLUMNS = (
    *("dataset", "train_revision", "test_revision", "ipc", "protocol", "student", "method"),
    *("metric", "mean", "std", "n_sets", "n_students"),
    *("reference", "drop", "drop_low", "drop_high", "drop_n"),
)

LEGEND = (
    "drop: reference minus student, in points, over pairs of the same distilled set and seeds, "
    "with its 95% interval; below 0 the student is better. Mean ± sample std of all students."
)


def terminal(tables: Iterable[Architectures], console: Console) -> None:
    """Print the tables, each in as many parts as the width asks for."""
    for table in tables:
        console.print()
        console.print(Text(caption(table), style="bold"))
        for part in _fitting(table, console):
            console.print(part)
        console.print(Text(LEGEND, style="dim"))


def markdown(tables: Iterable[Architectures]) -> str:
    """Return the tables as GitHub-flavoured Markdown; "" without any."""
    sections = []
    for table in tables:
        titles = ["student", *(title for title, _ in _columns(table))]
        lines = [
            [plain(student), *(texts[index] for _, texts in _columns(table))]
            for index, student in enumerate(table.students)
        ]
        rows = [titles, [":---", *["---:"] * (len(titles) - 1)], *lines]
        body = "\n".join(
            f"| {' | '.join(row if index == 1 else map(escape, row))} |"
            for index, row in enumerate(rows)
        )
        sections.append(f"### {escape(caption(table))}\n\n{body}\n\n{escape(LEGEND)}")
    return "\n\n".join(sections) + "\n" if sections else ""


def long_csv(tables: Iterable[Architectures]) -> str:
    """Return all cells with their drops, a line each, under a header; lines end in LF.

    Numbers have full precision; missing ones are empty.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(line for table in tables for line in _lines(table))
    return out.getvalue()


def caption(table: Architectures) -> str:
    """Return real set, IPC, protocol, score and reference student in one line."""
    ipc = "no IPC" if table.ipc is None else f"IPC {table.ipc}"
    score = SCORES[table.metric].title if table.metric in SCORES else table.metric
    told = f" ({table.distinction})" if table.distinction else ""
    parts = (table.dataset, ipc, f"{table.protocol}{told}", f"{score} by architecture")
    return " · ".join(plain(part) for part in (*parts, f"reference {table.reference}"))


def _columns(table: Architectures) -> Iterator[tuple[str, list[str]]]:
    """Yield the heading and the texts of every column: a score and a drop of every method."""
    for index, method in enumerate(table.methods):
        yield plain(method), [_score(line[index], table.metric) for line in table.cells]
        yield "drop", [_drop(line[index]) for line in table.drops]
    if len(table.methods) > 1:
        yield "mean drop", [_drop(drop) for drop in table.mean_drop]


def _score(cell: Cell | None, metric: str) -> str:
    if cell is None:
        return ""
    decimals = SCORES[metric].decimals if metric in SCORES else 4
    spread = f" ± {cell.std:.{decimals}f}" if cell.std is not None else ""
    return f"{cell.mean:,.{decimals}f}{spread}"


def _drop(drop: Drop | None) -> str:
    if drop is None:
        return ""
    ends = drop.low is not None and drop.high is not None
    return f"{drop.mean:.1f}" + (f" [{drop.low:.1f}, {drop.high:.1f}]" if ends else "")


def _fitting(table: Architectures, console: Console) -> Iterator[Table]:
    """Yield tables of as many columns as fit, at least one each; students are repeated."""
    chosen: list[tuple[str, list[str]]] = []
    unlimited = console.options.update(width=100_000)
    for column in _columns(table):
        wider = _printed(table, [*chosen, column])
        if chosen and Measurement.get(console, unlimited, wider).maximum > console.width:
            yield _printed(table, chosen)
            chosen = []
        chosen.append(column)
    yield _printed(table, chosen)


def _printed(table: Architectures, columns: list[tuple[str, list[str]]]) -> Table:
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1), header_style="bold")
    made.add_column(Text("student"), overflow="fold", vertical="bottom")
    for title, _ in columns:
        style = "dim" if title in ("drop", "mean drop") else ""
        made.add_column(Text(title), justify="right", overflow="fold", style=style)
    for index, student in enumerate(table.students):
        style = "italic" if student == table.reference else ""
        made.add_row(
            Text(plain(student), style=style), *(Text(texts[index]) for _, texts in columns)
        )
    return made


def _lines(table: Architectures) -> Iterator[tuple[str, ...]]:
    metric = table.metric + (f"[{table.distinction}]" if table.distinction else "")
    names = (table.dataset, table.train_revision, table.test_revision)
    for student, cells, drops in zip(table.students, table.cells, table.drops, strict=True):
        for method, cell, drop in zip(table.methods, cells, drops, strict=True):
            if cell is None:
                continue
            labels = (table.protocol, student, method, metric)
            numbers = (cell.mean, cell.std, cell.n_sets, cell.n_students)
            paired = (None,) * 4 if drop is None else (drop.mean, drop.low, drop.high, drop.n)
            yield (
                *map(name_cell, names),
                number_cell(table.ipc),
                *map(name_cell, labels),
                *map(number_cell, numbers),
                name_cell(table.reference),
                *map(number_cell, paired),
            )

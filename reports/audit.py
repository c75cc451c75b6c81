"""An audit as people read it: a terminal's tables with notes, Markdown, or CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import get_args

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from bench.scores import SCORES
from leaderboards.headings import natural
from leaderboards.published.audit import Line
from leaderboards.published.ledger import COLUMNS as LEDGER
from leaderboards.published.ledger import Verdict
from leaderboards.published.recipes import METRICS
from reports.layout import plain
from reports.long_csv import name_cell, number_cell
from reports.markdown import escape

COLUMNS = (
    *LEDGER,
    *("recipe", "basis", "ours", "ours_dataset", "measured", "measured_std", "n_sets"),
    *("n_students", "difference", "half", "verdict", "reasons"),
)

TITLES = ("IPC", "student", "generator", "published", "measured", "difference", "verdict")
NUMBERS = ("IPC", "published", "measured", "difference")

GAP = 2
"""Characters between columns."""

LEGEND = (
    "best epoch against best epoch of one recipe; mean ± std; difference: measured - published, ± "
    "half the joint 95% interval; reproduced: inside it, and nothing is known to differ; not "
    "reproduced: outside it; ² not read in the source itself"
)


def terminal(lines: Iterable[Line], console: Console) -> None:
    """Print a table for each set, recipe and method, then what its notes say."""
    notes: dict[str, int] = {}
    for head, group in groupby(sorted(lines, key=_order), key=_head):
        members = list(group)
        common = [note for note in _notes(members[0]) if all(note in _notes(m) for m in members)]
        console.print()
        said = " · ".join(filter(None, head[:-1])) + (f" (ours: {head[-1]})" if head[-1] else "")
        console.print(Text(said, style="bold"))
        console.print(_table(members, common, notes, console.width))
        for note in common:
            console.print(Text(f"   all: {note}", style="dim"))
    console.print()
    for note, number in notes.items():
        console.print(Text(f"{number:>6}: {note}", style="dim"))
    console.print(Text(LEGEND, style="dim"))


def markdown(lines: Iterable[Line]) -> str:
    """Return one table in GitHub-flavoured Markdown, with the reasons written out."""
    titles = ("dataset", "recipe", "method", "ours", *TITLES, "why", "source")
    rows = [
        (*_head(line), *_texts(line), "; ".join(line.quote.reasons), _source(line))
        for line in sorted(lines, key=_order)
    ]
    table = [titles, [":---"] * len(titles)]
    table += [[escape(plain(text)) for text in row] for row in rows]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in table), "", escape(LEGEND), ""])


def long_csv(lines: Iterable[Line]) -> str:
    """Return the rows of the ledger with what was measured beside them; lines end in LF.

    Numbers have full precision, published ones that in which they were printed; missing ones are
    empty.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_cells, lines))
    return out.getvalue()


def summary(lines: Iterable[Line]) -> str:
    """Return how often each verdict was given, and how many rows stand beside no number."""
    lines = list(lines)
    counts = Counter(line.quote.verdict for line in lines if line.ours)
    rows = sum(not line.ours for line in lines)
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in get_args(Verdict))
    return f"{said}; {rows} {'row' if rows == 1 else 'rows'} without a counterpart"


def _table(
    lines: Sequence[Line], common: Collection[str], notes: dict[str, int], width: int
) -> Table:
    """Return the table of one group, without columns that are empty or of one generator.

    Notes that are not `common` get a number in `notes`. Where `width` does not hold the other
    columns, their cells are broken into lines.
    """
    rows: list[tuple[str, ...]] = [(*TITLES, "notes")]
    for line in lines:
        own = [note for note in _notes(line) if note not in common]
        numbers = sorted(notes.setdefault(note, len(notes) + 1) for note in own)
        rows.append((*_texts(line), " ".join(map(str, numbers))))
    columns = [
        column
        for column in zip(*rows, strict=True)
        if (len(set(column)) > 2 if column[0] == "generator" else any(column[1:]))
    ]
    widths = [max(map(len, column)) + GAP for column in columns if column[0] != "notes"]
    fits = sum(widths) + len("notes ") <= width
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    for title, *_ in columns:
        justify: JustifyMethod = "right" if title in NUMBERS else "left"
        table.add_column(title, justify=justify, no_wrap=fits and title != "notes", overflow="fold")
    for texts in zip(*(column[1:] for column in columns), strict=True):
        table.add_row(*map(Text, texts))
    return table


def _head(line: Line) -> tuple[str, str, str, str]:
    """Return set, recipe and method of a number, and what ours is called."""
    row = line.row
    recipe = line.quote.recipe or f"{row.protocol} labels, recipe not stated"
    recipe = "" if row.protocol == "none" else recipe
    where = f" on {line.dataset}" if line.dataset else ""
    return row.dataset, recipe, row.method, plain(f"{line.ours}{where}")


def _order(line: Line) -> tuple[object, ...]:
    dataset, recipe, method, ours = _head(line)
    row = line.row
    where = (natural(dataset), not line.quote.recipe, recipe, natural(method), natural(ours))
    return (*where, row.ipc or float("inf"), natural(row.student), row.line)


def _texts(line: Line) -> tuple[str, ...]:
    """Return the texts of `TITLES`."""
    row, cell, quote = line.row, line.cell, line.quote
    secondary = "²" if row.verified == "secondary" else ""
    published = f"{row.value:.{row.decimals}f}" + ("" if row.std is None else f" ± {row.std}")
    measured = difference = ""
    if cell is not None:
        digits = SCORES[METRICS[row.metric]].decimals
        spread = "" if cell.std is None else f" ± {cell.std:.{digits}f}"
        measured = f"{cell.mean:.{digits}f}{spread}"
        half = "" if quote.half is None else f" ± {quote.half:.{digits}f}"
        difference = f"{quote.difference:+.{digits}f}{half}"
    return (
        "" if row.ipc is None else str(row.ipc),
        row.student,
        row.backbone,
        published + secondary,
        measured,
        difference,
        quote.verdict if line.ours else "",
    )


def _source(line: Line) -> str:
    return f"{line.row.source} · {line.row.locator}"


def _notes(line: Line) -> tuple[str, ...]:
    """Return where a number stands, of what ours is the mean, and what there is to say."""
    notes = [_source(line), *line.quote.reasons]
    if cell := line.cell:
        students, sets = _many(cell.n_students, "student"), _many(cell.n_sets, "set")
        notes.insert(1, f"measured: {students} of {sets}")
    return tuple(map(plain, notes))


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _cells(line: Line) -> Iterator[str]:
    """Yield the texts of `COLUMNS`."""
    row, quote, cell = line.row, line.quote, line.cell
    for name in LEDGER:
        value = getattr(row, name)
        if name == "value":
            yield f"{row.value:.{row.decimals}f}"
        else:
            yield name_cell(value) if isinstance(value, str) else number_cell(value)
    yield from map(name_cell, (quote.recipe, quote.basis, line.ours, line.dataset))
    yield from map(
        number_cell, (cell.mean, cell.std, cell.n_sets, cell.n_students) if cell else [None] * 4
    )
    yield from map(number_cell, (quote.difference, quote.half))
    yield from map(name_cell, (quote.verdict, "; ".join(quote.reasons)))

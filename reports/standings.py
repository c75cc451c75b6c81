"""Average ranks as people read them: a terminal's table or Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.scores import SCORES
from leaderboards.ranks.standings import Standing
from reports.markdown import escape
from reports.plain import plain

LEGEND = (
    "average rank: methods that are not separated share the ranks between them; [ ] is the mean of "
    "the intervals of the ranks; methods whose intervals overlap have no order"
)


def terminal(standings: Iterable[Standing], console: Console) -> None:
    """Print a table for every score, or why it has none."""
    for standing in standings:
        if not standing.methods:
            console.print(Text(f"\n{caption(standing)}"))
            continue
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), header_style="bold")
        table.add_column(Text("method"), overflow="fold")
        table.add_column(Text("average rank"), justify="right")
        for method, rank in _rows(standing):
            table.add_row(Text(method), Text(rank))
        console.print()
        console.print(Text(caption(standing), style="bold"))
        console.print(table)
        console.print(Text(LEGEND, style="dim"))


def markdown(standings: Iterable[Standing]) -> str:
    """Return the tables as GitHub-flavoured Markdown; "" without any."""
    sections = []
    for standing in standings:
        if not standing.methods:
            sections.append(escape(caption(standing)))
            continue
        lines = [f"| {escape(method)} | {escape(rank)} |" for method, rank in _rows(standing)]
        table = "\n".join(["| method | average rank |", "| :--- | ---: |", *lines])
        sections.append(f"### {escape(caption(standing))}\n\n{table}\n\n{escape(LEGEND)}")
    return "\n\n".join(sections) + "\n" if sections else ""


def caption(standing: Standing) -> str:
    """Return protocol, score and of how many comparisons it is, in one line."""
    score = SCORES[standing.metric].title if standing.metric in SCORES else standing.metric
    told = f" ({standing.distinction})" if standing.distinction else ""
    others = f"; {standing.left_out} others left out" if standing.left_out else ""
    over = f"average rank over {standing.cells} comparisons that every method has{others}"
    if not standing.methods:
        total = standing.cells + standing.left_out
        over = (
            "no average rank: that takes two comparisons in which every method was tested, here "
            f"{standing.cells} of {total}"
        )
    return plain(f"{standing.protocol} · {score}{told} · {over}")


def _rows(standing: Standing) -> Iterator[tuple[str, str]]:
    numbers = (standing.methods, standing.mean_rank, standing.low, standing.high)
    for method, rank, low, high in zip(*numbers, strict=True):
        yield plain(method), f"{rank:.1f} [{low:.1f}, {high:.1f}]"

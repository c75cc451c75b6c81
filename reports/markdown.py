"""Leaderboards as GitHub-flavoured Markdown, one table per board and one legend for all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from leaderboards import Board
from reports.layout import Block, Entry, blocks, caption
from reports.plain import plain
from reports.remarks import legend, notes


def render(boards: Iterable[Board], all_scores: bool = False) -> str:
    """Return the boards as Markdown and how to read them; "" without any.

    They hold all scores or the main ones.
    """
    boards = list(boards)
    if not boards:
        return ""
    reading = "; ".join(legend(boards, all_scores))
    sections = [*(_section(board, all_scores) for board in boards), escape(reading)]
    return "\n\n".join(filter(None, sections)) + "\n"


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, inside a table cell or outside.

    GitHub makes links of addresses and of names behind an `@`: entities keep them text.
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"@(?=\w)", "&#64;", text).replace("://", "&#58;//")
    text = re.sub(r"(?i)\b(www)\.", r"\1&#46;", text)
    text = re.sub(r"([\\`*_~$|]|[\[\]](?=[(\[:])|!(?=\[))", r"\\\1", text)
    # What would begin a heading, a quote or a list.
    return re.sub(r"^(\d*)(?=[#>]|[-+=](\s|$)|(?<=\d)[.)](\s|$))", r"\1\\", text)


def _section(board: Board, all_scores: bool) -> str:
    parts = blocks(board, all_scores)
    titles = [title for block in parts for title in _titles(block)]
    columns = [column for block in parts for column in block.columns]
    rows = [
        _row([escape(plain(row.method)), *(_shown(c.entries[index]) for c in columns)])
        for index, row in enumerate(board.rows)
    ]
    table = [_row(["method", *titles]), _row([":---", *["---:"] * len(titles)]), *rows]
    below = [f"- {escape(note)}" for note in notes(board, all_scores)]
    return "\n".join([f"### {escape(caption(board))}", "", *table, "", *below]).rstrip()


def _titles(block: Block) -> list[str]:
    """Return the headings; rank and counts stand beside scores that are headed in full."""
    where = [part for part in (block.protocol, block.student) if part]
    return [
        escape(column.title if column.counts else " · ".join([*where, column.title]))
        for column in block.columns
    ]


def _shown(entry: Entry) -> str:
    text = escape(entry.text)
    return f"**{text}**" if entry.best else text


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

"""Leaderboards as GitHub-flavoured Markdown, one table per board."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from leaderboards import Board
from reports.layout import Block, Entry, blocks, caption, legend, notes, plain


def render(boards: Iterable[Board]) -> str:
    """Return the boards as Markdown; "" without any."""
    return "\n\n".join(_section(board) for board in boards) + "\n" if (boards := [*boards]) else ""


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, inside a table cell or outside."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_~$|]|[\[\]](?=[(\[:])|!(?=\[))", r"\\\1", text)


def _section(board: Board) -> str:
    parts = blocks(board)
    titles = [title for block in parts for title in _titles(block)]
    columns = [column for block in parts for column in block.columns]
    rows = [
        _row([escape(plain(row.method)), *(_shown(c.entries[index]) for c in columns)])
        for index, row in enumerate(board.rows)
    ]
    table = [_row(["method", *titles]), _row([":---", *["---:"] * len(titles)]), *rows]
    below = [escape(legend(board)), *(f"- {escape(note)}" for note in notes(board))]
    return "\n".join(
        [f"### {escape(caption(board))}", "", *table, "", below[0], "", *below[1:]]
    ).rstrip()


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

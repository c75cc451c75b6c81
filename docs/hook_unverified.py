"""The page of all that is marked as unverified, on pages and in the source."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from hook_markdown import cell

MARK = "UNVERIFIED"
ROOMS = ("bench", "methods", "protocols", "leaderboards", "reports")
EXPLAINED = ("index.md", "not-verified.md")
"""Pages that say what the mark means."""


def page(root: Path) -> str:
    """Return the Markdown of the page."""
    lines = [
        "# All that is unverified",
        "",
        "Every passage that bears the mark, as it stands in pages and in the source.",
        "",
    ]
    for path, passages in marked(root).items():
        page = path.removeprefix("docs/")
        lines += [f"## {path}" if page == path else f"## [{path}](../{page})", ""]
        for passage in passages:
            lines += [passage, ""]
    return "\n".join(lines)


def marked(root: Path) -> dict[str, list[str]]:
    """Return the passages with the mark, as Markdown, by file, relative to the root."""
    found = {}
    for path in sorted((root / "docs").rglob("*.md")):
        if path.name not in EXPLAINED:
            found[path] = list(_of_page(path.read_text(encoding="utf-8")))
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            found[path] = list(_of_source(path.read_text(encoding="utf-8")))
    return {path.relative_to(root).as_posix(): texts for path, texts in found.items() if texts}


def _of_page(text: str) -> Iterator[str]:
    """Yield rows, list items and paragraphs with the mark, and whole sections under it."""
    for section in re.split(r"^(?=#)", text, flags=re.M):
        heading, _, body = section.partition("\n")
        if heading.startswith("#") and MARK in heading:
            yield _without_links(body.strip())
        else:
            blocks = re.split(r"\n\s*\n|\n(?=\s*[-|] ?)", section)
            yield from (_item(_without_links(block)) for block in blocks if MARK in block)


def _without_links(text: str) -> str:
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)


def _item(block: str) -> str:
    """Return a paragraph, a list item or a row of a table as a list item."""
    words = " ".join(block.split())
    if words.startswith("|"):
        words = " · ".join(filter(None, map(str.strip, words.split("|"))))
    return f"- {words.removeprefix('- ')}"


def _of_source(text: str) -> Iterator[str]:
    """Yield the sentences with the mark, of docstrings and comments."""
    if MARK not in text:
        return
    for words in (*_docstrings(text), *_comments(text)):
        sentences = re.split(r"(?<=[.;])\s+|\n\s*\n", words)
        yield from (f"- {cell(sentence)}" for sentence in sentences if MARK in sentence)


def _docstrings(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def _comments(text: str) -> Iterator[str]:
    """Yield the comments, those of successive lines as one text."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
    block: list[str] = []
    for number in sorted(lines):
        if number - 1 not in lines:
            yield "\n".join(block)
            block = []
        block.append(lines[number].lstrip("# "))
    yield "\n".join(block)

"""Pages of what is named in one line: sets, generators, teachers, scores, suites, commands."""

from __future__ import annotations

from typing import Any

import typer
from hook_markdown import cell, code, fence, prose, table

from bench import data, documents, suites
from bench.cli import app
from bench.generators import GENERATORS
from bench.scores import SCORES
from bench.teachers.specs import TEACHERS

TITLES = {
    "datasets.md": "Datasets",
    "generators.md": "Generators",
    "teachers.md": "Teachers",
    "scores.md": "Scores",
    "suites.md": "Suites",
    "commands.md": "Commands",
}
"""File names below `reference/`, and their titles."""
WIDTH = 80
"""Columns of a command's help."""


def pages() -> dict[str, str]:
    """Return the Markdown of every page by its path below `reference/`."""
    found = {
        "datasets.md": _lines({name: source.description for name, source in data.DATASETS.items()}),
        "generators.md": _lines({name: known.description for name, known in GENERATORS.items()}),
        "teachers.md": _lines({name: documents.summary(one) for name, one in TEACHERS.items()}),
        "scores.md": _scores(),
        "suites.md": _suites(),
        "commands.md": _commands(),
    }
    return {path: "\n".join([f"# {TITLES[path]}", "", *lines, ""]) for path, lines in found.items()}


def _lines(described: dict[str, str]) -> list[str]:
    rows = [(code(name), cell(text)) for name, text in described.items()]
    return table(("name", "in one line"), rows, corner=False)


def _scores() -> list[str]:
    rows = [
        (code(name), cell(one.title), one.better, one.unit, _yes(one.ranked), cell(one.note))
        for name, one in SCORES.items()
    ]
    return table(("name", "title", "better", "unit", "ranked", "note"), rows, corner=False)


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def _suites() -> list[str]:
    lines = []
    for name in suites.names():
        text = (suites.FOLDER / f"{name}.toml").read_text(encoding="utf-8").rstrip()
        lines += [f"## {name}", "", prose(suites.summary(name)), "", *fence(text, "toml")]
    return lines


def _commands() -> list[str]:
    group: Any = typer.main.get_command(app)
    lines = []
    for name, command in group.commands.items():
        context = command.context_class(command, info_name=f"bench {name}", terminal_width=WIDTH)
        lines += [f"## bench {name}", "", *fence(command.get_help(context).rstrip(), "text")]
    return lines

"""Every command on every page is one that the command line takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from bench.cli import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "leaderboards/**/*.md")
    for page in ROOT.glob(pattern)
)
FENCE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(bench [^`]+)`")
GROUP = typer.main.get_command(app)
WRONG = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
PLACEHOLDERS = {"COMMAND", "..."}
"""Words that stand for any command."""


def commands(text: str) -> Iterator[str]:
    """Yield every `bench ...` of shell blocks, of YAML and of inline code."""
    for kind, body in FENCE.findall(text):
        if kind in ("sh", "bash", "console", "yaml"):
            joined = re.sub(r"\s*\\\n\s*", " ", body)
            if kind == "yaml":
                joined = re.sub(r">\n\s+(bench [^\n]*)\n\s+(--[^\n]*)", r"\1 \2", joined)
            for line in joined.splitlines():
                found = re.match(r"[ ]*(?:- run: |\$ )?(?:[A-Z_]+=\S+ )*(bench .*)", line)
                if found:
                    yield found[1]
    yield from (" ".join(found.split()) for found in INLINE.findall(FENCE.sub("", text)))


def complaint(command: str) -> str:
    """Return what the command line says against a command; "" if it would run it."""
    words = shlex.split(command, comments=True)[1:]
    end = next((k for k, word in enumerate(words) if word in ("|", "&&", ";", ">")), len(words))
    words = words[:end]
    if not words or PLACEHOLDERS & set(words):
        return ""
    try:
        with GROUP.make_context("bench", list(words), resilient_parsing=False) as context:
            rest = [*context._protected_args, *context.args]
            name, found, rest = GROUP.resolve_command(context, rest)
            if not rest:  # the command by its name
                return ""
            with found.make_context(name, rest, parent=context):
                return ""
    except WRONG as error:
        if words[-1].startswith("--") and "requires an argument" in error.format_message():
            return complaint(f"bench {shlex.join([*words, 'X'])}")  # an option by its name
        return f"{command}: {error.format_message()}"
    except typer.Exit:  # of --help and --version
        return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_is_understood(page, capsys):
    found = [complaint(command) for command in commands(page.read_text(encoding="utf-8"))]
    assert [words for words in found if words] == []


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("bench run --methods random --ipc 10", False),
        ("bench run --method random --ipc 10", True),
        ("bench runn --ipc 10", True),
        ("bench list methods  # with a comment", False),
        ("bench list methods | head", False),
        ("bench show", False),
        ("bench run --methods", False),
        ("bench run --method", True),
        ("bench --help", False),
        ("bench COMMAND --help", False),
    ],
)
def test_options_and_names_that_do_not_exist_are_found(command, wrong, capsys):
    assert bool(complaint(command)) is wrong


def test_commands_are_found_in_blocks_and_in_sentences():
    text = (
        "Say `bench list` or\n\n"
        "```sh\nA=1 bench run --methods a \\\n    --ipc 1   # this\n```\n\n"
        "   ```sh\n   bench show x\n   ```\n"
        "```yaml\n    - run: bench run --yes\n    - run: >\n        bench check runs/now\n"
        "        --junit gate.xml\n```\n"
    )
    assert list(commands(text)) == [
        "bench run --methods a --ipc 1   # this",
        "bench show x",
        "bench run --yes",
        "bench check runs/now --junit gate.xml",
        "bench list",
    ]

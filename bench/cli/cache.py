"""`bench cache`: what the cache holds, and how it is made smaller."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import Yes
from bench.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from bench.cache import Entry

ACTIONS = ("list", "prune")

Runs = Annotated[Path, typer.Option(help="Folder whose runs' records count as users.")]


def cache(
    action: Annotated[str, typer.Argument(help="list or prune.")] = "list",
    names: Annotated[
        list[str] | None, typer.Argument(help="prune: these entries only, used or not.")
    ] = None,
    runs: Runs = Path("runs"),
    every: Annotated[
        bool, typer.Option("--entries", help="list: a line for every entry, with its name.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="prune: say what would be removed.")
    ] = False,
    yes: Yes = False,
) -> int:
    """List what is cached and who uses it, or remove what no record below `--runs` names."""
    from bench.artefacts import default_cache
    from bench.cache import entries, records_below, users

    if action not in ACTIONS:
        raise unknown_name("action", action, ACTIONS)
    home = default_cache()
    records = records_below(runs)
    used = {entry: users(entry, records) for entry in entries(home)}
    if action == "list" and names:
        raise UsageError(f"`bench cache list` takes no names, got {names[0]!r}: leave it out.")
    if action == "list":
        for line in (_line(*pair) for pair in used.items()) if every else _summary(used):
            typer.echo(line)
        typer.echo(f"{home}: {_megabytes(sum(entry.bytes for entry in used))}")
        return 0
    doomed = {entry: used[entry] for entry in _doomed(used, names or [])}
    return _prune(home, doomed, dry_run=dry_run, yes=yes)


def _doomed(used: dict[Entry, list[Path]], names: list[str]) -> list[Entry]:
    from bench.cache import unused

    known = {f"{entry.kind}/{entry.name}": entry for entry in used}
    for name in names:
        if name not in known:
            raise unknown_name("entry", name, known)
    return [known[name] for name in names] or unused(used)


def _prune(home: Path, doomed: dict[Entry, list[Path]], *, dry_run: bool, yes: bool) -> int:
    from bench.cache import remove

    for entry, folders in doomed.items():
        typer.echo(_line(entry, folders))
    if not doomed:
        typer.echo("Nothing to remove.")
        return 0
    size = _megabytes(sum(entry.bytes for entry in doomed))
    if dry_run:
        typer.echo(f"Would free {size}; all of it can be made again.")
        return 0
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"This would remove {size}: pass `--yes` to do it.")
        typer.confirm(f"Remove {size}? All of it can be made again.", abort=True)
    remove(home, doomed)
    typer.echo(f"Freed {size}.")
    return 0


def _summary(used: dict[Entry, list[Path]]) -> Iterator[str]:
    """Yield a line for every sort of entries: their size, their number and how many have users."""
    sorts: dict[str, list[Entry]] = defaultdict(list)
    for entry in used:
        sorts[entry.sort].append(entry)
    for sort, found in sorts.items():
        users = sum(bool(used[entry]) for entry in found)
        size = _megabytes(sum(entry.bytes for entry in found))
        yield f"{size:>10}  {sort}: {len(found)}, {users or 'none'} of them used"


def _line(entry: Entry, folders: list[Path]) -> str:
    state = "unused" if entry.whole else "left behind"
    by = f"used by {', '.join(map(str, folders))}" if folders else state
    title = f"  {entry.title}" if entry.title else ""
    return f"{_megabytes(entry.bytes):>10}  {entry.kind}/{entry.name}{title}  ({by})"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"

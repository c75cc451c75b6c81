"""`bench leaderboard`: records in, a ranking out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import OUT
from bench.errors import BenchError, unknown_name

FORMATS = ("terminal", "markdown", "csv")


def leaderboard(
    folder: Annotated[Path, typer.Argument(help="Folder of a run.")] = OUT,
    form: Annotated[str, typer.Option("--format", help=", ".join(FORMATS))] = "terminal",
) -> None:
    """Print the leaderboard of a run's records; trains nothing."""
    if form not in FORMATS:
        raise unknown_name("format", form, FORMATS)
    import leaderboards
    from bench.store import Store

    boards = leaderboards.build(Store.existing(folder).records())
    if not boards:
        raise BenchError(
            f"{str(folder)!r} has no evaluated records yet: run `bench run --out {folder}` first."
        )
    if form == "terminal":
        from rich.console import Console

        import reports.terminal

        reports.terminal.render(boards, Console())
    elif form == "markdown":
        import reports.markdown

        typer.echo(reports.markdown.render(boards), nl=False)
    else:
        import reports.long_csv

        typer.echo(reports.long_csv.render(boards), nl=False)

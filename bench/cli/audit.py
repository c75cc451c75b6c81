"""`bench audit`: what papers have printed, beside what a run has measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import OUT
from bench.cli.results import FORMATS
from bench.errors import unknown_name

if TYPE_CHECKING:
    from leaderboards import Board
    from leaderboards.published.audit import Line


def audit(
    what: Annotated[
        str, typer.Argument(help="A method, or a paper such as 2505.18963; its beginning will do.")
    ],
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder of a run; runs/default if it is there.", show_default=False),
    ] = None,
    form: Annotated[str, typer.Option("--format", help=", ".join(FORMATS))] = "terminal",
    whole: Annotated[
        bool, typer.Option("--all", help="Published numbers without one of ours, too.")
    ] = False,
) -> None:
    """Print the published numbers of a method or paper beside those of a run."""
    if form not in FORMATS:
        raise unknown_name("format", form, FORMATS)
    from leaderboards.published import ledger
    from leaderboards.published.audit import audit as audited

    boards = _boards(folder)
    lines = audited(ledger.read(), boards or [], what)
    _print(lines, [line for line in lines if line.ours or whole or boards is None], form)


def _boards(folder: Path | None) -> list[Board] | None:
    """Return the boards of a run; None if no folder was named and the usual one is absent."""
    import leaderboards
    from bench.store import Store

    if folder is None and not OUT.exists():
        return None
    return leaderboards.build(Store.existing(folder or OUT).records())


def _print(lines: list[Line], shown: list[Line], form: str) -> None:
    import reports.audit

    if form == "csv":
        typer.echo(reports.audit.long_csv(shown), nl=False)
        return
    counts = reports.audit.summary(lines)
    hint = " (`--all` says why)" if len(shown) < len(lines) else ""
    if form == "markdown":
        typer.echo(reports.audit.markdown(shown) if shown else "", nl=False)
        typer.echo(f"\n{counts}{hint}" if shown else f"{counts}{hint}")
        return
    from rich.console import Console

    if shown:
        reports.audit.terminal(shown, Console())
    typer.echo(f"{counts}{hint}")

"""`bench leaderboard`: records in, a ranking out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import BY, OUT
from bench.errors import BenchError, UsageError, unknown_name

if TYPE_CHECKING:
    from bench.request import RunSpec
    from leaderboards import Architectures, Board

FORMATS = ("terminal", "markdown", "csv")
OF_BOARDS = (*FORMATS, "latex", "values")


def leaderboard(
    folder: Annotated[Path, typer.Argument(help="Folder of a run.")] = OUT,
    form: Annotated[str, typer.Option("--format", help=", ".join(OF_BOARDS))] = "terminal",
    by: Annotated[str, typer.Option(help="method, or architecture: drops between students.")] = (
        "method"
    ),
    reference: Annotated[
        str | None, typer.Option(help="Student that the others are compared with.")
    ] = None,
    all_scores: Annotated[
        bool, typer.Option("--all-scores", help="Also the scores that tables leave out.")
    ] = False,
    published: Annotated[
        bool, typer.Option("--published", help="Beside the numbers of papers.")
    ] = False,
) -> None:
    """Print the leaderboard of a run's records; trains nothing."""
    _refuse_what_does_not_fit(form, by, reference, all_scores, published)
    import leaderboards
    from bench.store import Store

    records = list(Store.existing(folder).records())
    boards = leaderboards.build(records)
    if not boards:
        raise BenchError(
            f"{str(folder)!r} has no evaluated records yet: run `bench run --out {folder}` first."
        )
    if form == "values":
        import reports.long_csv

        typer.echo(reports.long_csv.every_number(leaderboards.frame(records)), nl=False)
        return
    if by == "method":
        _print_boards(_quoted(boards) if published else boards, form, all_scores)
        return
    tables = leaderboards.architectures(boards, _label(reference), preferred_student(folder))
    if not tables:
        raise BenchError(
            f"{str(folder)!r} has no protocol with two students: run it with more, as in "
            "`--students resnet18,mobilenet_v2`."
        )
    _print_tables(tables, form)


def _refuse_what_does_not_fit(
    form: str, by: str, reference: str | None, all_scores: bool, published: bool
) -> None:
    """Raise UsageError for unknown words, and for options that mean nothing together."""
    for kind, value, known in (("format", form, OF_BOARDS), ("value", by, BY)):
        if value not in known:
            raise unknown_name(kind, value, known, of="--by" if kind == "value" else "")
    if reference is not None and by != "architecture":
        raise UsageError("`--reference` compares students: add `--by architecture`.")
    more = ["--all-scores"] * all_scores + ["--published"] * published
    of_methods = [*more, *([f"--format {form}"] if form not in FORMATS else [])]
    if by == "architecture" and of_methods:
        raise UsageError(
            f"`{of_methods[0]}` is for tables by method: leave `--by architecture` out."
        )
    if form == "values" and more:
        raise UsageError(f"`--format values` prints every measured number: leave `{more[0]}` out.")


def first_student(run: RunSpec) -> str | None:
    """Return how tables call the first student of a request; None if it names none."""
    from bench.backbones.requests import requested_students

    return requested_students(run.students[0])[0].label if run.students else None


def _quoted(boards: list[Board]) -> list[Board]:
    """Return the boards with published numbers beside the measured ones."""
    from leaderboards.published import audit, ledger

    return audit.quoted(boards, ledger.read())


def _print_boards(boards: list[Board], form: str, all_scores: bool) -> None:
    """Print the boards, and the average ranks over all of them where there are any."""
    from leaderboards.ranks.standings import standings

    if form == "terminal":
        from rich.console import Console

        import reports.standings
        import reports.terminal

        reports.terminal.render(boards, Console(), all_scores)
        reports.standings.terminal(standings(boards), Console())
    elif form == "markdown":
        import reports.markdown
        import reports.standings

        tables = (
            reports.markdown.render(boards, all_scores),
            reports.standings.markdown(standings(boards)),
        )
        typer.echo("\n".join(filter(None, tables)), nl=False)
    elif form == "latex":
        from reports.paper import latex

        typer.echo(latex.render(boards), nl=False)
    else:
        import reports.long_csv

        typer.echo(reports.long_csv.render(boards), nl=False)


def _print_tables(tables: list[Architectures], form: str) -> None:
    import reports.architectures

    if form == "terminal":
        from rich.console import Console

        reports.architectures.terminal(tables, Console())
    elif form == "markdown":
        typer.echo(reports.architectures.markdown(tables), nl=False)
    else:
        typer.echo(reports.architectures.long_csv(tables), nl=False)


def _label(text: str | None) -> str | None:
    """Return how tables call a student that a user named as a request or as the tables do."""
    from bench.backbones.requests import requested_students

    try:
        return None if text is None else requested_students(text)[0].label
    except UsageError:  # an alias of the run, or no student at all: the tables know
        return text


def preferred_student(folder: Path) -> str | None:
    """Return the first student of the folder's latest plan; None if there is no such plan."""
    from bench import suites

    try:
        return first_student(suites.load(str(folder / "plan.json")).run_spec({}))
    except BenchError:
        return None

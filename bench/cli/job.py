"""What `bench run` and `bench score` do once their request is read: plan, ask, run, conclude."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from typing import TYPE_CHECKING

import typer

from bench.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from bench.estimate import Estimate
    from bench.footprint import Footprint
    from bench.request import RunSpec
    from bench.runner import Options, Prepared, Result
    from bench.suites import Suite

ASK_ABOVE_SECONDS = 3600


def start(spec: RunSpec, options: Options, suite: Suite, *, dry_run: bool, yes: bool) -> int:
    """Carry a request out, or only print its plan; return the exit status."""
    from rich.console import Console

    from bench import runner

    console = Console(stderr=True)
    prepared = runner.prepare(spec, options, partial(_say, console))
    _same_sets(prepared, suite)
    _say_what_is_done(prepared, console)
    if not prepared.pending:
        if dry_run:
            return 0
        return _conclude(prepared, None)
    workshop = prepared.workshop()
    cost = prepared.estimate(workshop)
    if dry_run or cost.total_seconds > ASK_ABOVE_SECONDS:
        _print_plan(prepared, cost, prepared.footprint(workshop))
    else:
        for line in _time(cost):
            _say(console, line)
    if dry_run:
        return 0
    if cost.total_seconds > ASK_ABOVE_SECONDS and not yes:
        _ask()
    from bench.progress import reporter

    result = runner.execute(prepared, workshop, reporter(console, cost.seconds))
    return _conclude(prepared, result)


def _same_sets(prepared: Prepared, suite: Suite) -> None:
    """Refuse to replay a plan on other images than those it was made for."""
    for name, revisions in suite.sets.items():
        card = prepared.reals[name].card if name in prepared.reals else None
        if card and (card.train_revision, card.test_revision) != (
            revisions["train"],
            revisions["test"],
        ):
            raise UsageError(
                f"The plan was made for {name!r} of revision {revisions['train'][:12]}, the set at "
                f"hand is {card.train_revision[:12]}: name the suite or the options instead."
            )


def _say_what_is_done(prepared: Prepared, console: Console) -> None:
    done = len(prepared.records)
    lines = [f"{len(prepared.units)} units: {done} done, {len(prepared.pending)} to do."]
    if done and not prepared.options.rerun and prepared.other_commits:
        lines.append(
            f"{prepared.other_commits} of the records are of another commit of this project; "
            "`--rerun` makes them anew."
        )
    if done and not prepared.options.rerun and prepared.other_plugins:
        lines.append(
            f"{prepared.other_plugins} of the records are of another version of a plugin; "
            "`--rerun` makes them anew."
        )
    if prepared.failed and not prepared.options.retry_failed:
        lines.append(
            f"{len(prepared.failed)} units failed earlier; `--retry-failed` tries them again."
        )
    for line in lines:
        _say(console, line)


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _print_plan(prepared: Prepared, cost: Estimate, needs: Footprint) -> None:
    from collections import Counter

    kinds = Counter(unit.kind for unit in prepared.pending)
    typer.echo(f"To do: {kinds['distillation']} distillations, {kinds['evaluation']} evaluations.")
    for cell, count in Counter(unit.cell for unit in prepared.pending).items():
        typer.echo(f"  {count:4d} x {cell}")
    for line in _time(cost):
        typer.echo(line)
    typer.echo(f"Distilled sets: at most {cost.distilled_bytes / 1e6:.1f} MB.")
    for line in _room(needs):
        typer.echo(line)


def _time(cost: Estimate) -> list[str]:
    from bench.timing import duration

    lines = [
        f"Estimated time: {duration(cost.total_seconds)}, from earlier records or a short probe."
    ]
    if cost.unknown:
        lines.append(f"Not counted, as not known before the first: {', '.join(cost.unknown)}.")
    if cost.artefacts:
        lines.append(f"Not counted, as built once for all: {', '.join(cost.artefacts)}.")
    return lines


def _room(needs: Footprint) -> list[str]:
    """Return what the students take besides time, as far as their protocols can say."""
    from leaderboards.headings import size

    lines = []
    if needs.disk:
        parts = ", ".join(f"{name} {size(count)}" for name, count in needs.disk.items())
        lines.append(f"Kept in the cache: at most {parts}.")
    if needs.device:
        lines.append(
            f"Memory at most at a time: {size(needs.memory)} for images and draws, "
            f"{size(needs.device)} of the device for networks, activations and a batch."
        )
    return lines


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError("This run is estimated at more than an hour: pass `--yes` to start it.")
    typer.confirm("Start?", abort=True)


def _conclude(prepared: Prepared, result: Result | None) -> int:
    """Print the leaderboard of the plan's records and what is missing; return the exit status."""
    from rich.console import Console

    import leaderboards
    import reports.architectures
    import reports.standings
    import reports.terminal
    from bench.cli.results import first_student
    from leaderboards.ranks.standings import standings

    records = prepared.records if result is None else result.records
    boards = leaderboards.build(records)
    reports.terminal.render(boards, Console())
    reports.standings.terminal(standings(boards), Console())
    tables = leaderboards.architectures(boards, preferred=first_student(prepared.run))
    reports.architectures.terminal(tables, Console())
    failed = len(prepared.failed) if result is None else len(result.failed)
    blocked = 0 if result is None else len(result.blocked)
    if result is None and not failed:
        typer.echo("Nothing to do: every unit has its record.")
    if failed or blocked:
        folder = prepared.options.out / "failures"
        typer.echo(
            f"{failed} units failed and {blocked} more depend on them; see {folder}.", err=True
        )
    if boards:
        out = shlex.quote(str(prepared.options.out))
        typer.echo(f"A page of this run: `bench report {out}`", err=True)
    return 1 if failed or blocked else 0

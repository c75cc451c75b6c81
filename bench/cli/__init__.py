"""The command line: parse, call one library function, print.

Exit status: 0 done, 1 a unit failed (or a set, file or record is not as it should be), 2 wrong
usage, 130 interrupted. Errors a user can mend are one sentence without a traceback.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, Any

import typer

from bench import __version__
from bench.cli.audit import audit
from bench.cli.baseline import baseline
from bench.cli.cache import cache
from bench.cli.cite import cite
from bench.cli.doctor import doctor
from bench.cli.fetch import fetch
from bench.cli.gate import check
from bench.cli.import_teacher import import_teacher
from bench.cli.inspect import list_names, show
from bench.cli.report import report
from bench.cli.results import leaderboard
from bench.cli.run import run
from bench.cli.score import score
from bench.cli.train_generator import train_generator
from bench.cli.tune import tune
from bench.cli.verify import verify
from bench.errors import BenchError

INTERRUPTED = 130

# Typer brings its own copy of click or uses the installed one, by version: ask its own classes.
_WrongUsage: type[Any] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)

app = typer.Typer(
    name="bench",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Benchmark and evaluation harness for dataset distillation.",
)
app.command()(run)
app.command()(score)
app.command("list")(list_names)
app.command()(show)
app.command()(leaderboard)
app.command()(report)
app.command()(cite)
app.command()(audit)
app.command()(baseline)
app.command()(check)
app.command()(verify)
app.command()(cache)
app.command()(doctor)
app.command()(fetch)
app.command()(tune)
app.command("train-generator")(train_generator)
app.command("import-teacher")(import_teacher)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"distillation-bench {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit status."""
    sys.exit(status_of(arguments))


def status_of(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    # Threads that wait by spinning make two processes on the same cores ten times slower; torch
    # reads this when it is first imported. Results do not depend on it.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # A terminated run ends as an interrupted one: in order, with what is done on the disk.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = typer.main.get_command(app)(arguments, prog_name="bench", standalone_mode=False)
        if status == INTERRUPTED:  # typer turns KeyboardInterrupt into this
            raise KeyboardInterrupt
        return status if isinstance(status, int) else 0
    except BenchError as error:
        _complain(str(error))
        return error.exit_status
    except _WrongUsage as error:
        _complain(f"{error.format_message()} See `bench --help`.")
        return 2
    except (KeyboardInterrupt, typer.Abort) as error:
        declined = isinstance(error, typer.Abort) and error.__cause__ is None
        _complain(
            "nothing was done."
            if declined
            else "interrupted; finished units are kept, run again to go on."
        )
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as in `bench list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _complain(sentence: str) -> None:
    print(f"bench: {_visible(sentence)}", file=sys.stderr)


def _visible(text: str) -> str:
    """Return text with control and direction characters, as names of files may have, escaped."""
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in text
    )

"""`bench baseline`: what a run has reached, for later runs to be held against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import OUT, number
from bench.errors import BenchError, UsageError
from leaderboards.gate.baseline_file import AGAINST, LEVEL, MARGIN, RELATIVE_MARGIN

if TYPE_CHECKING:
    from bench.records import Record
    from bench.store import Store


def baseline(
    folder: Annotated[Path, typer.Argument(help="Folder of a run.")] = OUT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write.")
    ] = None,
    margin: Annotated[
        float, typer.Option(parser=number, metavar="POINTS", help="Drop that is no regression.")
    ] = MARGIN,
    relative_margin: Annotated[
        float,
        typer.Option(
            parser=number, metavar="SHARE", help="The same where a score is no percentage."
        ),
    ] = RELATIVE_MARGIN,
    level: Annotated[
        float, typer.Option(parser=number, metavar="P", help="False alarms at the margin.")
    ] = LEVEL,
    against: Annotated[
        float, typer.Option(parser=number, metavar="POINTS", help="Drop that power is stated for.")
    ] = AGAINST,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file; go on although units have failed.")
    ] = False,
) -> None:
    """Write what a run has reached into a file that `bench check` holds later runs against."""
    if output is None:
        raise UsageError("`bench baseline` needs a file to write: name it with `-o FILE`.")
    if output.exists() and not force:
        raise UsageError(
            f"{str(output)!r} exists: name another file, or replace it with `--force`."
        )
    import reports.gate
    from bench.files import replace_file
    from bench.store import Store
    from leaderboards.gate import baseline_file, checking

    store = Store.existing(folder)
    records = list(store.records())
    if (failed := _failed(store, records)) and not force:
        raise BenchError(
            f"{str(folder)!r} has failed units that have no record ({failed}): try them again with "
            "`bench run --retry-failed`, or leave them out with `--force`."
        )
    made = baseline_file.from_records(
        records, level=level, margin=margin, relative_margin=relative_margin, against=against
    )
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        replace_file(output, baseline_file.encode(made))
    except OSError as error:
        raise UsageError(f"{str(output)!r} cannot be written ({error.strerror}).") from error
    typer.echo(f"Wrote {output}.")
    for sentence in reports.gate.promised(made, checking.promise(made)):
        typer.echo(sentence)


def _failed(store: Store, records: list[Record]) -> int:
    """Return the number of units that have failed and never succeeded."""
    failed = {path.name.partition(".")[0] for path in (store.root / "failures").glob("*.json")}
    return len(failed - {record.key for record in records})

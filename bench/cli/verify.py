"""`bench verify`: whether a run's folder is what it says it is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import OUT, DataRoot


def verify(
    folder: Annotated[Path, typer.Argument(help="Folder of a run.")] = OUT,
    content: Annotated[
        bool,
        typer.Option("--content", help="Read every real image too, trusting no earlier hash."),
    ] = False,
    data_root: DataRoot = None,
) -> int:
    """Check records, distilled sets and real sets against each other; changes nothing."""
    from bench.artefacts import default_cache
    from bench.store import Store
    from bench.verification import real_sets, unreadable
    from bench.verification import verify as verified

    store = Store.existing(folder)
    with tempfile.TemporaryDirectory() as fresh:
        cache = Path(fresh) if content else default_cache()
        reals, findings = real_sets(store, data_root, cache)
        result = verified(store, reals)
        findings += result.findings
        if content:
            findings += [finding for real in reals for finding in unreadable(real)]
    for finding in findings:
        typer.echo(f"{finding.kind}: {finding.sentence}")
    wrong = sum(finding.kind == "wrong" for finding in findings)
    typer.echo(
        f"{result.records} records, {result.sets} distilled sets, real sets: "
        f"{', '.join(result.reals) or 'none'}; {wrong or 'nothing'} wrong."
    )
    return 1 if wrong else 0

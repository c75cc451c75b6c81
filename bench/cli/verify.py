"""`bench verify`: whether a run's folder is what it says it is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import OUT, DataRoot

if TYPE_CHECKING:
    from bench.sets import RealSet
    from bench.store import Store
    from bench.verification import Finding


def verify(
    folder: Annotated[Path, typer.Argument(help="Folder of a run.")] = OUT,
    content: Annotated[
        bool,
        typer.Option("--content", help="Read every real image too, trusting no earlier hash."),
    ] = False,
    data_root: DataRoot = None,
) -> int:
    """Check records, distilled sets and real sets against each other; changes nothing."""
    from bench.store import Store
    from bench.verification import unreadable
    from bench.verification import verify as verified

    store = Store.existing(folder)
    reals, findings = _real_sets(store, data_root, content)
    result = verified(store, reals)
    findings += result.findings
    if content:
        findings += [finding for real in reals.values() for finding in unreadable(real)]
    for finding in findings:
        typer.echo(f"{finding.kind}: {finding.sentence}")
    wrong = sum(finding.kind == "wrong" for finding in findings)
    typer.echo(
        f"{result.records} records, {result.sets} distilled sets, real sets: "
        f"{', '.join(result.reals) or 'none'}; {wrong or 'nothing'} wrong."
    )
    return 1 if wrong else 0


def _real_sets(
    store: Store, data_root: Path | None, content: bool
) -> tuple[dict[str, RealSet], list[Finding]]:
    """Return the sets that the folder's plans name, as far as they are on this machine."""
    from bench import data, suites
    from bench.artefacts import default_cache
    from bench.errors import BenchError
    from bench.verification import Finding

    requests: dict[str, Path | None] = {}
    for plan in sorted((store.root / "plans").glob("*.json")):
        run = suites.load(str(plan)).run_spec({})
        root = data_root or (Path(run.data_root) if run.data_root else None)
        requests |= {request: root for request in run.datasets}
    reals: dict[str, RealSet] = {}
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory() as fresh:
        cache = Path(fresh) if content else default_cache()
        for request, root in requests.items():
            try:
                real = data.open_real_set(request, data_root=root, cache=cache)
            except BenchError as error:
                findings.append(Finding("unchecked", f"The real set {request!r}: {error}"))
            else:
                reals[real.card.name] = real
    return reals, findings

"""`bench score`: evaluate a distilled set that any tool has made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.job import start
from bench.cli.job_options import JobOptions, with_job_options
from bench.cli.options import TAKE, whole_number


@with_job_options("hold_out", "executor")
def score(
    folder: Annotated[Path, typer.Argument(help="A distilled set: class folders with images.")],
    dataset: Annotated[str, typer.Option(help="The real set it was distilled from.")],
    name: Annotated[str | None, typer.Option(help="Name in the leaderboard.")] = None,
    ipc: Annotated[
        int | None,
        typer.Option(parser=whole_number, metavar="N", help="Images per class; else as found."),
    ] = None,
    take: Annotated[str, typer.Option(help="exact, or first: the first IPC of a class.")] = "exact",
    *,
    job: JobOptions,
) -> int:
    """Evaluate a distilled set that any tool has made."""
    from bench import suites
    from bench.artefacts import default_cache
    from bench.cache import in_use
    from bench.data.download import network
    from bench.errors import unknown_name

    if take not in TAKE:
        raise unknown_name("value", take, TAKE, of="--take")
    with network.offline(job.offline or job.dry_run), in_use(default_cache()):
        if ipc is None:
            ipc = _images_per_class(folder, dataset, job.data_root)
        method, suite = _method(folder, name, take), suites.Suite({})
        keys = job.keys(methods=(method,), datasets=(dataset,), ipc=(ipc,))
        options = job.options()
        return start(suite.run_spec(keys), options, suite, dry_run=job.dry_run, yes=job.yes)


def _method(folder: Path, name: str | None, take: str) -> str:
    """Return the request for the set, which goes by the name of its folder if it has no other."""
    alias = f"{name}=" if name else ""
    return f"{alias}folder:{folder.resolve()}[take={take}]"


def _images_per_class(folder: Path, dataset: str, data_root: Path | None) -> int:
    from bench import data
    from bench.artefacts import default_cache
    from methods.folder import Folder

    data.fetch_missing(dataset, data_root=data_root, cache=default_cache())
    real = data.open_real_set(dataset, data_root=data_root, cache=default_cache())
    return Folder(str(folder)).count(real.card)

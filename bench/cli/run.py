"""`bench run`: the main job."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.cli.job import start
from bench.cli.job_options import JobOptions, with_job_options
from bench.cli.options import listed, whole_numbers


@with_job_options()
def run(
    suite: Annotated[
        str | None, typer.Argument(help="A suite by name or file, or a plan.json to replay.")
    ] = None,
    methods: Annotated[
        str | None, typer.Option(help='all, or such as random,"kmeans[n_init=5]".')
    ] = None,
    datasets: Annotated[
        str | None, typer.Option(help="Such as imagenette or mine=folder:PATH.")
    ] = None,
    ipc: Annotated[str | None, typer.Option(help="Images per class, such as 1,10,50.")] = None,
    *,
    job: JobOptions,
) -> int:
    """Distil, evaluate, record and rank; with nothing named, the suite `quick`."""
    from bench import suites
    from bench.cache import in_use
    from bench.data.download import network
    from bench.errors import unknown_name

    if job.executor != "inline":
        raise unknown_name("executor", job.executor, ["inline"])
    keys = job.keys(
        methods=listed(methods), datasets=listed(datasets), ipc=whole_numbers("--ipc", ipc)
    )
    named = bool(keys.keys() - {"data_root", "plugins", "control"})
    chosen = suites.Suite({}) if named and suite is None else suites.load(suite or "quick")
    options = job.options()
    with network.offline(job.offline), network.postponed(job.dry_run), in_use(options.cache):
        return start(chosen.run_spec(keys), options, chosen, dry_run=job.dry_run, yes=job.yes)

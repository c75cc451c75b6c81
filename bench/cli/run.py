"""`bench run`: the main job."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.cli.job import start
from bench.cli.options import (
    OUT,
    Compile,
    Control,
    DataRoot,
    Device,
    DryRun,
    HoldOut,
    Offline,
    Out,
    Plugin,
    Protocols,
    Repeats,
    Rerun,
    RetryFailed,
    Seeds,
    Setting,
    Students,
    Yes,
    compile_wish,
    given,
    listed,
    whole_numbers,
)


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
    protocols: Protocols = None,
    students: Students = None,
    seeds: Seeds = None,
    repeats: Repeats = None,
    hold_out: HoldOut = None,
    settings: Setting = None,
    control: Control = None,
    plugin: Plugin = None,
    data_root: DataRoot = None,
    device: Device = "auto",
    compile: Compile = "auto",
    executor: Annotated[str, typer.Option(help="How units are carried out: inline.")] = "inline",
    out: Out = OUT,
    dry_run: DryRun = False,
    yes: Yes = False,
    retry_failed: RetryFailed = False,
    rerun: Rerun = False,
    offline: Offline = False,
) -> int:
    """Distil, evaluate, record and rank; with nothing named, the suite `quick`."""
    from bench import suites
    from bench.cache import in_use
    from bench.data.download import network
    from bench.errors import unknown_name
    from bench.runner import Options

    if executor != "inline":
        raise unknown_name("executor", executor, ["inline"])
    keys = given(
        methods=listed(methods),
        datasets=listed(datasets),
        ipc=whole_numbers("--ipc", ipc),
        protocols=listed(protocols),
        students=listed(students),
        seeds=seeds,
        repeats=repeats,
        hold_out=hold_out,
        settings=tuple(settings) if settings else None,
        plugins=tuple(plugin) if plugin else None,
        data_root=str(data_root) if data_root else None,
        control=control,
    )
    named = bool(keys.keys() - {"data_root", "plugins", "control"})
    chosen = suites.Suite({}) if named and suite is None else suites.load(suite or "quick")
    options = Options(
        out, device, retry_failed=retry_failed, rerun=rerun, compile=compile_wish(compile)
    )
    with network.offline(offline), network.postponed(dry_run), in_use(options.cache):
        return start(chosen.run_spec(keys), options, chosen, dry_run=dry_run, yes=yes)

"""`bench score`: evaluate a distilled set that any tool has made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.job import start
from bench.cli.options import (
    OUT,
    TAKE,
    Compile,
    Control,
    DataRoot,
    Device,
    DryRun,
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
    whole_number,
)


def score(
    folder: Annotated[Path, typer.Argument(help="A distilled set: class folders with images.")],
    dataset: Annotated[str, typer.Option(help="The real set it was distilled from.")],
    name: Annotated[str | None, typer.Option(help="Name in the leaderboard.")] = None,
    ipc: Annotated[
        int | None,
        typer.Option(parser=whole_number, metavar="N", help="Images per class; else as found."),
    ] = None,
    take: Annotated[str, typer.Option(help="exact, or first: the first IPC of a class.")] = "exact",
    protocols: Protocols = None,
    students: Students = None,
    seeds: Seeds = None,
    repeats: Repeats = None,
    settings: Setting = None,
    control: Control = None,
    plugin: Plugin = None,
    data_root: DataRoot = None,
    device: Device = "auto",
    compile: Compile = "auto",
    out: Out = OUT,
    dry_run: DryRun = False,
    yes: Yes = False,
    retry_failed: RetryFailed = False,
    rerun: Rerun = False,
    offline: Offline = False,
) -> int:
    """Evaluate a distilled set that any tool has made."""
    from bench import suites
    from bench.artefacts import default_cache
    from bench.cache import in_use
    from bench.data.download import network
    from bench.errors import unknown_name
    from bench.runner import Options

    if take not in TAKE:
        raise unknown_name("value", take, TAKE, of="--take")
    with network.offline(offline or dry_run), in_use(default_cache()):
        if ipc is None:
            ipc = _images_per_class(folder, dataset, data_root)
        keys = given(
            methods=(_method(folder, name, take),),
            datasets=(dataset,),
            ipc=(ipc,),
            protocols=listed(protocols),
            students=listed(students),
            seeds=seeds,
            repeats=repeats,
            settings=tuple(settings) if settings else None,
            plugins=tuple(plugin) if plugin else None,
            data_root=str(data_root) if data_root else None,
            control=control,
        )
        options = Options(
            out, device, retry_failed=retry_failed, rerun=rerun, compile=compile_wish(compile)
        )
        suite = suites.Suite({})
        return start(suite.run_spec(keys), options, suite, dry_run=dry_run, yes=yes)


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

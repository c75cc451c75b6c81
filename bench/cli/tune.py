"""`bench tune`: train what generators learn from real sets, before a run needs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import DataRoot, Device, HoldOut, Offline, given, listed

if TYPE_CHECKING:
    from bench.context import Context
    from bench.tuning.run import TunedRun


def tune(
    tunings: Annotated[str, typer.Argument(help='Such as minimax,im or "minimax[epochs=2]".')],
    datasets: Annotated[str, typer.Option(help="Such as imagenette or mine=folder:PATH.")],
    generator: Annotated[
        str | None, typer.Option(help="Such as dit-xl-2-256; else the one meant for the set.")
    ] = None,
    class_map: Annotated[
        str | None,
        typer.Option(help="Classes that the generator knows by another id: a:n01440764,..."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Train anew and put weights, facts and losses here, not in the cache."),
    ] = None,
    hold_out: HoldOut = None,
    data_root: DataRoot = None,
    device: Device = "auto",
    offline: Offline = False,
) -> int:
    """Tune generators on real sets into the cache; an interrupted training is gone on with."""
    from bench.cache import in_use
    from bench.data.download import network
    from bench.request import RunSpec
    from bench.runner import Options
    from bench.tuner import trainings

    run = RunSpec(
        datasets=listed(datasets) or (),
        hold_out=hold_out or 0.0,
        data_root=str(data_root) if data_root else None,
    )
    fields = given(generator=generator, class_map=class_map and f"({class_map})")
    options = Options(device=device)
    with network.offline(offline), in_use(options.cache):
        for training, ctx in trainings(listed(tunings) or (), fields, run, options, typer.echo):
            typer.echo(_trained(training, ctx, to))
    return 0


def _trained(run: TunedRun, ctx: Context, to: Path | None) -> str:
    """Train into the cache or a folder; return what there is now."""
    from bench.cli.train_generator import Lines
    from bench.generators.training.stage import Watch
    from bench.tuner import train_into

    what = f"{run.title} on {run.dataset}"
    if to is None:
        ctx.get(run)
        return f"{what} is in the cache: {ctx.artefacts.path(run)}"
    path = train_into(to, run, ctx, Watch(report=Lines(what)))
    return f"{what}: {path.stat().st_size / 1e3:,.0f} kB in {path}"

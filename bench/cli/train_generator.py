"""`bench train-generator`: train the embedded generator anew, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import Device, whole_number

if TYPE_CHECKING:
    from bench.generators.training.stage import Watch

REPORT_SECONDS = 10.0


def train_generator(
    stage: Annotated[
        str, typer.Argument(help="autoencoder, transformer, features, gates or export; in order.")
    ],
    out: Annotated[
        Path, typer.Option(help="Folder of all stages; an existing one is gone on with.")
    ] = Path("runs/generator"),
    steps: Annotated[
        int | None,
        typer.Option(parser=whole_number, metavar="N", help="Training steps (features: epochs)."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of the stage, such as lr=0.001.")
    ] = None,
    device: Device = "auto",
    stop_after: Annotated[
        int | None,
        typer.Option(parser=whole_number, metavar="N", help="Stop after so many steps in all."),
    ] = None,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(parser=whole_number, metavar="N", help="Steps between checkpoints."),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(help="A card.json: take its settings, compare with its losses."),
    ] = None,
    autoencoder: Annotated[
        Path | None, typer.Option(help="Weights to train the transformer on; else those of --out.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Where export puts weights and card.")] = None,
) -> int:
    """Train the embedded generator: one stage, resumable, about two hours in all on 2 cores."""
    from bench.data.shapes import render
    from bench.generators.training.stages import Request, run_stage
    from bench.runner import device as found_device

    chosen = found_device(device)
    if chosen.type == "cuda":
        _same_numbers_every_time()
    fields = [_field(text) for text in settings or ()]
    if steps is not None:
        fields.append(("steps", str(steps)))
    request = Request(
        stage=stage,
        out=out,
        device=chosen,
        fields=tuple(fields),
        like=like,
        autoencoder=autoencoder,
        to=to,
        watch=_watch(stage, stop_after, checkpoint_every),
    )
    for line in run_stage(request, render):
        typer.echo(line)
    return 0


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise typer.BadParameter(f"`--set` expects name=value, got {text!r}.")
    return name.strip(), value.strip()


def _watch(stage: str, stop_after: int | None, checkpoint_every: int | None) -> Watch:
    """Return how a stage is watched; a step of the features and the gates is a whole epoch."""
    from bench.generators.training.stage import Watch

    by_epochs = stage in ("features", "gates")
    return Watch(
        checkpoint_every=checkpoint_every or (1 if by_epochs else 500),
        report_every=1 if by_epochs else 50,
        stop_after=stop_after,
        report=Lines(stage),
    )


class Lines:
    """Prints how far a training is, every ten seconds and at its end."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self._last = 0.0

    def __call__(self, done: int, steps: int, left: float, losses: Mapping[str, float]) -> None:
        """Print a line if the last one was long ago."""
        from bench.timing import duration

        now = time.monotonic()
        if now - self._last < REPORT_SECONDS and done < steps:
            return
        self._last = now
        shown = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
        typer.echo(f"{self.stage} {done}/{steps}: {shown} ({duration(left)} left)")


def _same_numbers_every_time() -> None:
    """Choose the accelerator's repeatable algorithms, where it has them."""
    import os

    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False

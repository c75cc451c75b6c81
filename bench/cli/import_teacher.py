"""`bench import-teacher`: make a teacher's checkpoint a file that cannot run code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from bench.cli.options import number, whole_number
from bench.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from bench.teachers.importing import Import


def import_teacher(
    file: Annotated[Path, typer.Argument(help="A pickled checkpoint (.pt, .pth) or safetensors.")],
    network: Annotated[
        str | None, typer.Option(help="The student that it is, such as torchvision/resnet18.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The safetensors file to write.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="Class of every output in order: ids, a file, or such as imagewoof."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="torchvision's name, such as ResNet50_Weights.IMAGENET1K_V2."),
    ] = None,
    key: Annotated[
        str, typer.Option(help="Entry of the checkpoint with the weights; else itself or model.")
    ] = "",
    norm: Annotated[str, typer.Option(help="batch or instance, of our own networks.")] = "batch",
    resolution: Annotated[
        int, typer.Option(parser=whole_number, metavar="N", help="Pixels of its images.")
    ] = 224,
    top1: Annotated[
        float | None,
        typer.Option(parser=number, metavar="PERCENT", help="What its authors state."),
    ] = None,
) -> None:
    """Import a teacher's weights; a pickle is read in a process of its own, tensors only."""
    from bench.teachers.importing import Import, import_teacher, of_torchvision, read_classes
    from bench.training.recipe import Norm

    if norm not in get_args(Norm):
        raise unknown_name("value", norm, get_args(Norm), of="--norm")
    if weights is not None:
        if network or classes:
            raise UsageError("`--weights` says network and classes already: leave those out.")
        _refuse_ignored(key, norm, resolution, top1)
        wanted = of_torchvision(file, weights, out)
    elif network is None or out is None:
        raise UsageError(
            "`bench import-teacher` needs `--network` and `--out`, or `--weights` for a file of "
            "torchvision's."
        )
    else:
        wanted = Import(
            file,
            out,
            network,
            cast("Norm", norm),
            resolution,
            key,
            read_classes(classes) if classes else (),
            top1,
        )
    typer.echo(_said(wanted, import_teacher(wanted)))


def _refuse_ignored(key: str, norm: str, resolution: int, top1: float | None) -> None:
    """Raise UsageError for what torchvision's own file leaves no choice of."""
    meant = {
        "--key": not key,
        "--norm": norm == "batch",
        "--resolution": resolution == 224,
        "--top1": top1 is None,
    }
    ignored = [f"`{option}`" for option, as_it_is in meant.items() if not as_it_is]
    if ignored:
        raise UsageError(
            f"`--weights` is a file of torchvision's, of which {' and '.join(ignored)} cannot be "
            f"chosen: leave {'it' if len(ignored) == 1 else 'them'} out."
        )


def _said(wanted: Import, count: int) -> str:
    size = f"{wanted.to.stat().st_size / 1e6:,.1f} MB"
    if wanted.weights:
        return f"{wanted.weights}: {count} classes, {size} in {wanted.to}"
    norm = "" if wanted.norm == "batch" else f",norm={wanted.norm}"
    request = f'"soft[teacher=file[path={wanted.to},network={wanted.network}{norm}]]"'
    order = "" if wanted.classes else ' (which class each is, is not said: add "classes=dataset")'
    return f"{count} classes{order}, {size} in {wanted.to}: ask for it as {request}"

"""The options that commands share, and how their text is read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from bench.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from bench.training.compiling import Wish


def whole_number(text: str | int) -> int:
    """Read the value of an option that counts."""
    try:
        return int(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected a whole number, got {text!r}.") from error


def number(text: str | float) -> float:
    """Read the value of an option that measures; what is not finite would disarm any bound."""
    try:
        found = float(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected a number, got {text!r}.") from error
    if not math.isfinite(found):
        raise typer.BadParameter(f"expected a finite number, got {text!r}.")
    return found


OUT = Path("runs/default")
TAKE = ("exact", "first")
BY = ("method", "architecture")

Out = Annotated[Path, typer.Option(help="Folder of the run; an existing one is gone on with.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:<number>.")]
DataRoot = Annotated[
    Path | None, typer.Option(help="Where ImageNet and other named sets lie; else BENCH_DATA.")
]
Protocols = Annotated[str | None, typer.Option(help='Such as hard or "hard[epochs=300]".')]
Students = Annotated[str | None, typer.Option(help='Such as convnet6,"convnet3[width=64]".')]
Repeats = Annotated[
    int | None,
    typer.Option(parser=whole_number, metavar="N", help="Students per distillation seed."),
]
Seeds = Annotated[
    int | None,
    typer.Option(parser=whole_number, metavar="N", help="Seeds 0 .. N-1 of sets and students."),
]
HoldOut = Annotated[
    float | None,
    typer.Option(
        parser=number,
        metavar="SHARE",
        help="Share of the training images to test on, not the test set: for tuning.",
    ),
]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", help="A field for all that have it, such as protocol.epochs=300."),
]
Plugin = Annotated[
    list[str] | None, typer.Option(help="Python file that registers methods or protocols.")
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Touch no network; BENCH_OFFLINE=1 says the same.")
]
Control = Annotated[
    bool | None,
    typer.Option("--control/--no-control", help="Add the controls that a protocol asks for."),
]
Compile = Annotated[
    str, typer.Option(help="Compile students: auto (where it pays), always or never.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan, time and bytes only.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a long run.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Try failed units again.")]
Rerun = Annotated[
    bool,
    typer.Option(
        "--rerun", help="Do all units again, images sampled anew; old records go to superseded/."
    ),
]


def compile_wish(text: str) -> Wish:
    """Read the value of `--compile`."""
    from bench.training.compiling import Wish

    if text not in get_args(Wish):
        raise unknown_name("value", text, get_args(Wish), of="--compile")
    return cast("Wish", text)


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given, by the keys of a `RunSpec`."""
    return {name: value for name, value in options.items() if value is not None}


def listed(text: str | None) -> tuple[str, ...] | None:
    """Split the value of an option at the commas outside brackets."""
    from bench.specs import split_outside

    return None if text is None else tuple(part for part in split_outside(text, ",") if part)


def whole_numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    """Read the value of an option that lists whole numbers."""
    try:
        return None if text is None else tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"`{option}` expects whole numbers with commas between them, got {text!r}."
        ) from error

"""`bench run` and `bench score`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from bench.estimate import Estimate
    from bench.plan import RunSpec
    from bench.runner import Options, Prepared, Result
    from bench.suites import Suite

ASK_ABOVE_SECONDS = 3600


def whole_number(text: str | int) -> int:
    """Read the value of an option that counts."""
    try:
        return int(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected a whole number, got {text!r}.") from error


OUT = Path("runs/default")
TAKE = ("exact", "first")

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
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", help="A field for all that have it, such as protocol.epochs=300."),
]
Plugin = Annotated[
    list[str] | None, typer.Option(help="Python file that registers methods or protocols.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan, time and bytes only.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a long run.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Try failed units again.")]
Rerun = Annotated[
    bool, typer.Option("--rerun", help="Do all units again; old records go to superseded/.")
]


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
    settings: Setting = None,
    plugin: Plugin = None,
    data_root: DataRoot = None,
    device: Device = "auto",
    executor: Annotated[str, typer.Option(help="How units are carried out: inline.")] = "inline",
    out: Out = OUT,
    dry_run: DryRun = False,
    yes: Yes = False,
    retry_failed: RetryFailed = False,
    rerun: Rerun = False,
) -> int:
    """Distil, evaluate, record and rank; with nothing named, the suite `quick`."""
    from bench import suites
    from bench.errors import unknown_name
    from bench.runner import Options

    if executor != "inline":
        raise unknown_name("executor", executor, ["inline"])
    given = _given(
        methods=_listed(methods),
        datasets=_listed(datasets),
        ipc=_numbers("--ipc", ipc),
        protocols=_listed(protocols),
        students=_listed(students),
        seeds=seeds,
        repeats=repeats,
        settings=tuple(settings) if settings else None,
        plugins=tuple(plugin) if plugin else None,
        data_root=str(data_root) if data_root else None,
    )
    named = bool(given.keys() - {"data_root", "plugins"})
    chosen = suites.Suite({}) if named and suite is None else suites.load(suite or "quick")
    options = Options(out, device, retry_failed=retry_failed, rerun=rerun)
    return _run(chosen.run_spec(given), options, chosen, dry_run=dry_run, yes=yes)


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
    plugin: Plugin = None,
    data_root: DataRoot = None,
    device: Device = "auto",
    out: Out = OUT,
    dry_run: DryRun = False,
    yes: Yes = False,
    retry_failed: RetryFailed = False,
    rerun: Rerun = False,
) -> int:
    """Evaluate a distilled set that any tool has made."""
    from bench import suites
    from bench.errors import unknown_name
    from bench.runner import Options

    if take not in TAKE:
        raise unknown_name("value", take, TAKE, of="--take")
    if ipc is None:
        ipc = _images_per_class(folder, dataset, data_root)
    given = _given(
        methods=(f"{name or folder.resolve().name}=folder:{folder}[take={take}]",),
        datasets=(dataset,),
        ipc=(ipc,),
        protocols=_listed(protocols),
        students=_listed(students),
        seeds=seeds,
        repeats=repeats,
        settings=tuple(settings) if settings else None,
        plugins=tuple(plugin) if plugin else None,
        data_root=str(data_root) if data_root else None,
    )
    options = Options(out, device, retry_failed=retry_failed, rerun=rerun)
    suite = suites.Suite({})
    return _run(suite.run_spec(given), options, suite, dry_run=dry_run, yes=yes)


def _run(spec: RunSpec, options: Options, suite: Suite, *, dry_run: bool, yes: bool) -> int:
    from rich.console import Console

    from bench import runner

    console = Console(stderr=True)
    prepared = runner.prepare(spec, options, console.print)
    _same_sets(prepared, suite)
    _say_what_is_done(prepared, console)
    if not prepared.pending:
        if dry_run:
            return 0
        return _conclude(prepared, None)
    workshop = prepared.workshop()
    cost = prepared.estimate(workshop)
    if dry_run or cost.total_seconds > ASK_ABOVE_SECONDS:
        _print_plan(prepared, cost)
    if dry_run:
        return 0
    if cost.total_seconds > ASK_ABOVE_SECONDS and not yes:
        _ask()
    from bench.progress import reporter

    result = runner.execute(prepared, workshop, reporter(console, cost.seconds))
    return _conclude(prepared, result)


def _images_per_class(folder: Path, dataset: str, data_root: Path | None) -> int:
    from bench import data
    from bench.artefacts import default_cache
    from methods.folder import Folder

    real = data.open_real_set(dataset, data_root=data_root, cache=default_cache())
    return Folder(str(folder)).count(real.card)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _listed(text: str | None) -> tuple[str, ...] | None:
    from bench.specs import split_outside

    return None if text is None else tuple(part for part in split_outside(text, ",") if part)


def _numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    try:
        return None if text is None else tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"`{option}` expects whole numbers with commas between them, got {text!r}."
        ) from error


def _same_sets(prepared: Prepared, suite: Suite) -> None:
    """Refuse to replay a plan on other images than those it was made for."""
    for name, revisions in suite.sets.items():
        card = prepared.reals[name].card if name in prepared.reals else None
        if card and (card.train_revision, card.test_revision) != (
            revisions["train"],
            revisions["test"],
        ):
            raise UsageError(
                f"The plan was made for {name!r} of revision {revisions['train'][:12]}, the set at "
                f"hand is {card.train_revision[:12]}: name the suite or the options instead."
            )


def _say_what_is_done(prepared: Prepared, console: Console) -> None:
    done = len(prepared.records)
    lines = [f"{len(prepared.units)} units: {done} done, {len(prepared.pending)} to do."]
    if done and not prepared.options.rerun and prepared.other_commits:
        lines.append(
            f"{prepared.other_commits} of the records are of another commit of this project; "
            "`--rerun` makes them anew."
        )
    if prepared.failed and not prepared.options.retry_failed:
        lines.append(
            f"{len(prepared.failed)} units failed earlier; `--retry-failed` tries them again."
        )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _print_plan(prepared: Prepared, cost: Estimate) -> None:
    from collections import Counter

    from bench.progress import duration

    kinds = Counter(unit.kind for unit in prepared.pending)
    typer.echo(f"To do: {kinds['distillation']} distillations, {kinds['evaluation']} evaluations.")
    for cell, count in Counter(unit.cell for unit in prepared.pending).items():
        typer.echo(f"  {count:4d} x {cell}")
    for artefact in prepared.missing_artefacts():
        typer.echo(f"  builds {artefact}; its time is not counted")
    if cost.unknown:
        typer.echo(f"  the time to distil is not known before the first: {', '.join(cost.unknown)}")
    typer.echo(
        f"Estimated time: {duration(cost.total_seconds)}, from earlier records or a short probe."
    )
    typer.echo(f"Distilled sets: at most {cost.distilled_bytes / 1e6:.1f} MB.")


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError("This run is estimated at more than an hour: pass `--yes` to start it.")
    typer.confirm("Start?", abort=True)


def _conclude(prepared: Prepared, result: Result | None) -> int:
    """Print the leaderboard of the plan's records and what is missing; return the exit status."""
    from rich.console import Console

    import leaderboards
    import reports.terminal

    records = prepared.records if result is None else result.records
    reports.terminal.render(leaderboards.build(records), Console())
    failed = len(prepared.failed) if result is None else len(result.failed)
    blocked = 0 if result is None else len(result.blocked)
    if result is None and not failed:
        typer.echo("Nothing to do: every unit has its record.")
    if failed or blocked:
        folder = prepared.options.out / "failures"
        typer.echo(
            f"{failed} units failed and {blocked} more depend on them; see {folder}.", err=True
        )
    return 1 if failed or blocked else 0

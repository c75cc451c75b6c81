"""`bench report`: a page that says what a run has found, and a paper's tables and figures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast, get_args

import typer

from bench.cli.options import OUT, listed, whole_numbers
from bench.errors import BenchError, UsageError, unknown_name

if TYPE_CHECKING:
    from bench.records import Failure
    from reports.material import Material

Spread = Literal["std", "interval"]
MARK = b'name="generator" content="distillation-bench'
"""What every page of ours holds, and so may be overwritten."""
TABLES = ("leaderboard.csv", "leaderboard.md")
"""What stands beside a page."""


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a run.")] = OUT,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder to write to; else report/ in that of the run."),
    ] = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="Also LaTeX tables, figures and a PDF page of them.")
    ] = False,
    spread: Annotated[str, typer.Option(help="Beside means in LaTeX: std or interval.")] = "std",
    title: Annotated[str | None, typer.Option(help="Heading of the page.")] = None,
    datasets: Annotated[str | None, typer.Option(help="Only these sets, such as A,B.")] = None,
    ipc: Annotated[str | None, typer.Option(help="Only these sizes, such as 1,10.")] = None,
) -> None:
    """Write a page of a run's records, which needs nothing else; trains nothing."""
    if spread not in get_args(Spread):
        raise unknown_name("value", spread, get_args(Spread), of="--spread")
    found = _gather(folder, listed(datasets), whole_numbers("--ipc", ipc))
    target = out or folder / "report"
    with _writing(target):
        _check_target(target)
    if paper:
        with _writing(target / "paper"):
            _check_paper(target / "paper")
    texts = _texts(found, title)
    with _writing(target):
        _write(texts, target)
    if paper:
        with _writing(target / "paper"):
            _write_paper(found, target / "paper", cast("Spread", spread))
    elif (target / "paper" / "paper.tex").is_file():
        typer.echo(
            f"{target / 'paper'} is of an earlier report: add `--paper` to write it anew.", err=True
        )
    typer.echo(f"Report: {(target / 'index.html').resolve()}")


def _gather(folder: Path, datasets: Sequence[str] | None, ipcs: Sequence[int] | None) -> Material:
    """Return what the page is made of; BenchError without evaluated records."""
    if datasets == ():
        raise UsageError("`--datasets` expects names with commas between them, got none.")
    from bench.cli.report_part import failures_of, records_of
    from bench.cli.results import preferred_student
    from bench.store import Store
    from reports import material

    store = Store.existing(folder)
    every = list(store.records())
    failures = _failures(store.root)
    records, selection = records_of(every, datasets, ipcs)
    if selection is not None:
        kept = failures_of(failures, datasets, ipcs)
        known = {one.key for one in kept} | {one.key for one in every}
        others = {one.key for one in failures} - known
        selection, failures = replace(selection, other_failures=len(others)), kept
    student = preferred_student(folder)
    found = material.gather(records, failures, store.root, student, selection)
    if not found.boards:
        raise BenchError(
            f"{str(folder)!r} has no evaluated records yet: run `bench run --out {folder}` first."
        )
    return found


def _failures(root: Path) -> list[Failure]:
    """Return all failed attempts, also where a later one has succeeded."""
    from bench.records import read_failure

    return [read_failure(path) for path in sorted((root / "failures").glob("*.json"))]


def _check_target(out: Path) -> None:
    """Raise UsageError if a folder is another's."""
    page = out / "index.html"
    place = out.resolve()
    runs = (one for one in (place, *place.parents) if (one / "bench.json").exists())
    run = next(runs, None)
    if run is not None and not place.is_relative_to(run / "report"):
        raise UsageError(
            f"`-o` must be a folder of its own, {str(out)!r} is part of a run: choose "
            f"{str(run / 'report')!r} or a folder outside the run."
        )
    if page.exists():
        others = [] if MARK in page.read_bytes() else ["index.html"]
    else:
        others = [name for name in TABLES if (out / name).exists()]
    if others:
        article = "an" if others == ["index.html"] else "a"
        raise UsageError(
            f"`-o` must be a folder of its own, {str(out)!r} holds {article} {others[0]} of "
            "something else: choose another one."
        )


def _check_paper(out: Path) -> None:
    """Raise UsageError if the folder of a paper is another's."""
    from reports.paper.writing import check

    check(out)


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Answer a folder that cannot be written with one sentence."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"`-o` must be a folder that can be written, {str(out)!r} is not ({error.strerror}): "
            "choose another one."
        ) from error


def _texts(found: Material, title: str | None) -> dict[str, str]:
    """Return the files by name, the page, which says whose they are, first."""
    import reports.long_csv
    import reports.markdown
    import reports.page

    return {
        "index.html": reports.page.page(found, title),
        "leaderboard.csv": reports.long_csv.render(found.boards),
        "leaderboard.md": reports.markdown.render(found.boards),
    }


def _write(texts: dict[str, str], target: Path) -> None:
    """Write the files, each in place of its predecessor, and say how large they are."""
    from bench.files import replace_file
    from leaderboards.headings import size

    target.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        content = text.encode()
        replace_file(target / name, content)
        typer.echo(f"Wrote {target / name} ({size(len(content))}).")


def _write_paper(found: Material, target: Path, spread: Spread) -> None:
    from reports import paper

    written = paper.write(found, target, spread)
    typer.echo(f"Wrote {len(written.files)} files for a paper to {target}.")
    for note in written.notes:
        typer.echo(note, err=True)

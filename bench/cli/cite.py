"""`bench cite`: what a paper on a run has to cite, and how it can describe the run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import OUT
from bench.errors import BenchError, unknown_name

PARTS = ("all", "bibtex", "paragraph")


def cite(
    folder: Annotated[Path, typer.Argument(help="Folder of a run.")] = OUT,
    part: Annotated[
        str,
        typer.Option(help=f"{', '.join(PARTS)}: entries, or LaTeX that says how it was run."),
    ] = "all",
) -> None:
    """Print BibTeX of all that a run used, below a paragraph that describes its protocol."""
    if part not in PARTS:
        raise unknown_name("part", part, PARTS)
    from bench.store import Store
    from reports import material
    from reports.citations import citing, comments
    from reports.words import protocol_words
    from reports.words.sentences import text_of

    found = material.gather(Store.existing(folder).records())
    if not found.boards:
        raise BenchError(
            f"{str(folder)!r} has no evaluated records yet: run `bench run --out {folder}` first."
        )
    if part == "paragraph":
        typer.echo(protocol_words.latex(found), nl=False)
        return
    if part == "all":
        said = (comments.comment(text_of(one)) for one in protocol_words.paragraphs(found))
        typer.echo("%\n".join(said))
    typer.echo(citing.bibtex(citing.cited(found.evidence)), nl=False)

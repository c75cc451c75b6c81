"""The folder of a paper: tables, figures, references, and a page that shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UsageError
from reports.citations import citing
from reports.material import Material
from reports.paper import figures, latex
from reports.paper.compiling import compile_pdf
from reports.paper.page import MARK, page
from reports.words import protocol_words

if TYPE_CHECKING:
    from reports.paper import Spread

NO_TEX = (
    "pdflatex is not here, so paper.tex was not compiled: `apt-get install "
    "texlive-latex-recommended`, then run the command again."
)
TARGETS = ("paper.pdf", "protocol.tex", "references.bib", "tables", "figures")
"""What is written beside `paper.tex`."""
WRITTEN = ".written"
"""Lists the files of the last time, so that those that are left over can be deleted."""


def write_into(
    material: Material, out: Path, spread: Spread
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Return the files that were written and what has to be said of them.

    UsageError where the folder holds a paper of someone else.
    """
    check(out)
    texts = dict(_texts(material, spread))
    drawn = figures.drawn(figures.chosen(material))
    out.mkdir(parents=True, exist_ok=True)
    # The page first: it says whose the others are.
    texts = {"paper.tex": page(texts, drawn), **texts}
    for folder in (out / "tables", out / "figures"):
        folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    files = [*(out / name for name in texts), *figures.written(drawn, out / "figures")]
    files.append(_without_older(out, files))
    (out / "paper.pdf").unlink(missing_ok=True)
    pdf = compile_pdf(out)
    notes = [] if pdf else [NO_TEX]
    return (*files, *([pdf] if pdf else [])), tuple(notes)


def _without_older(out: Path, files: Iterable[Path]) -> Path:
    """Delete what was written last time and not now; return the list for the next time."""
    names = {path.relative_to(out).as_posix() for path in files}
    listing = out / WRITTEN
    older = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    for name in set(older) - names:
        if re.fullmatch(r"(tables|figures)/[\w.-]+", name):
            (out / name).unlink(missing_ok=True)
    listing.write_text("".join(f"{name}\n" for name in sorted(names)), "utf-8", newline="\n")
    return listing


def check(out: Path) -> None:
    """Raise UsageError where a folder holds a paper of someone else."""
    if not _is_ours(out):
        raise UsageError(
            f"{out} must be a folder of its own, and holds the paper of something else: choose "
            "another one."
        )


def _is_ours(out: Path) -> bool:
    """Return whether a folder holds no paper yet, or one that was written here."""
    page = out / "paper.tex"
    if not page.exists():
        return out.is_dir() is out.exists() and not any((out / name).exists() for name in TARGETS)
    return page.read_text(encoding="utf-8", errors="replace").startswith(MARK)


def _texts(material: Material, spread: Spread) -> Iterator[tuple[str, str]]:
    """Yield files below the folder with their texts."""
    for name, table in latex.tables(material.boards, spread).items():
        yield f"tables/{name}.tex", f"{latex.NEEDS}\n{table}\n"
    yield "protocol.tex", protocol_words.latex(material)
    yield "references.bib", citing.bibtex(citing.cited(material.evidence))

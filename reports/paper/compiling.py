"""From a folder of LaTeX to a PDF, by the pdflatex of this machine.

The text comes from names that others chose: it is escaped, and TeX itself may run no command and
open no file outside the folder it works in.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.errors import BenchError
from reports.plain import plain

PARTS = ("*.tex", "*.bib", "tables/*.tex", "figures/*.pdf")
"""Files that the page is made of."""
PDFLATEX = ("pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "paper")
BIBTEX = ("bibtex", "paper")
SETTINGS = {
    "SOURCE_DATE_EPOCH": "0",
    "FORCE_SOURCE_DATE": "1",
    "openin_any": "p",
    "openout_any": "p",
    "max_print_line": "1000",
    "LC_ALL": "C",
}
"""No clock in the PDF, no file from elsewhere, and messages on one line."""
ELSEWHERE = ("TEXINPUTS", "BIBINPUTS", "BSTINPUTS", "TEXMFOUTPUT")
"""Variables of the user that would change what is read."""
SECONDS = 120
"""Of one command, at most."""


def compile_pdf(folder: Path) -> Path | None:
    """Return the page made of `paper.tex` in a folder; None where pdflatex or bibtex is absent.

    BenchError with the first error of the log where it cannot be made.
    """
    if not all(shutil.which(command[0]) for command in (PDFLATEX, BIBTEX)):
        return None
    with TemporaryDirectory() as temporary:
        place = Path(temporary)
        for path in (path for part in PARTS for path in folder.glob(part)):
            copy = place / path.relative_to(folder)
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, copy)
        _run(PDFLATEX, place)
        if r"\bibdata" in (place / "paper.aux").read_text(encoding="latin-1"):
            _run(BIBTEX, place)
            _run(PDFLATEX, place)
        _run(PDFLATEX, place)
        shutil.copyfile(place / "paper.pdf", folder / "paper.pdf")
    return folder / "paper.pdf"


def _run(command: tuple[str, ...], place: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    try:
        done = subprocess.run(
            command,
            cwd=place,
            env=kept | {"HOME": str(place)} | SETTINGS,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(
            f"`{command[0]}` did not end within {SECONDS} s: compile paper.tex by hand to see why."
        ) from error
    if done.returncode:
        raise BenchError(
            f"`{command[0]}` stopped at {_complaint(done.stdout)!r}: compile paper.tex by hand to "
            "see more."
        )


def _complaint(output: bytes) -> str:
    """Return the line of a log that says what is wrong."""
    lines = [plain(line) for line in output.decode("latin-1").splitlines()]
    wrong = [line for line in lines if line.startswith("!")]
    wrong += [line for line in lines if "rror" in line or line.startswith("I ")]
    return next(iter([*wrong, *reversed(lines)]), "nothing")[:200]

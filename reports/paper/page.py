"""The page that shows everything: protocol, tables, figures and references, in this order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from reports.paper import rows
from reports.paper.figures import Drawn

MARK = "% Written by `bench report --paper`, each time anew: copy what you change."
PREAMBLE = r"""
% Nothing of the clock or of the machine stands in the PDF.
\ifdefined\pdfinfoomitdate\pdfinfoomitdate=1 \pdftrailerid{}\pdfsuppressptexinfo=-1 \fi
\documentclass[10pt]{article}
\usepackage[letterpaper,textwidth=6.75in,textheight=9.5in]{geometry}
\usepackage{booktabs,graphicx,multicol}
\usepackage[font=footnotesize,labelfont=bf,skip=4pt]{caption}
\captionsetup[table]{skip=0pt}
\setlength{\columnsep}{0.25in} \setlength{\multicolsep}{18pt plus 6pt}
\emergencystretch=3em \tolerance=9999 \raggedbottom \raggedcolumns
% Nothing floats here, where there is little text: all stands in the order in which it is read.
\newenvironment{standing}[1]{\par\addvspace{10pt}\noindent
  \begin{minipage}{\linewidth}\captionsetup{type=#1}}{\end{minipage}\par\addvspace{10pt}}
\renewenvironment{table}[1][]{\begin{standing}{table}}{\end{standing}}
\renewenvironment{table*}[1][]{\begin{standing}{table}}{\end{standing}}
\renewenvironment{figure}[1][]{\begin{standing}{figure}}{\end{standing}}
\begin{document}
"""
REFERENCES = r"""\begin{multicols}{2}
\footnotesize\nocite{*}\bibliographystyle{plain}\bibliography{references}
\end{multicols}"""

LETTERS, LINE, ROW = 60, 9.5, 12.0
"""Letters of a line of a caption in one column; points of such a line and of a row of a table."""
HIGHEST = 640.0
"""Points of a column, about."""

_Part = tuple[bool, str]
"""Whether it stands in one of two columns, and its LaTeX."""


def page(texts: Mapping[str, str], drawn: Sequence[Drawn]) -> str:
    """Return the page of the files of a paper and of its figures."""
    parts = [
        *_section("Protocol", _protocol(texts)),
        *_section("Tables", _tables(texts)),
        *_section("Figures", ((False, row) for row in rows.latex(drawn))),
        *([(False, REFERENCES)] if "@" in texts["references.bib"] else []),
    ]
    return "\n".join([f"{MARK}{PREAMBLE}", *_in_columns(parts), r"\end{document}", ""])


def _protocol(texts: Mapping[str, str]) -> Iterator[_Part]:
    if texts["protocol.tex"].strip():
        yield True, r"\input{protocol}"


def _tables(texts: Mapping[str, str]) -> Iterator[_Part]:
    for name, text in texts.items():
        if name.startswith("tables/"):
            yield _is_narrow(text), rf"\input{{{name.removesuffix('.tex')}}}"


def _is_narrow(table: str) -> bool:
    """Return whether a table is one for a column, and no higher than that with its caption."""
    caption, _, body = table.partition(r"\end{table}")[0].partition(r"\begin{tabular}")
    points = LINE * len(caption) / LETTERS + ROW * body.count(r"\\")
    return r"\begin{table*}" not in table and points < HIGHEST


def _section(title: str, parts: Iterator[_Part]) -> Iterator[_Part]:
    """Yield parts, a heading before the first one."""
    for number, (narrow, text) in enumerate(parts):
        yield narrow, text if number else f"\\section*{{{title}}}\n{text}"


def _in_columns(parts: Sequence[_Part]) -> Iterator[str]:
    """Yield parts, those in a row that are narrow in two columns."""
    for narrow, group in groupby(parts, key=lambda part: part[0]):
        texts = [text for _, text in group]
        yield from [r"\begin{multicols}{2}", *texts, r"\end{multicols}"] if narrow else texts

"""How the numbers of the ledger were measured: their runs, their split, and what is known besides.

Read from what the sources and their code say (`read`) or concluded from it (`derived`); where
neither says anything, three runs and the images of ILSVRC2012 are assumed.
"""

from __future__ import annotations

from typing import NamedTuple

from leaderboards.published.ledger import Basis, Published


class Runs(NamedTuple):
    """The runs behind a published number."""

    n: int
    ddof: int = 1
    """0: the printed deviation is that of a population."""
    basis: Basis = ""
    """"" where the count is assumed."""
    one_set: bool = False
    """All of them are students of one distilled set."""


class _RunsOf(NamedTuple):
    """The runs behind the rows of a source; "" fits any."""

    source: str
    """Its beginning, as those of the others."""
    runs: Runs
    method: str = ""
    locator: str = ""

    def fits(self, row: Published) -> bool:
        """Return whether a row is one of them."""
        beginnings = (self.source, self.method, self.locator)
        texts = (row.source, row.method, row.locator)
        return all(text.startswith(one) for text, one in zip(texts, beginnings, strict=True))


ASSUMED = Runs(3)

RUNS = (
    _RunsOf("2311.15529", Runs(3, ddof=0, one_set=True)),
    _RunsOf("github-issue:vimar-gu/MinimaxDiffusion", Runs(1, basis="derived", one_set=True)),
    _RunsOf("ICLR2025:0whx8MhysK", Runs(5, ddof=0, basis="read", one_set=True)),
    _RunsOf("github-issue:mchen725/DD_IGD", Runs(5, ddof=0, basis="derived", one_set=True)),
    _RunsOf("2505.18399", Runs(5, ddof=0, basis="read", one_set=True)),
    # Of its own method alone: what it quotes of others has the runs of others.
    _RunsOf("2506.22637", Runs(3, ddof=0, basis="read", one_set=True), "CaO2"),
    _RunsOf("2506.23580", Runs(9, basis="derived"), "VLCP"),
    _RunsOf("2602.23295", ASSUMED, locator="summary of Table 1 (training-based reference column)"),
    _RunsOf("2602.23295", Runs(3, basis="read")),
    _RunsOf("2510.17421", Runs(3, basis="derived")),  # both by a summary
    _RunsOf("2505.18963", Runs(3, basis="derived")),
)
"""The first that fits counts; `ASSUMED` without any."""

ILSVRC, FASTAI = "ilsvrc2012", "fastai-v2"

SPLITS: dict[str, tuple[str, Basis]] = {
    "2311.15529": (ILSVRC, "read"),
    "github-issue:vimar-gu/MinimaxDiffusion#4": (FASTAI, "read"),
    "2603.13960": (FASTAI, "read"),
    "2506.23580": ("", "read"),
    "2602.23295": ("", "read"),
}
"""Split and basis by source; the split "" is unknown, and that of the others `ILSVRC`."""

TWO_SPLITS = ("ImageNette", "ImageWoof")
"""Published sets that fastai's archives have in another split."""

VARIANTS = (("2505.18963", "Table 6 (DDIM", "published with the sampler DDIM"),)
"""Beginnings of source and locator, and what is different there from the method as it is."""


REMARKS = (
    ("2510.17421", "soft", "", "the epochs of its soft labels are not stated"),
    ("", "hard", "Random", "official loaders take the first files by name where they say random"),
)
"""Beginning of the source, labels, method, and what is to be said of a number and is no known
difference; "" is any."""


def runs_of(row: Published) -> Runs:
    """Return the runs behind a number."""
    return next((one.runs for one in RUNS if one.fits(row)), ASSUMED)


def split_of(row: Published) -> tuple[str, Basis]:
    """Return the split behind a number, "" if unknown, and how that is known, "" if assumed."""
    return SPLITS.get(row.source, (ILSVRC, "" if row.dataset in TWO_SPLITS else "derived"))

"""All that a report is made of, gathered once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import leaderboards
from bench.records import Failure, Record
from leaderboards import Architectures, Board
from leaderboards.figures.evidence import Evidence
from leaderboards.figures.ipc_curves import IpcCurve, ipc_curves
from leaderboards.figures.relations import Relation, relations
from leaderboards.figures.trades import Trade, trades
from leaderboards.headings import Name
from leaderboards.published import audit, ledger
from leaderboards.ranks.standings import Standing, standings
from reports.attachments import Drawn, Sheet, planes, sheets
from reports.drawings.palette import colours
from reports.unread import Unread


@dataclass(frozen=True)
class Selection:
    """What was asked for of a run, where that leaves real sets or IPCs of it out."""

    datasets: tuple[str, ...]
    other_datasets: tuple[str, ...]
    """Left out, as far as their names go."""
    ipcs: tuple[int, ...]
    other_ipcs: tuple[int, ...]
    """Of the sets that are shown, left out."""
    other_failures: int = 0
    """Units that failed of what is left out."""


@dataclass(frozen=True, eq=False)
class Material:
    """Boards and what lies behind them."""

    boards: tuple[Board, ...]
    """With published numbers in the cells of best epochs."""
    evidence: Evidence
    standings: tuple[Standing, ...]
    architectures: tuple[Architectures, ...]
    failures: tuple[Failure, ...]
    colours: Mapping[Name, int]
    folder: Path | None
    """Of attachments; None: none are read."""
    selection: Selection | None = None
    """None: all of the run is there."""

    @cached_property
    def relations(self) -> list[Relation]:
        """Return image scores beside accuracies."""
        return relations(self.boards)

    @cached_property
    def trades(self) -> list[Trade]:
        """Return costs beside accuracies."""
        return trades(self.boards)

    @cached_property
    def ipc_curves(self) -> list[IpcCurve]:
        """Return accuracies by IPC."""
        return ipc_curves(self.boards)

    @cached_property
    def sheets(self) -> tuple[list[Sheet], list[Unread]]:
        """Return contact sheets, and those that cannot be read."""
        return sheets(self.boards, self.evidence, self.folder) if self.folder else ([], [])

    @cached_property
    def planes(self) -> tuple[list[Drawn], list[Unread]]:
        """Return features in two dimensions, and those that cannot be read."""
        return planes(self.boards, self.evidence, self.folder) if self.folder else ([], [])


def gather(
    records: Iterable[Record],
    failures: Iterable[Failure] = (),
    folder: Path | None = None,
    preferred: str | None = None,
    selection: Selection | None = None,
) -> Material:
    """Return the material of a run's records, or of those that `selection` says were asked for.

    `preferred` is the reference student, if any.
    """
    evidence = Evidence.of(records)
    boards = audit.quoted(leaderboards.build(evidence.records), ledger.read())
    ranked = standings(boards)
    return Material(
        tuple(boards),
        evidence,
        tuple(ranked),
        tuple(leaderboards.architectures(boards, preferred=preferred)),
        tuple(failures),
        colours(boards, ranked),
        folder,
        selection,
    )

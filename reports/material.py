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
    def sheets(self) -> tuple[list[Sheet], list[str]]:
        """Return contact sheets, and sentences on those that cannot be read."""
        return sheets(self)

    @cached_property
    def planes(self) -> tuple[list[Drawn], list[str]]:
        """Return features in two dimensions, and sentences on those that cannot be read."""
        return planes(self)


def gather(
    records: Iterable[Record],
    failures: Iterable[Failure] = (),
    folder: Path | None = None,
    preferred: str | None = None,
) -> Material:
    """Return the material of a run's records; `preferred` is the reference student, if any."""
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
    )

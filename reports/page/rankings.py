"""The tables of average ranks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leaderboards.ranks.standings import Standing
from reports import standings
from reports.plain import plain


@dataclass(frozen=True)
class Ranking:
    """The average ranks of one score."""

    caption: str
    lines: tuple[tuple[str, str, str], ...]
    """Method, average rank and interval."""


def rankings(found: Iterable[Standing]) -> list[Ranking]:
    """Return the tables of average ranks."""
    return [
        Ranking(
            standings.caption(standing),
            tuple(
                (plain(method), f"{rank:.1f}", f"[{low:.1f}, {high:.1f}]")
                for method, rank, low, high in zip(
                    standing.methods, standing.mean_rank, standing.low, standing.high, strict=True
                )
            ),
        )
        for standing in found
    ]

"""Leaderboards: records in, ranking out; pure functions that need no torch."""

from __future__ import annotations

from leaderboards.architectures import Architectures, Drop, architectures
from leaderboards.frame import frame
from leaderboards.ranks.statistics import Cell, Value
from leaderboards.table import Board, Column, Row, build

__all__ = [
    "Architectures",
    "Board",
    "Cell",
    "Column",
    "Drop",
    "Row",
    "Value",
    "architectures",
    "build",
    "frame",
]

"""Leaderboards: records in, ranking out; pure functions that need no torch."""

from __future__ import annotations

from leaderboards.statistics import Cell, Value
from leaderboards.table import Board, Column, Row, build

__all__ = ["Board", "Cell", "Column", "Row", "Value", "build"]

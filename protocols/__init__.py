"""Protocols turn a distilled set into scores; every published recipe is one instance here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.hard import HardLabel

if TYPE_CHECKING:
    from bench.contracts import EvalProtocol

PROTOCOLS: dict[str, EvalProtocol] = {
    "hard/minimax": HardLabel(),
}

ALIASES = {"hard": "hard/minimax"}
"""Short names and the protocol each stands for; records hold the long one."""

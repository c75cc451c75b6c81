"""What a figure shows, before anything draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Mark:
    """One value."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    shape: Literal["dot", "ring", "none"] = "dot"
    text: str = ""
    """Shown where a pointer rests on it; plain."""


@dataclass(frozen=True)
class Line:
    """Values that belong together."""

    name: str
    marks: tuple[Mark, ...]
    colour: int = -1
    """Position in the palette; -1 is grey."""
    joined: bool = True
    labelled: bool = True
    dashed: bool = False


@dataclass(frozen=True)
class Axis:
    """One direction."""

    title: str
    low: float
    high: float
    log: bool = False
    decimals: int = 0
    names: tuple[str, ...] = ()
    """Categories at 0, 1, 2, ...; on the vertical axis from above."""
    ticks: tuple[float, ...] = ()
    """Where marks stand; () leaves that to the renderer."""


@dataclass(frozen=True)
class Chart:
    """Lines and dots between two axes."""

    slug: str
    title: str
    note: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    across: bool = False
    """Intervals lie along x."""
    band: tuple[float, float] | None = None
    """Rows of y that are shaded: not separated from the best."""


@dataclass(frozen=True)
class Panel:
    """One small picture of a cloud."""

    title: str
    real: str
    """Key into `Cloud.points`."""
    distilled: tuple[tuple[int, str], ...]
    """(colour, key)."""


@dataclass(frozen=True)
class Cloud:
    """Points of features in two dimensions, a panel for each row and column."""

    slug: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    panels: tuple[tuple[Panel | None, ...], ...]
    points: Mapping[str, tuple[tuple[int, int], ...]]
    """Integers 0 to 999, y downwards."""


@dataclass(frozen=True)
class Grid:
    """A table whose cells are shaded."""

    slug: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...]
    shades: tuple[tuple[int | None, ...], ...]
    """0 (palest) to 8."""


Drawing = Chart | Cloud | Grid

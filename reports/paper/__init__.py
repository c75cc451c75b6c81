"""Tables and figures for a paper."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from reports.material import Material

Spread = Literal["std", "interval"]
"""What stands beside a mean: the sample standard deviation, or the 95% interval of the mean."""


@dataclass(frozen=True)
class Paper:
    """What was written."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def write(material: Material, out: Path, spread: Spread = "std") -> Paper:
    """Write tables, figures, references and a page of them into the folder `out`."""
    from reports.paper.writing import write_into

    return Paper(*write_into(material, out, spread))

"""The figures of a report, as descriptions that several renderers draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reports.drawings.against import against
from reports.drawings.by_ipc import by_ipc
from reports.drawings.coverage import coverage
from reports.drawings.forest import forests as forests
from reports.drawings.guidance import guidance
from reports.drawings.heat import heat
from reports.drawings.pareto import pareto
from reports.drawings.training import training

if TYPE_CHECKING:
    from reports.drawings.chart import Drawing
    from reports.material import Material

SECTIONS: dict[str, Callable[[Material], list[Drawing]]] = {
    "by-ipc": by_ipc,
    "training": training,
    "metrics": against,
    "architectures": heat,
    "cost": pareto,
    "coverage": coverage,
    "guidance": guidance,
}
"""Section of the page to the function that makes its figures."""

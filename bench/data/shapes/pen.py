"""What an object is drawn with: its frame, its colours, its light, and the canvas under it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.data.shapes.canvas import Canvas, Frame, Number, column, coverage, steps

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from bench.data.shapes.colours import Palette
    from bench.data.shapes.draws import Draws

GRID = 5
"""Points per side of the grid behind a field of blotches."""


@dataclass(frozen=True, eq=False)
class Pen:
    """Draws the parts of an object back to front; every part takes the same light."""

    canvas: Canvas
    frame: Frame
    draws: Draws
    palette: Palette
    surface: Tensor
    """Light on the object times its texture, about 1, float32 `[N, FINE, FINE]`."""
    rim: NDArray[np.float64]
    """How much darker a part is at its edge, which makes it look round `[N]`."""

    def fill(self, distance: Tensor, colour: NDArray[np.float64], rim: float = 1.0) -> None:
        """Fill a form of the object's frame; `rim` scales the darkening of its edge."""
        cover = coverage(distance, self.frame.unit)
        shade = self.surface
        if rim > 0.0:
            edge = (distance * column(self.frame.unit / 8.0) + 1.0).clamp_(0.0, 1.0)
            shade = shade * (1.0 - edge * column(self.rim * rim))
        self.canvas.fill(cover, colour, shade)

    def at(self, x: Number, y: Number, tilt: Number = 0.0) -> Pen:
        """Return the same pen in a frame moved to (x, y) and turned by `tilt` radians."""
        return replace(self, frame=self.frame.at(x, y, tilt))


def blotches(draws: Draws) -> Tensor:
    """Draw smooth random fields in [-1, 1] without any fine detail, `[N, FINE, FINE]`."""
    grid = torch.stack(
        [
            torch.stack([_flat(draws.uniform(-1.0, 1.0)) for _ in range(GRID)], dim=1)
            for _ in range(GRID)
        ],
        dim=1,
    )
    weights = _weights()
    rows = _mixed([grid[:, k, None, :] * weights[k][:, None] for k in range(GRID)])
    return _mixed([rows[:, :, k, None] * weights[k] for k in range(GRID)])


def _flat(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _weights() -> list[Tensor]:
    """Return for every grid point its weight along one side, a smooth bump `[FINE]`."""
    place = (steps() + 1.0) * ((GRID - 1) / 2)
    near = [(1.0 - (place - k).abs()).clamp(min=0.0) for k in range(GRID)]
    return [n * n * (3.0 - 2.0 * n) for n in near]


def _mixed(parts: list[Tensor]) -> Tensor:
    # Added one by one, for the order in which `sum` adds is not the same everywhere.
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole

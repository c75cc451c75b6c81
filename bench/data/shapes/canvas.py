"""Drawing a batch of images at twice their size: layers of colour on float32 planes.

Everything done per pixel is an addition, multiplication, division, square root or comparison, which
IEEE 754 rounds in one way only. Sines and the like are taken of parameters, in float64. So the
pixels are the same on every machine and with any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import Tensor

from bench.data.shapes import SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINE = 2 * SIDE
"""Pixels per side of the canvas; four of them are averaged into one."""

Number: TypeAlias = "float | NDArray[np.float64]"
"""A parameter: the same for all images, or one value per image `[N]`."""


def column(value: Number) -> Tensor | float:
    """Return a parameter so that it meets planes `[N, FINE, FINE]` image by image."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.astype(np.float32)).view(-1, 1, 1)
    return float(value)


def steps() -> Tensor:
    """Return the centres of the canvas pixels along one side, float32 `[FINE]` in (-1, 1)."""
    return (torch.arange(FINE, dtype=torch.float32) + 0.5) * (2.0 / FINE) - 1.0


@dataclass(frozen=True, eq=False)
class Frame:
    """Coordinates (u, v) that an object is drawn in, u to the right and v down.

    An affine map of the canvas, which is [-1, 1] x [-1, 1]: u = ux x + uy y + u0, and so is v.
    """

    ux: NDArray[np.float64]
    uy: NDArray[np.float64]
    u0: NDArray[np.float64]
    vx: NDArray[np.float64]
    vy: NDArray[np.float64]
    v0: NDArray[np.float64]
    unit: NDArray[np.float64]
    """Canvas pixels per unit of u and v."""

    @classmethod
    def whole(cls, count: int) -> Frame:
        """Return the canvas itself."""
        one, nil = np.ones(count), np.zeros(count)
        return cls(one, nil, nil, nil, one, nil, one * (FINE / 2))

    def placed(self, x: Number, y: Number, scale: Number, tilt: Number = 0.0) -> Frame:
        """Return the frame with origin (x, y), `scale` as large and turned by `tilt` radians."""
        cos, sin = np.cos(tilt) / scale, np.sin(tilt) / scale
        u0, v0 = self.u0 - x, self.v0 - y
        return Frame(
            cos * self.ux + sin * self.vx,
            cos * self.uy + sin * self.vy,
            cos * u0 + sin * v0,
            cos * self.vx - sin * self.ux,
            cos * self.vy - sin * self.uy,
            cos * v0 - sin * u0,
            self.unit * scale,
        )

    def at(self, x: Number, y: Number, tilt: Number = 0.0) -> Frame:
        """Return the frame with its origin moved to (x, y) and turned, of the same scale."""
        return self.placed(x, y, 1.0, tilt)

    def stretched(self, wide: Number, high: Number) -> Frame:
        """Return the frame with both axes stretched; `unit` becomes the mean of both."""
        ux, uy, u0 = self.ux / wide, self.uy / wide, self.u0 / wide
        vx, vy, v0 = self.vx / high, self.vy / high, self.v0 / high
        return Frame(ux, uy, u0, vx, vy, v0, self.unit * (wide + high) / 2)

    def mirrored(self, where: NDArray[np.bool_]) -> Frame:
        """Return the frame with left and right changed in some images."""
        sign = np.where(where, -1.0, 1.0)
        return replace(self, ux=self.ux * sign, uy=self.uy * sign, u0=self.u0 * sign)

    @property
    def origin(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where on the canvas u and v are 0."""
        determinant = self.ux * self.vy - self.uy * self.vx
        x = (self.uy * self.v0 - self.vy * self.u0) / determinant
        return x, (self.vx * self.u0 - self.ux * self.v0) / determinant

    @cached_property
    def u(self) -> Tensor:
        """Return u of every canvas pixel, float32 `[N, FINE, FINE]`."""
        return _affine(self.ux, self.uy, self.u0)

    @cached_property
    def v(self) -> Tensor:
        """Return v of every canvas pixel, float32 `[N, FINE, FINE]`."""
        return _affine(self.vx, self.vy, self.v0)


def _affine(x: NDArray[np.float64], y: NDArray[np.float64], shift: NDArray[np.float64]) -> Tensor:
    across, down = steps(), steps().view(-1, 1)
    return across * column(x) + (down * column(y) + column(shift))


class Canvas:
    """Three planes of light, filled back to front."""

    def __init__(self, red: Tensor, green: Tensor, blue: Tensor) -> None:
        """Start from a background, three float32 `[N, FINE, FINE]`, which are painted over."""
        self.planes = (red, green, blue)

    def fill(self, cover: Tensor, colour: NDArray[np.float64], shade: Tensor | float) -> None:
        """Lay `colour` `[N, 3]` times `shade` over the canvas where `cover` in [0, 1] says so."""
        for channel, plane in enumerate(self.planes):
            light = shade * column(colour[:, channel])
            plane.add_((light - plane).mul_(cover))

    def halved(self) -> Tensor:
        """Return the mean of every 2 x 2 pixels, float32 `[N, 3, SIDE, SIDE]`."""
        pairs = [plane[:, ::2] + plane[:, 1::2] for plane in self.planes]
        return torch.stack([(rows[..., ::2] + rows[..., 1::2]) * 0.25 for rows in pairs], dim=1)


def coverage(distance: Tensor, unit: NDArray[np.float64], soft: Number = 1.0) -> Tensor:
    """Return how much of every canvas pixel lies inside, from a signed distance in units.

    The edge is `soft` canvas pixels wide.
    """
    return (0.5 - distance * column(unit / soft)).clamp_(0.0, 1.0)

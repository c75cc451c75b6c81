"""One picture of an object: background, clutter, setting, light, and what stands in front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch

from bench.data.shapes import SIDE
from bench.data.shapes.canvas import FINE, Canvas, Frame, column, coverage
from bench.data.shapes.colours import ANY, Palette, Range, apart, blend, draw_palette
from bench.data.shapes.draws import Draws
from bench.data.shapes.forms import box, ellipse
from bench.data.shapes.pen import Pen, blotches

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Plan: TypeAlias = Callable[[Pen], None]
"""Draws one body plan of a class in a frame where it fills about [-1, 1] x [-1, 1]."""


@dataclass(frozen=True)
class Setting:
    """How varied the pictures of a set are: the ends of what is drawn for every image."""

    scale: tuple[float, float]
    """Half the object's size as a share of half the picture's."""
    shift: float
    """Farthest shift of the centre along either axis, in half pictures."""
    tilt: float
    """Largest turn, in radians."""
    stretch: float
    """Largest relative stretch of the width, and squeeze."""
    clutter: float
    """Probability of each of the things behind the object."""
    occlusion: float
    """Probability that something stands in front of the object."""
    colours: Range = ANY
    """Which colours the objects have, whatever their class."""


def draw_scene(draws: Draws, plan: Plan, setting: Setting) -> NDArray[np.uint8]:
    """Return one picture per row of `draws`, uint8 `[N, 32, 32, 3]`."""
    palette = draw_palette(draws, setting.colours)
    frame = _posed(draws, setting)
    canvas = _background(draws, palette)
    _clutter(canvas, draws, palette, setting)
    _shadow(canvas, draws, frame)
    pen = Pen(canvas, frame, draws, palette, _surface(draws, frame), draws.uniform(0.0, 0.4))
    plan(pen)
    _occluder(canvas, draws, palette, setting, frame)
    return _exposed(canvas.halved(), draws)


def _posed(draws: Draws, setting: Setting) -> Frame:
    scale = draws.uniform(*setting.scale)
    room = np.minimum(setting.shift, 1.15 - scale)
    x, y = draws.uniform(-1.0, 1.0) * room, draws.uniform(-1.0, 1.0) * room
    frame = Frame.whole(len(draws)).placed(x, y, scale, draws.bell(setting.tilt))
    stretch = 1.0 + draws.bell(setting.stretch)
    return frame.stretched(stretch, 1.0 / stretch).mirrored(draws.chance(0.5))


def _background(draws: Draws, palette: Palette) -> Canvas:
    """Blend two colours along a slope with blotches, or part them at a horizon."""
    whole = Frame.whole(len(draws))
    across, down = draws.arrow(0.0, 0.5)
    share = whole.u * column(across) + whole.v * column(down)
    share = (share + blotches(draws) * column(draws.uniform(0.1, 0.6)) + 0.5).clamp_(0.0, 1.0)
    horizon = coverage(column(draws.uniform(-0.4, 0.9)) - whole.v, whole.unit, 3.0)
    share = share + (1.0 - 2.0 * share) * (horizon * column(draws.often(0.4)))
    first, step = palette.ground, palette.other - palette.ground
    red, green, blue = (share * column(step[:, c]) + column(first[:, c]) for c in range(3))
    return Canvas(red, green, blue)


def _clutter(canvas: Canvas, draws: Draws, palette: Palette, setting: Setting) -> None:
    """Put things without a meaning behind the object, a little out of focus."""
    for _ in range(4):
        colour = blend(palette.ground, ANY.draw(draws), draws.uniform(0.3, 0.9))
        thing, frame = _thing(draws, draws.uniform(-1.0, 1.0), draws.uniform(-1.0, 1.0))
        cover = coverage(thing, frame.unit, draws.uniform(1.5, 5.0))
        canvas.fill(cover.mul_(column(draws.often(setting.clutter))), colour, 1.0)


def _thing(draws: Draws, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Tensor, Frame]:
    """Draw anything between a stick, a plate and a ball around (x, y)."""
    frame = Frame.whole(len(draws)).at(x, y, draws.uniform(0.0, np.pi))
    wide, high = draws.uniform(0.08, 0.35), draws.uniform(0.08, 0.35)
    corner = np.minimum(wide, high) * draws.uniform(0.0, 1.0)
    return box(frame, 0.0, 0.0, wide, high, corner), frame


def _shadow(canvas: Canvas, draws: Draws, frame: Frame) -> None:
    """Darken the background below and beside the object."""
    x, y = draws.uniform(-0.35, 0.35), draws.uniform(0.3, 0.9)
    shadow = ellipse(frame, x, y, draws.uniform(0.6, 1.0), draws.uniform(0.15, 0.6))
    cover = coverage(shadow, frame.unit, draws.uniform(4.0, 14.0))
    strength = draws.uniform(0.0, 0.5) * draws.often(0.6)
    canvas.fill(cover.mul_(column(strength)), np.zeros((len(draws), 3)), 1.0)


def _surface(draws: Draws, frame: Frame) -> Tensor:
    """Return the light on the object: a slope from one side, and the blotches of its texture."""
    across, down = draws.arrow(0.0, 0.35)
    slope = frame.u * column(across) + frame.v * column(down)
    return slope + blotches(draws) * column(draws.uniform(0.0, 0.25)) + 1.0


def _occluder(
    canvas: Canvas, draws: Draws, palette: Palette, setting: Setting, frame: Frame
) -> None:
    """Put something in front of the object's outer part, never over its middle."""
    (x, y), (right, down) = frame.origin, draws.arrow(0.65, 1.0)
    half = frame.unit * (2.0 / FINE)
    thing, own = _thing(draws, x + right * half, y + down * half)
    colour = apart(ANY.draw(draws), palette.main, draws.uniform(0.1, 0.3))
    present = column(draws.often(setting.occlusion))
    canvas.fill(coverage(thing, own.unit, 1.5).mul_(present), colour, 1.0)


def _exposed(picture: Tensor, draws: Draws) -> NDArray[np.uint8]:
    """Light the finished picture `[N, 3, SIDE, SIDE]` and round it to 8 bits."""
    side = (torch.arange(SIDE, dtype=torch.float32) + 0.5) * (2.0 / SIDE) - 1.0
    across, down = draws.arrow(0.0, 0.25)
    light = side * column(across) + side.view(-1, 1) * column(down)
    light = (light + 1.0) * column(draws.uniform(0.65, 1.2))
    haze = column(draws.uniform(0.0, 0.25) * draws.often(0.5))
    grey = column(draws.uniform(0.4, 0.9))
    planes = []
    for channel in range(3):
        lit = picture[:, channel] * light * column(draws.uniform(0.9, 1.1))
        planes.append(lit + (grey - lit) * haze)
    levels = (torch.stack(planes, dim=-1) * 255.0).clamp_(0.0, 255.0)
    pixels: NDArray[np.uint8] = levels.round_().to(torch.uint8).numpy()
    return pixels

"""Colours of a scene, drawn without regard to the class, so that colour alone tells little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.data.shapes.draws import Draws, Numbers

    Colours = NDArray[np.float64]
    """One RGB colour per image, float64 `[N, 3]` in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Palette:
    """The colours of one scene; each is some way from the one it is seen against."""

    ground: Colours
    """Of the background."""
    other: Colours
    """Of the background's other part or end."""
    main: Colours
    """Of most of the object, apart from `ground`."""
    second: Colours
    """Of its other part, apart from `main`."""
    accent: Colours
    """Of details, apart from `main`."""
    dark: Colours
    """Nearly black."""
    pale: Colours
    """Nearly white."""


@dataclass(frozen=True)
class Range:
    """Which colours objects have."""

    hue: tuple[float, float] = (0.0, 1.0)
    saturation: tuple[float, float] = (0.15, 0.95)
    value: tuple[float, float] = (0.25, 1.0)

    def draw(self, draws: Draws) -> Colours:
        """Draw one colour per image."""
        return from_hsv(
            draws.uniform(*self.hue), draws.uniform(*self.saturation), draws.uniform(*self.value)
        )


ANY = Range()
"""Of all but animals."""
FUR = Range(hue=(-0.06, 0.16), saturation=(0.0, 0.75), value=(0.15, 1.0))
"""Browns, reds and greys."""


def draw_palette(draws: Draws, own: Range) -> Palette:
    """Draw the colours of every image; the object's own come from a range."""
    ground = from_hsv(draws.uniform(0, 1), draws.uniform(0.05, 0.5), draws.uniform(0.2, 0.9))
    other = blend(ground, ANY.draw(draws), draws.uniform(0.2, 0.6))
    main = apart(own.draw(draws), ground, draws.uniform(0.2, 0.4))
    second = apart(own.draw(draws), main, draws.uniform(0.16, 0.3))
    accent = apart(own.draw(draws), main, draws.uniform(0.16, 0.3))
    dark = from_hsv(draws.uniform(0, 1), draws.uniform(0, 0.6), draws.uniform(0.02, 0.26))
    pale = from_hsv(draws.uniform(0, 1), draws.uniform(0, 0.3), draws.uniform(0.76, 1.0))
    return Palette(ground, other, main, second, accent, dark, pale)


def from_hsv(hue: Numbers, saturation: Numbers, value: Numbers) -> Colours:
    """Return RGB colours `[N, 3]` of hue, saturation and value `[N]` in [0, 1]."""
    sector: Colours = (hue[:, None] * 6.0 + np.array([5.0, 3.0, 1.0])) % 6.0
    amount = np.clip(np.minimum(sector, 4.0 - sector), 0.0, 1.0)
    colour: Colours = value[:, None] * (1.0 - saturation[:, None] * amount)
    return colour


def blend(first: Colours, second: Colours, share: Numbers) -> Colours:
    """Return the mixture with `share` `[N]` of the second colour."""
    return np.asarray(first + (second - first) * share[:, None])


def luma(colour: Colours) -> Numbers:
    """Return how light every colour looks, `[N]` in [0, 1] (ITU-R BT.601)."""
    light: Numbers = 0.299 * colour[:, 0] + 0.587 * colour[:, 1] + 0.114 * colour[:, 2]
    return light


def apart(colour: Colours, other: Colours, gap: Numbers) -> Colours:
    """Return the colour, made lighter or darker until its luma is `gap` `[N]` from the other's.

    A colour that is far enough stays as it is; one that is not goes to the side with more room.
    """
    own, base = luma(colour), luma(other)
    wanted = base + np.where(base < 0.5, gap, -gap)
    step = np.where(np.abs(own - base) < gap, wanted - own, 0.0)
    moved: Colours = np.clip(colour + step[:, None], 0.0, 1.0)
    return moved

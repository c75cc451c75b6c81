"""A small procedural set, so that everything runs with nothing on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING

from bench.streams import Streams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.sets import ImageSet, RealSet

TOY_CLASSES = (
    "bars-flat", "bars-upright", "checks", "cross", "diamond", "disc", "ring", "square",
    "triangle-down", "triangle-up",
)  # fmt: skip

SIDE = 32


@dataclass(frozen=True)
class Toy:
    """Ten shapes and patterns of any place, size, tilt and colour on noise, 32 x 32 pixels.

    100 training and 50 test images per class, from fixed random streams. Both colours of an image
    are drawn without regard to its class, so that only the form tells the class.
    """

    description: str

    def find(self, name: str, data_root: Path | None) -> None:
        """Return None: the set is drawn on the spot."""

    def open(self, name: str, data_root: Path | None, cache: Path) -> RealSet:
        """Return the set; `data_root` and `cache` are not used."""
        from bench.data.folder import real_set

        train, test = _drawn("train", 100), _drawn("test", 50)
        return real_set(name, TOY_CLASSES, train, test, splits=("toy", "toy"), resolution=SIDE)


@once
def _drawn(split: str, per_class: int) -> ImageSet:
    import numpy as np

    from bench.data.revision import pixels_revision
    from bench.images import ArrayImages
    from bench.sets import ImageSet

    pixels = np.concatenate(
        [
            _class_images(name, Streams((0,)).numpy("toy", split, name), per_class)
            for name in TOY_CLASSES
        ]
    )
    pixels.flags.writeable = False
    labels = np.repeat(np.arange(len(TOY_CLASSES)), per_class)
    return ImageSet(ArrayImages(pixels), labels, pixels_revision(pixels, labels))


def _class_images(name: str, rng: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Return `count` images of one class, uint8 `[N, 32, 32, 3]`."""
    import numpy as np

    def draw(low: float, high: float) -> NDArray[np.float64]:
        return rng.uniform(low, high, (count, 1, 1))

    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    radius, tilt = draw(7.0, 13.0), draw(-0.25, 0.25)
    x, y = x - SIDE / 2 - draw(-4.0, 4.0), y - SIDE / 2 - draw(-4.0, 4.0)
    u = (np.cos(tilt) * x + np.sin(tilt) * y) / radius
    v = (np.cos(tilt) * y - np.sin(tilt) * x) / radius
    inside = _mask(name, u, v)[..., None]
    shape, ground = _colours(rng, count)
    noise = rng.normal(0.0, 18.0, (count, SIDE, SIDE, 3))
    return np.clip(np.where(inside, shape, ground) + noise, 0, 255).round().astype(np.uint8)


def _mask(name: str, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points belong to the form; it fills about [-1, 1] in both directions."""
    import numpy as np

    across, down, far = np.abs(u), np.abs(v), np.hypot(u, v)
    box = np.maximum(across, down) < 0.9
    forms: dict[str, NDArray[np.bool_]] = {
        "bars-flat": box & (np.floor(v * 2.8) % 2 == 0),
        "bars-upright": box & (np.floor(u * 2.8) % 2 == 0),
        "checks": box & ((np.floor(u * 2.2) + np.floor(v * 2.2)) % 2 == 0),
        "cross": box & (np.minimum(across, down) < 0.3),
        "diamond": across + down < 1.15,
        "disc": far < 0.95,
        "ring": (far < 1.0) & (far > 0.55),
        "square": box,
        "triangle-down": (down < 0.85) & (across < 0.5 * (0.85 - v)),
        "triangle-up": (down < 0.85) & (across < 0.5 * (0.85 + v)),
    }
    return forms[name]


def _colours(rng: np.random.Generator, count: int) -> tuple[NDArray[np.float64], ...]:
    """Return colours of form and ground `[N, 1, 1, 3]`, at least 80 apart in one channel."""
    import numpy as np

    ground = rng.uniform(30, 225, (count, 1, 1, 3))
    step = rng.uniform(80, 130, (count, 1, 1, 3)) * rng.integers(0, 2, (count, 1, 1, 3))
    step[..., :1] += np.where(step.sum(-1, keepdims=True) == 0, 100.0, 0.0)
    return np.where(ground < 127.5, ground + step, ground - step), ground

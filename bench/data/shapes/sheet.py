"""Draw the sample sheet of the documentation: `python -m bench.data.shapes.sheet OUT.png`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.data.shapes import CLASSES, SIDE, render

if TYPE_CHECKING:
    from numpy.typing import NDArray

EACH = 8
"""Images of every class: the first ones of the training split."""
TIMES = 2
"""Every pixel becomes a square of this side."""
GAP = 2
DROPPED = 0b11
"""Bits of every channel that the sheet does without, which nobody sees, to be a small file."""
MARGIN = 72
"""Pixels left of every row for the class name."""


def sheet(name: str, each: int = EACH, times: int = TIMES) -> NDArray[np.uint8]:
    """Return one row per class of a set under another, uint8 `[H, W, 3]`."""
    from PIL import Image, ImageDraw

    size = SIDE * times + GAP
    page = Image.new("RGB", (MARGIN + each * size, len(CLASSES[name]) * size), "white")
    write = ImageDraw.Draw(page)
    for row, class_id in enumerate(CLASSES[name]):
        write.text((4, row * size + size // 2 - 6), class_id, fill="black")
        for k, pixels in enumerate(render(name, "train", row, 0, each)):
            picture = Image.fromarray(pixels).resize((SIDE * times,) * 2, Image.Resampling.NEAREST)
            page.paste(picture, (MARGIN + k * size, row * size))
    return np.asarray(page) & ~np.uint8(DROPPED)


def main(arguments: list[str]) -> None:
    """Write both sets side by side to the file that is named."""
    from PIL import Image

    if len(arguments) != 1:
        raise SystemExit("Usage: python -m bench.data.shapes.sheet OUT.png")
    both = np.concatenate([sheet(name) for name in CLASSES], axis=1)
    Image.fromarray(both).save(Path(arguments[0]), optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])

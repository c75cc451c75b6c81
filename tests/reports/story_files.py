"""The attachments of the story: contact sheets in plain colours and points around four corners."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = ("bear", "cat", "dog", "fox")
SIDE, COLUMNS = 16, 10
"""Of contact sheets: pixels of an image, and images of a class."""


def attachments(
    folder: Path, at: str, dataset: str, position: int, ipc: int, seed: int
) -> dict[str, str]:
    """Write three contact sheets and the points of one set; return what a record says of them."""
    out = folder / at
    out.mkdir(parents=True)
    hues = {"distilled": 40 + 30 * position + seed, "nearest": 20, "real": 10 + len(dataset)}
    files = {}
    for kind, hue in hues.items():
        shown = COLUMNS if kind == "real" else min(ipc, COLUMNS)
        pixels = np.zeros((len(CLASSES), SIDE, shown, SIDE, 3), np.uint8)
        pixels[..., 0] = hue
        pixels[..., 1] = (60 * np.arange(len(CLASSES)))[:, None, None, None]
        pixels[..., 2] = (20 * np.arange(shown))[None, None, :, None]
        sheet = Image.fromarray(pixels.reshape(len(CLASSES) * SIDE, shown * SIDE, 3))
        sheet.save(out / f"{kind}.webp", quality=80, method=0)
        files[kind] = f"{at}/{kind}.webp"
    points = points_of(position, ipc)
    (out / "points.json").write_text(json.dumps(points), encoding="utf-8")
    return files | {"points": f"{at}/points.json"}


def points_of(position: int, ipc: int) -> dict[str, Any]:
    """Return real points on a square around each class's corner, and distilled ones nearby."""
    corners = ((-3.0, -3.0), (3.0, -3.0), (-3.0, 3.0), (3.0, 3.0))
    around = [(x / 2, y / 2) for x in (-2, -1, 0, 1, 2) for y in (-2, -1, 0, 1, 2)]
    real = [((cx + x, cy + y), c) for c, (cx, cy) in enumerate(corners) for x, y in around]
    near = [
        ((cx + 0.1 * k, cy + 0.2 * position), c)
        for c, (cx, cy) in enumerate(corners)
        for k in range(ipc)
    ]
    return {
        "version": 1,
        "extractor": "embedded",
        "split": "train",
        "classes": list(CLASSES),
        "explained": [0.14, 0.1],
        "real": {"xy": [xy for xy, _ in real], "label": [label for _, label in real]},
        "distilled": {"xy": [xy for xy, _ in near], "label": [label for _, label in near]},
        "sheet": {"side": SIDE, "columns": COLUMNS, "classes": list(range(len(CLASSES)))},
    }

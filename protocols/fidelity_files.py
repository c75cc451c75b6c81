"""What a report draws beside the scores: three contact sheets and the features in two dimensions.

All of it follows from the images and their features alone: equal sets give equal files, as far as
Pillow encodes them alike. The plane is that of the real features, so that the pictures of all
methods share their axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from PIL import Image

from bench.data.prefix import Prefix

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from bench.images import Images
    from bench.sets import DistilledSet, ImageSet
    from protocols.fidelity_sides import Sides

SIDE = 64
"""Pixels per side of an image on a sheet."""
COLUMNS = 10
"""Images of a class on a sheet, at most."""
ROWS = 10
"""Classes on a sheet: the first ones in label order."""
MISSING = -1
"""In place of an image's index: its cell stays black."""
REAL_POINTS, REAL_POINTS_OF_CLASS, DISTILLED_POINTS = 1_000, 100, 2_000
"""Points at most, as a file of 60 kB has room for."""


def contact_sheet(images: Images, rows: Sequence[Sequence[int]], side: int = SIDE) -> Image.Image:
    """Return images by their indices, a row of cells of `side` x `side` pixels for every row.

    The sheet is as wide as the longest row. Each image is scaled by its shorter side, enlarged
    without smoothing, and cropped at the centre.
    """
    width = max(1, *(len(row) for row in rows))
    sheet = np.zeros((len(rows) * side, width * side, 3), np.uint8)
    for y, row in enumerate(rows):
        for x, index in enumerate(row):
            if index != MISSING:
                cell = _cell(images.decode(index), side)
                sheet[y * side : (y + 1) * side, x * side : (x + 1) * side] = cell
    return Image.fromarray(sheet)


def write_sheets(
    out: Path, real: ImageSet, distilled: DistilledSet, nearest: NDArray[np.int64]
) -> dict[str, Path]:
    """Write the sheets "distilled", "nearest" and "real" of the first classes; return their paths.

    `nearest` int64 `[n]` has the index of the real image that stands below every distilled one,
    or `MISSING`.
    """
    shown = range(min(ROWS, len(distilled.classes)))
    first = [np.flatnonzero(distilled.labels == label)[:COLUMNS].tolist() for label in shown]
    sheets: dict[str, tuple[Images, list[list[int]]]] = {
        "distilled": (distilled.images, first),
        "nearest": (real.images, [nearest[row].tolist() for row in first]),
        "real": (real.images, [real.of_class(label)[:COLUMNS].tolist() for label in shown]),
    }
    paths = {}
    for name, (images, rows) in sheets.items():
        paths[name] = out / f"{name}.webp"
        contact_sheet(images, rows).save(paths[name], quality=90, method=4)
    return paths


def write_points(out: Path, sides: Sides, classes: Sequence[str], split: str) -> Path:
    """Write the features in the plane of the real ones as JSON, and return the path.

    Of the real images evenly spaced ones of every class are drawn, of the distilled ones the first.
    Coordinates have four digits.
    """
    real, distilled = _spaced(sides.real_labels, len(classes)), _first(sides.labels, len(classes))
    content = {
        "version": 1,
        "extractor": sides.extractor.name,
        "split": split,
        "classes": classes,
        "explained": [_rounded(share) for share in sides.statistics.explained],
        "real": _points(sides, sides.real_rows(real), sides.real_labels[real]),
        "distilled": _points(sides, sides.features[distilled], sides.labels[distilled]),
        "sheet": {
            "side": SIDE,
            "columns": COLUMNS,
            "classes": list(range(min(ROWS, len(classes)))),
        },
    }
    path = out / "points.json"
    path.write_bytes(msgspec.json.encode(content) + b"\n")
    return path


def _spaced(labels: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """Return rows of evenly spaced images of every class."""
    each = max(1, min(REAL_POINTS_OF_CLASS, REAL_POINTS // num_classes))
    found = [np.flatnonzero(labels == label) for label in range(num_classes)]
    counts = [min(each, len(rows)) for rows in found]
    chosen = [
        rows[np.arange(n) * len(rows) // n] for rows, n in zip(found, counts, strict=True) if n
    ]
    return np.concatenate(chosen)[:REAL_POINTS]


def _first(labels: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """Return rows of the first images of every class."""
    each = max(1, DISTILLED_POINTS // num_classes)
    found = [np.flatnonzero(labels == label)[:each] for label in range(num_classes)]
    return np.concatenate(found)[:DISTILLED_POINTS]


def _points(sides: Sides, features: Tensor, labels: NDArray[np.int64]) -> dict[str, Any]:
    """Return the points of features `[n, d]` and their labels `[n]`, as plain values."""
    plane = sides.statistics.plane
    xy = (features - sides.statistics.plane_mean) @ plane.T
    return {
        "xy": [[_rounded(x), _rounded(y)] for x, y in xy.tolist()],
        "label": labels.tolist(),
    }


def _rounded(number: float) -> float:
    return float(f"{number:.4g}")


def _cell(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    shorter = min(image.shape[:2])
    if shorter >= side:
        return Prefix(side, side).apply(image)
    square = Image.fromarray(Prefix(None, shorter).apply(image))
    return np.asarray(square.resize((side, side), Image.Resampling.NEAREST))

"""Two procedural sets that behave as photographs do, so that everything runs without a file.

`shapenette` has ten clearly different kinds of object, `shapewoof` ten animal faces that differ in
details: small cousins of ImageNette and ImageWoof. `docs/datasets.md` shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import unknown_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.sets import RealSet

CLASSES = {
    "shapenette": (
        "boat", "car", "chair", "cup", "fish", "flower", "house", "mushroom", "tree", "umbrella",
    ),
    "shapewoof": (
        "bear", "cat", "dog", "fox", "koala", "monkey", "mouse", "panda", "pig", "rabbit",
    ),
}  # fmt: skip
"""Class ids of both sets in label order."""

SIDE = 32
"""Pixels per side."""

SPLITS = {"train": 500, "test": 100}
"""Images per class of both splits."""


@dataclass(frozen=True)
class Shapes:
    """One of the two sets: 10 classes, 500 training and 100 test images each, 32 x 32 pixels."""

    description: str

    def find(self, name: str, data_root: Path | None) -> None:
        """Return None: the set is drawn, not found."""

    def open(self, name: str, data_root: Path | None, cache: Path) -> RealSet:
        """Return the set, drawn on its first opening and read from `cache` afterwards.

        Raises BenchError if the cache cannot be written.
        """
        from bench.data.folder import real_set
        from bench.data.shapes.rendered import rendered_set

        train, test = (
            rendered_set(name, split, per_class, cache) for split, per_class in SPLITS.items()
        )
        return real_set(
            name,
            CLASSES[name],
            train,
            test,
            splits=("drawn", "drawn"),
            resolution=SIDE,
            features="embedded",
        )


def render(name: str, split: str, class_index: int, start: int, count: int) -> NDArray[np.uint8]:
    """Return images `start` to `start + count` of one class, uint8 `[count, 32, 32, 3]`.

    Image k is the same whatever `start` and `count`, and there is no last one: images 0 to 499 of
    "train" and 0 to 99 of "test" are those of the set. The two splits share no image.

    Raises UsageError for an unknown set; ValueError for an unknown split or an index below zero.
    """
    from bench.data.shapes.rendered import drawn

    if name not in CLASSES:
        raise unknown_name("procedural set", name, CLASSES)
    if split not in SPLITS:
        raise ValueError(f"`split` must be 'train' or 'test', got {split!r}.")
    if not 0 <= class_index < len(CLASSES[name]):
        raise ValueError(f"`class_index` must lie in [0, 10), got {class_index}.")
    if start < 0 or count < 0:
        raise ValueError(f"`start` and `count` must be at least 0, got {start} and {count}.")
    return drawn(name, split, CLASSES[name][class_index], start, count)

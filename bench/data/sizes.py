"""What can be said of stored images from their headers and their files, undecoded."""

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

from bench.images import Chosen, FileImages

if TYPE_CHECKING:
    from collections.abc import Hashable

    from bench.images import Images

BLOCK = 1_000
"""Headers that are read before the sizes are compared: photographs differ among the first ones."""


def of_one_size(images: Images) -> bool:
    """Say whether all images have as many rows and columns as the first one.

    Headers of files are read by several threads, once a process; other images are decoded.
    """
    return _of_one_size(cast("Hashable", images))


@functools.lru_cache(maxsize=8)
def _of_one_size(images: Any) -> bool:
    first = size_of(images, 0)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(images), BLOCK):
            block = range(start, min(start + BLOCK, len(images)))
            if any(size != first for size in pool.map(lambda index: size_of(images, index), block)):
                return False
    return True


def file_bytes(images: Images) -> int | None:
    """Return how many bytes the files of the images have on the disk; None without files."""
    if isinstance(images, FileImages):
        return sum(images.path(index).stat().st_size for index in range(len(images)))
    return None


def size_of(images: Images, index: int) -> tuple[int, int]:
    """Return the height and the width of one image as it is stored."""
    from bench.data.decode import image_size

    if isinstance(images, Chosen):
        return size_of(images.whole, images.indices[index])
    if isinstance(images, FileImages):
        return image_size(images.path(index))
    height, width, _ = images.decode(index).shape
    return height, width

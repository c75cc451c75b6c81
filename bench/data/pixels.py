"""Decoded images as one uint8 array: in memory, or mapped from a file that is written once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from bench.errors import BenchError
from bench.images import Chosen, FileImages

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.data.prefix import Prefix
    from bench.images import Images
    from bench.sets import ImageSet

CACHED_FROM = 2_000
"""Sets of fewer images are decoded each time: it takes a second and leaves no file behind."""


def read_pixels(images: Images, prefix: Prefix) -> NDArray[np.uint8]:
    """Return all images after the prefix, uint8 `[N, 3, H, W]`, in memory.

    Raises BenchError if an image cannot be read or the sizes differ.
    """
    if len(images) == 0:
        raise ValueError("`images` must hold at least one image, got none.")
    decoded = _decoded(images, prefix)
    first = next(decoded)
    pixels = np.empty((len(images), *first.shape), np.uint8)
    pixels[0] = first
    for index, image in enumerate(decoded, start=1):
        pixels[index] = image
    return pixels


def cached_pixels(image_set: ImageSet, prefix: Prefix, cache: Path) -> NDArray[np.uint8]:
    """Return all images after the prefix, uint8 `[N, 3, H, W]`, mapped from `cache`.

    The file `pixels/<revision>-<prefix>.npy` is built once, under a lock, and appears whole or
    not at all; a damaged one is built again. Sets without a revision or with fewer than
    `CACHED_FROM` images are read into memory instead.

    Raises BenchError as `read_pixels`, and if the cache cannot be written or lacks the room.
    """
    from filelock import FileLock

    if not image_set.revision or len(image_set) < CACHED_FROM:
        return read_pixels(image_set.images, prefix)
    path = cache / "pixels" / f"{image_set.revision[:16]}-{prefix.key}.npy"
    found = _mapped(path, len(image_set), prefix)
    if found is not None:
        return found
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            found = _mapped(path, len(image_set), prefix)
            if found is None:
                _build(path, image_set.images, prefix)
    except OSError as error:
        raise BenchError(
            f"Decoded images cannot be kept in {path.parent} ({error.strerror or error}): "
            "free some space or choose another cache folder."
        ) from error
    found = _mapped(path, len(image_set), prefix) if found is None else found
    if found is None:
        raise BenchError(f"{path} was damaged while it was written: check the disk and run again.")
    return found


def _mapped(path: Path, num_images: int, prefix: Prefix) -> NDArray[np.uint8] | None:
    """Map a finished file; None if there is none or it is not what it should be.

    Copied on writing, because torch takes no array that cannot be written; nobody writes.
    """
    try:
        pixels: NDArray[np.uint8] = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    whole = pixels.dtype == np.uint8 and pixels.ndim == 4 and pixels.shape[:2] == (num_images, 3)
    fits = prefix.crop is None or pixels.shape[2:] == (prefix.crop, prefix.crop)
    return pixels if whole and fits else None


def _build(path: Path, images: Images, prefix: Prefix) -> None:
    """Write the file aside and rename it. A plain file: a full disk kills those who map one."""
    aside = path.with_suffix(".partial")
    try:
        with aside.open("wb") as file:
            for index, image in enumerate(_decoded(images, prefix)):
                if index == 0:
                    _require_room(path.parent, len(images), image.nbytes)
                    _write_header(file, (len(images), *image.shape))
                file.write(np.ascontiguousarray(image).tobytes())
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _require_room(folder: Path, num_images: int, bytes_each: int) -> None:
    """Refuse what would fill the disk only after hours of decoding."""
    needed, free = num_images * bytes_each, shutil.disk_usage(folder).free
    if needed > free:
        raise BenchError(
            f"{num_images:,} decoded images need {needed / 1e6:,.1f} MB in {folder}, where "
            f"{free / 1e6:,.1f} MB are free: free some space (`bench cache prune` removes what no "
            "record uses) or set BENCH_CACHE to a larger disk."
        )


def _write_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _decoded(images: Images, prefix: Prefix) -> Iterator[NDArray[np.uint8]]:
    """Yield every image as `[3, H, W]` in order; Pillow decodes outside Python's lock."""
    size: tuple[int, ...] | None = None
    workers = min(8, os.cpu_count() or 1)
    ahead = 32 * workers  # bounds the memory: a pool's `map` takes all it is given at once
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(images), ahead):
            block = range(start, min(start + ahead, len(images)))
            made = pool.map(lambda index: prefix.apply(images.decode(index)), block)
            for index, image in zip(block, made, strict=True):
                size = size or image.shape
                if image.shape != size:
                    raise _ragged(images, index, image.shape, size)
                yield image.transpose(2, 0, 1)


def _ragged(
    images: Images, index: int, shape: tuple[int, ...], first: tuple[int, ...]
) -> BenchError:
    return BenchError(
        f"{_where(images, index)} has {shape[1]}x{shape[0]} pixels where {_where(images, 0)} has "
        f"{first[1]}x{first[0]}, and students need one size: store the images so, or let the "
        "protocol resize and crop them first (its field `crop_from=prefix`)."
    )


def _where(images: Images, index: int) -> str:
    if isinstance(images, Chosen):
        return _where(images.whole, images.indices[index])
    return str(images.path(index)) if isinstance(images, FileImages) else f"image {index}"

"""The images of the procedural sets: drawn in batches, and kept in the cache once drawn."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.data.revision import pixels_revision
from bench.data.shapes import CLASSES, SIDE
from bench.errors import BenchError
from bench.files import replace_file
from bench.images import ArrayImages
from bench.sets import ImageSet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.data.shapes.scene import Plan, Setting

TOGETHER = 16
"""Images drawn at once: as many as keep a few planes of theirs in a core's cache."""


def drawn(name: str, split: str, class_id: str, start: int, count: int) -> NDArray[np.uint8]:
    """Return images `start` to `start + count` of a class, uint8 `[count, 32, 32, 3]`."""
    from bench.data.shapes.draws import Draws
    from bench.data.shapes.scene import draw_scene

    plans, setting = _plans(name, class_id)
    draws = Draws.of(name, split, class_id, start, count)
    chosen = draws.pick((1.0,) * len(plans))
    pixels = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for number, plan in enumerate(plans):
        rows = np.flatnonzero(chosen == number)
        for first in range(0, len(rows), TOGETHER):
            block = rows[first : first + TOGETHER]
            pixels[block] = draw_scene(draws.rows(block), plan, setting)
    return pixels


def _plans(name: str, class_id: str) -> tuple[tuple[Plan, ...], Setting]:
    if name == "shapenette":
        from bench.data.shapes import objects

        return objects.OBJECTS[class_id], objects.SETTING
    from bench.data.shapes import faces

    return faces.FACES[class_id], faces.SETTING


def rendered_set(name: str, split: str, per_class: int, cache: Path) -> ImageSet:
    """Return one split of a set, from `cache` or drawn once under a lock.

    The file `rendered/<name>-<split>-<per class>-<code>-<revision>.npy` appears whole or not at
    all; `code` is a hash of these modules, and pixels of another revision are drawn again.

    Raises BenchError if the cache cannot be written.
    """
    from filelock import FileLock

    labels = np.repeat(np.arange(len(CLASSES[name])), per_class)
    folder, stem = cache / "rendered", f"{name}-{split}-{per_class}-{_code()}"
    found = _kept(folder, stem, labels)
    if found is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / f"{stem}.lock"):
                found = _kept(folder, stem, labels) or _keep(folder, stem, labels, name, split)
        except OSError as error:
            raise BenchError(
                f"Drawn images cannot be kept in {folder} ({error.strerror or error}): "
                "free some space or choose another cache folder."
            ) from error
    return found


def _kept(folder: Path, stem: str, labels: NDArray[np.int64]) -> ImageSet | None:
    """Return what an earlier opening drew; None if there is none, or if it is damaged."""
    for path in sorted(folder.glob(f"{stem}-*.npy")):
        try:
            pixels: NDArray[np.uint8] = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            continue
        found = _image_set(pixels, labels)
        if path.stem == f"{stem}-{found.revision[:16]}":
            return found
    return None


def _keep(folder: Path, stem: str, labels: NDArray[np.int64], name: str, split: str) -> ImageSet:
    per_class = len(labels) // len(CLASSES[name])
    pixels = np.concatenate([drawn(name, split, c, 0, per_class) for c in CLASSES[name]])
    made, content = _image_set(pixels, labels), io.BytesIO()
    np.save(content, pixels, allow_pickle=False)
    replace_file(folder / f"{stem}-{made.revision[:16]}.npy", content.getvalue())
    return made


def _image_set(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> ImageSet:
    pixels.flags.writeable = False
    return ImageSet(ArrayImages(pixels), labels, pixels_revision(pixels, labels))


def _code() -> str:
    """Return a hash of the modules that draw, so that a change never meets an old picture."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    content = b"".join(path.read_bytes() for path in modules)
    return hashlib.sha256(content).hexdigest()[:12]

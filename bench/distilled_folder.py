"""Distilled sets on disk: an ordinary image folder with a manifest that vouches for it.

    <folder>/<class id>/<kkk>.png     image kkk of the class, or the original file as it was
    <folder>/weights.npy, soft.npy    only where the set has them
    <folder>/manifest.json            written last: classes, facts, and a sha256 for every file

The folder appears under its name when it is whole, so that a kill at any moment leaves either
nothing or everything; what is there is never overwritten.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.files import disk_full_as_error, sync_folder
from bench.images import FileImages
from bench.manifest import (
    ARRAYS,
    MANIFEST,
    ListedArray,
    ListedImage,
    Manifest,
    encode_manifest,
    read_manifest,
    verify_files,
)
from bench.sets import DistilledSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.images import Images
    from bench.sets import RealSet


def save_distilled(distilled: DistilledSet, folder: Path, facts: Mapping[str, Any]) -> str:
    """Write a distilled set to a new folder and return its revision.

    Selected real images keep the bytes of their files, all others become PNG without loss. `facts`
    are plain values; a whole set is not copied and needs `facts["train_revision"]`.

    Raises BenchError if the folder exists, a class id cannot name a folder or the disk is full.
    """
    for class_id in distilled.classes:
        _check_folder_name(class_id)
    if folder.exists():
        raise _exists(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}.partial")
    partial.mkdir()
    try:
        with disk_full_as_error(folder.parent):
            manifest = _write_set(distilled, partial, facts)
            _rename(partial, folder)
            sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return manifest.revision


def load_distilled(folder: Path, real: RealSet) -> DistilledSet:
    """Return the distilled set of a folder, after comparing every file with the manifest.

    Raises BenchError if the manifest is missing, broken or newer, if a file is missing or altered,
    or if the set was made for other classes (a whole set: for another training set) than `real`'s.
    """
    manifest = read_manifest(folder)
    if manifest.classes != real.card.classes:
        raise BenchError(
            f"{folder} has {_some(manifest.classes)} as its classes, but {real.card.name!r} has "
            f"{_some(real.card.classes)}: a distilled set fits the classes it was made for only."
        )
    if manifest.whole:
        return _whole(folder, manifest, real)
    verify_files(folder, manifest)
    return open_distilled(folder, manifest)


def open_distilled(folder: Path, manifest: Manifest) -> DistilledSet:
    """Return the distilled set of a manifest that has been read and verified (not a whole one)."""
    import numpy as np

    arrays = {kind: _array(folder, manifest, kind) for kind in ARRAYS}
    return DistilledSet(
        FileImages(folder, tuple(file.path for file in manifest.files)),
        np.array([file.label for file in manifest.files], dtype=np.int64),
        manifest.classes,
        weights=arrays["weights"],
        soft=arrays["soft"],
        mosaic=manifest.mosaic,
    )


def distilled_revision(folder: Path) -> str:
    """Return the revision of the set in a folder, from its manifest; no image is read."""
    return read_manifest(folder).revision


def _whole(folder: Path, manifest: Manifest, real: RealSet) -> DistilledSet:
    if manifest.revision != real.card.train_revision:
        raise BenchError(
            f"{folder} stands for the whole training set of revision {manifest.revision[:12]}..., "
            f"but that of {real.card.name!r} is {real.card.train_revision[:12]}...: distil it anew."
        )
    return DistilledSet(real.train.images, real.train.labels, real.card.classes, whole=True)


def _array(folder: Path, manifest: Manifest, kind: str) -> NDArray[np.float32] | None:
    import numpy as np

    if kind not in manifest.arrays:
        return None
    path = folder / manifest.arrays[kind].path
    shape: tuple[int, ...] = (len(manifest.files),)
    if kind == "soft":
        shape = (*shape, len(manifest.classes))
    try:
        array: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise BenchError(f"{path} is not a readable array ({error}): distil anew.") from error
    if array.shape != shape or array.dtype != np.float32:
        raise BenchError(
            f"{path} should hold float32 numbers of shape {shape}, got {array.dtype} "
            f"{array.shape}: distil the set anew."
        )
    return array


def _write_set(distilled: DistilledSet, folder: Path, facts: Mapping[str, Any]) -> Manifest:
    """Fill an empty folder, wait until all of it is on the disk, and return the manifest."""
    manifest = Manifest(
        classes=distilled.classes,
        facts=dict(facts),
        mosaic=distilled.mosaic,
        whole=distilled.whole,
        files=() if distilled.whole else tuple(_write_images(distilled, folder)),
        arrays=_write_arrays(distilled, folder),
    )
    _write(folder / MANIFEST, encode_manifest(manifest))
    for place in (*(path for path in folder.iterdir() if path.is_dir()), folder):
        sync_folder(place)
    return manifest


def _write_images(distilled: DistilledSet, folder: Path) -> Iterable[ListedImage]:
    labels = distilled.labels.tolist()
    width = max(3, len(str(max(Counter(labels).values(), default=1) - 1)))
    ranks: Counter[int] = Counter()
    for index, label in enumerate(labels):
        content, suffix = _encoded(distilled.images, index)
        class_id = distilled.classes[label]
        path = f"{class_id}/{ranks[label]:0{width}d}{suffix}"
        ranks[label] += 1
        (folder / class_id).mkdir(exist_ok=True)
        _write(folder / path, content)
        yield ListedImage(path, label, hashlib.sha256(content).hexdigest(), len(content))


def _encoded(images: Images, index: int) -> tuple[bytes, str]:
    """Return an image's original file and suffix, or a PNG made of its pixels."""
    from PIL import Image

    original = images.original(index)
    if original is not None:
        content, suffix = original
        if not re.fullmatch(r"\.[A-Za-z0-9]+", suffix):
            raise ValueError(f"An image's suffix must be like '.png', got {suffix!r}.")
        return content, suffix
    buffer = io.BytesIO()
    Image.fromarray(images.decode(index)).save(buffer, format="PNG")
    return buffer.getvalue(), ".png"


def _write_arrays(distilled: DistilledSet, folder: Path) -> dict[str, ListedArray]:
    import numpy as np

    listed = {}
    for kind, name in ARRAYS.items():
        array: NDArray[np.float32] | None = getattr(distilled, kind)
        if array is None or distilled.whole:
            continue
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(array, dtype=np.float32), allow_pickle=False)
        content = buffer.getvalue()
        _write(folder / name, content)
        listed[kind] = ListedArray(name, hashlib.sha256(content).hexdigest(), len(content))
    return listed


def _check_folder_name(class_id: str) -> None:
    """Raise BenchError for a class id that cannot name a visible folder of its own."""
    odd = any(character in "/\\" or ord(character) < 32 for character in class_id)
    if not class_id or odd or class_id.startswith(".") or class_id in (MANIFEST, *ARRAYS.values()):
        raise BenchError(
            f"The class id {class_id!r} cannot name a folder (it is empty or reserved, starts with "
            "a dot, or holds a slash or a control character): rename the class."
        )


def _write(path: Path, content: bytes) -> None:
    """Write a new file and wait until it is on the disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _rename(partial: Path, folder: Path) -> None:
    # An empty folder would be replaced without an error, hence the second look.
    if folder.exists():
        raise _exists(folder)
    try:
        partial.rename(folder)
    except OSError as error:
        if folder.exists():
            raise _exists(folder) from error
        raise


def _exists(folder: Path) -> BenchError:
    return BenchError(
        f"{folder} exists, and a distilled set is never overwritten: remove it or choose another "
        "place."
    )


def _some(classes: tuple[str, ...]) -> str:
    """Spell out a few classes for a message."""
    shown = ", ".join(repr(class_id) for class_id in classes[:3])
    return shown if len(classes) <= 3 else f"{shown}, ... ({len(classes)} in all)"

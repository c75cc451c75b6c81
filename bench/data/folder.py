"""Any folder of images: `train/` beside `val/`, `validation/` or `test/`, one folder a class."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.data.classes import class_words
from bench.data.decode import image_size
from bench.data.revision import files_revision
from bench.errors import UsageError
from bench.images import FileImages
from bench.sets import DatasetCard, ImageSet, RealSet

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""What counts as an image, in any case: the list of torchvision's ImageFolder."""

TEST_FOLDERS = ("val", "validation", "test")


@dataclass(frozen=True)
class Listing:
    """The files of one split, in the order of the set, found but not opened."""

    root: Path
    names: tuple[str, ...]
    """Paths relative to `root`, with forward slashes; labels ascend."""
    labels: tuple[int, ...]

    def image_set(self, classes: Sequence[str], cache: Path) -> ImageSet:
        """Return the files as a set with its revision; label k is `classes[k]`."""
        import numpy as np

        class_ids = (classes[label] for label in self.labels)
        revision = files_revision(self.root, self.names, class_ids, cache)
        images = FileImages(self.root, self.names)
        return ImageSet(images, np.array(self.labels, np.int64), revision)


def open_folder(name: str, path: Path, cache: Path) -> RealSet:
    """Return the set in a folder; classes are the sorted names of the folders in `train/`.

    Hidden files and files that are no images by suffix are ignored; links are followed. Students
    see 224 pixels if the median shorter side (of up to 200 training images) is at least 200, else
    that side rounded down to a multiple of 16, at least 32.

    Raises UsageError if the layout is another, a class is empty, or train and test classes differ.
    """
    test_folder = _test_folder(path)
    train, test = path / "train", path / test_folder
    classes = class_folders(train)
    _require_equal(classes, class_folders(test), train, test)
    listing = list_split(train, classes)
    return real_set(
        name,
        classes,
        listing.image_set(classes, cache),
        list_split(test, classes).image_set(classes, cache),
        splits=("folder", f"folder:{test_folder}"),
        resolution=_resolution(listing),
    )


def real_set(
    name: str,
    classes: tuple[str, ...],
    train: ImageSet,
    test: ImageSet,
    *,
    splits: tuple[str, str],
    resolution: int,
    features: str | None = None,
) -> RealSet:
    """Return a real set with its card; `splits` are the ids of train and test.

    `features` None means a student that the harness trains on this set.
    """
    import numpy as np

    card = DatasetCard(
        name=name,
        classes=classes,
        class_names=class_words(classes),
        train_split=splits[0],
        test_split=splits[1],
        train_revision=train.revision,
        test_revision=test.revision,
        class_sizes=tuple(np.bincount(train.labels, minlength=len(classes)).tolist()),
        resolution=resolution,
        features=features or ("resnetap10@224" if resolution == 224 else "convnet3[width=64]@32"),
    )
    return RealSet(card, train, test)


def class_folders(split: Path) -> tuple[str, ...]:
    """Return the sorted names of the class folders of a split; UsageError if there are none."""
    if not split.is_dir():
        raise UsageError(f"{split} is not a folder: a split holds one folder of images per class.")
    classes = sorted(p.name for p in split.iterdir() if p.is_dir() and p.name[0] != ".")
    if not classes:
        raise UsageError(f"{split} holds no class folders: give the images of each class one.")
    return tuple(classes)


def list_split(split: Path, classes: Sequence[str]) -> Listing:
    """Return the image files of every class, in the order torchvision's ImageFolder gives.

    Within a class that order is lexicographic (0.png, 1.png, 10.png); classes come as they are
    given. Raises UsageError if a class has no image.
    """
    names: list[str] = []
    labels: list[int] = []
    for label, class_id in enumerate(classes):
        names.extend(f"{class_id}/{name}" for name in class_files(split / class_id))
        labels.extend([label] * (len(names) - len(labels)))
    return Listing(split, tuple(names), tuple(labels))


def class_files(folder: Path) -> list[str]:
    """Return the image files below a class folder, relative, with forward slashes."""
    found: list[str] = []
    for place, _, files in sorted(os.walk(folder, onerror=_raise, followlinks=True)):
        parts = Path(place).relative_to(folder).parts
        if any(part.startswith(".") for part in parts):
            continue
        below = "".join(f"{part}/" for part in parts)
        found.extend(below + file for file in sorted(files) if is_image(file))
    if not found:
        raise UsageError(
            f"The class folder {folder} holds no images ({', '.join(IMAGE_SUFFIXES)}): "
            "add some or remove it."
        )
    return found


def _raise(error: OSError) -> None:
    # os.walk would leave out what it may not read.
    raise error


def is_image(file: str) -> bool:
    """Tell whether a file name is that of a visible image."""
    return not file.startswith(".") and file.lower().endswith(IMAGE_SUFFIXES)


def up_to_three(names: Iterable[str]) -> str:
    """Return up to three names for a message, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(ordered[:3]) + more


def _test_folder(path: Path) -> str:
    if not path.is_dir():
        raise UsageError(f"{path} is not a folder: `folder:PATH` needs `train/` and `val/` in it.")
    found = [name for name in TEST_FOLDERS if (path / name).is_dir()]
    if (path / "train").is_dir() and len(found) == 1:
        return found[0]
    visible = sorted(p.name for p in path.iterdir() if p.is_dir() and p.name[0] != ".")
    raise UsageError(
        f"{path} must hold `train/` and exactly one of `val/`, `validation/` and `test/`; "
        f"it holds {', '.join(visible[:6]) or 'no folders'}{', ...' if len(visible) > 6 else ''}."
    )


def _require_equal(
    train: Sequence[str], test: Sequence[str], train_path: Path, test_path: Path
) -> None:
    lacking = [
        f"{path} lacks {up_to_three(missing)}"
        for path, missing in (
            (test_path, set(train) - set(test)),
            (train_path, set(test) - set(train)),
        )
        if missing
    ]
    if lacking:
        raise UsageError(f"Both splits must have the same class folders: {'; '.join(lacking)}.")


def _resolution(listing: Listing) -> int:
    count = min(200, len(listing.names))
    chosen = {i * len(listing.names) // count for i in range(count)}
    sides = sorted(min(image_size(listing.root / listing.names[i])) for i in chosen)
    side = sides[len(sides) // 2]
    return 224 if side >= 200 else max(32, side // 16 * 16)

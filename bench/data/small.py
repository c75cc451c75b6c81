"""Small sets in their usual layouts: CIFAR-10 (binary or as a folder) and Tiny ImageNet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.folder import Listing, class_folders, list_split, real_set, up_to_three
from bench.data.revision import pixels_revision
from bench.data.roots import find_root
from bench.errors import BenchError, UsageError
from bench.images import ArrayImages
from bench.sets import ImageSet, RealSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip

_PLACES = ("", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin", "cifar10", "cifar-10")


@dataclass(frozen=True)
class Cifar10:
    """CIFAR-10 from the binary version, or from PNG files in train/ and test/ by class name.

    The Python version is made of pickles, which can run code when they are read: never opened.
    Images are ordered by class, within a class as the files have them.
    """

    description: str
    records_per_file: int = 10_000
    """Images in each of the six binary files."""

    def find(self, name: str, data_root: Path | None) -> Path:
        """Return the folder of the set; UsageError if it is absent or pickled."""
        if data_root is not None and not any(_is_cifar10(data_root / place) for place in _PLACES):
            _refuse_pickles(data_root)
        return find_root(
            name,
            data_root,
            _PLACES,
            _is_cifar10,
            "CIFAR-10: the folder cifar-10-batches-bin/, or train/ and test/ by class name",
        )

    def open(self, name: str, data_root: Path | None, cache: Path) -> RealSet:
        """Return the set; UsageError if only the pickled version is there."""
        root = self.find(name, data_root)
        binary = (root / "test_batch.bin").is_file()
        train, test = self._binary(root) if binary else _by_name(root, cache)
        return real_set(
            name, CIFAR10_CLASSES, train, test, splits=("cifar10", "cifar10"), resolution=32
        )

    def _binary(self, root: Path) -> tuple[ImageSet, ImageSet]:
        _require_class_order(root / "batches.meta.txt")
        train = [root / f"data_batch_{k}.bin" for k in range(1, 6)]
        return self._records(train), self._records([root / "test_batch.bin"])

    def _records(self, files: Sequence[Path]) -> ImageSet:
        import numpy as np

        rows = np.concatenate([self._file(path) for path in files])
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        labels = rows[:, 0].astype(np.int64)
        planes = rows[:, 1:].reshape(-1, 3, 32, 32)
        pixels = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
        return ImageSet(ArrayImages(pixels), labels, pixels_revision(pixels, labels))

    def _file(self, path: Path) -> NDArray[np.uint8]:
        """Return one file's records `[N, 3073]`: a label, then the red, green and blue planes."""
        import numpy as np

        try:
            content = np.fromfile(path, np.uint8)
        except OSError as error:
            raise BenchError(f"{path} cannot be read: {error.strerror or error}.") from error
        expected = self.records_per_file * 3073
        if content.size != expected or content[::3073].max() > 9:
            raise BenchError(
                f"{path} must hold {expected:,} bytes, a label of 0 to 9 at every 3,073rd; it has "
                f"{content.size:,}: fetch cifar-10-binary.tar.gz again."
            )
        return content.reshape(-1, 3073)


@dataclass(frozen=True)
class TinyImageNet:
    """Tiny ImageNet from train/<wnid>/images/ and val/images/ with val/val_annotations.txt.

    Labels follow the sorted WordNet ids, as ImageFolder gives them, not the order of wnids.txt.
    """

    description: str

    def find(self, name: str, data_root: Path | None) -> Path:
        """Return the folder of the set; UsageError if there is none."""
        return find_root(
            name,
            data_root,
            ("", "tiny-imagenet-200", "tiny-imagenet"),
            lambda place: (place / "wnids.txt").is_file() and (place / "train").is_dir(),
            "the folder tiny-imagenet-200/ with wnids.txt, train/ and val/",
        )

    def open(self, name: str, data_root: Path | None, cache: Path) -> RealSet:
        """Return the set; UsageError if it is not in its usual layout."""
        root = self.find(name, data_root)
        classes = tuple(sorted((root / "wnids.txt").read_text(encoding="utf-8").split()))
        train = list_split(root / "train", classes).image_set(classes, cache)
        test = _annotated(root / "val", classes).image_set(classes, cache)
        splits = ("tiny-imagenet", "tiny-imagenet")
        return real_set(name, classes, train, test, splits=splits, resolution=64)


def _annotated(val: Path, classes: tuple[str, ...]) -> Listing:
    """List val/images in label order; the class of each file is in val_annotations.txt."""
    annotations = val / "val_annotations.txt"
    if not annotations.is_file():
        raise UsageError(
            f"Tiny ImageNet's {annotations} is missing: fetch the set again, or open images sorted "
            f"by class as `NAME=folder:{val.parent}`."
        )
    labels = {class_id: label for label, class_id in enumerate(classes)}
    lines = annotations.read_text(encoding="utf-8").splitlines()
    rows = [[*line.split("\t"), ""][:2] for line in lines if line]
    unknown = {class_id for _, class_id in rows} - set(classes)
    if unknown or not rows:
        raise BenchError(
            f"{annotations} must give every image a class of wnids.txt, got "
            f"{up_to_three(map(repr, unknown)) or 'no line'}: fetch the set again."
        )
    found = sorted((labels[class_id], f"images/{file}") for file, class_id in rows)
    return Listing(val, tuple(name for _, name in found), tuple(label for label, _ in found))


def _is_cifar10(place: Path) -> bool:
    return (place / "test_batch.bin").is_file() or (place / "train" / "airplane").is_dir()


def _refuse_pickles(data_root: Path) -> None:
    for place in (data_root, data_root / "cifar10", data_root / "cifar-10"):
        if (place / "cifar-10-batches-py").is_dir():
            raise UsageError(
                f"{place / 'cifar-10-batches-py'} holds pickles, which are never read: fetch the "
                "binary version, cifar-10-binary.tar.gz from "
                "https://www.cs.toronto.edu/~kriz/cifar.html, and unpack it beside it."
            )


def _by_name(root: Path, cache: Path) -> tuple[ImageSet, ImageSet]:
    for split in ("train", "test"):
        if class_folders(root / split) != CIFAR10_CLASSES:
            raise UsageError(
                f"{root / split} must hold exactly the folders {', '.join(CIFAR10_CLASSES)}."
            )
    train, test = (
        list_split(root / split, CIFAR10_CLASSES).image_set(CIFAR10_CLASSES, cache)
        for split in ("train", "test")
    )
    return train, test


def _require_class_order(meta: Path) -> None:
    if meta.is_file() and tuple(meta.read_text(encoding="utf-8").split()) != CIFAR10_CLASSES:
        raise BenchError(
            f"{meta} must list {', '.join(CIFAR10_CLASSES)}: this is not CIFAR-10, or damaged."
        )

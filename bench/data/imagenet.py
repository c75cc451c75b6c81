"""Views of one ILSVRC2012 folder: the same files, some classes, labels in the field's order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.classes import class_list
from bench.data.download.archives import names_of
from bench.data.folder import Listing, is_image, list_split, real_set, up_to_three
from bench.data.roots import find_root
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.sets import RealSet

PLACES = ("", "imagenet", "ILSVRC2012", "ILSVRC/Data/CLS-LOC")
"""Where ILSVRC2012 is looked for below the data root; the first that has `train/` is taken."""


@dataclass(frozen=True)
class ImageNetView:
    """Some classes of ILSVRC2012, read from `train/<wnid>/` and `val/<wnid>/` without copying.

    Train is all of ILSVRC's training images of these classes, test all its 50 validation images
    each: not the re-split archives of fastai, whose test images others have trained on. Those are
    sets of their own, see `bench.data.fastai`. Big views (ImageNet-1K) have a revision of names and
    sizes only, see `bench.data.revision`.
    """

    classes: str
    """Name of the class list in `bench.data.classes`."""
    description: str
    test_per_class: int = 50
    """Validation images of every class, by which the split is recognised."""

    def find(self, name: str, data_root: Path | None) -> Path:
        """Return the ILSVRC2012 folder; UsageError if there is none."""
        return find_root(
            name,
            data_root,
            PLACES,
            # wnids.txt is that of Tiny ImageNet, whose `train/` looks the same.
            lambda place: (place / "train").is_dir() and not (place / "wnids.txt").exists(),
            "an ILSVRC2012 folder with train/<WordNet id>/ and val/<WordNet id>/",
            self._instead(),
        )

    def open(self, name: str, data_root: Path | None, cache: Path) -> RealSet:
        """Return the view; UsageError if a class is missing or the split is not ILSVRC2012's."""
        root = self.find(name, data_root)
        classes = class_list(self.classes)
        _require_sorted(root / "val")
        train, test = (listed(name, root / split, classes) for split in ("train", "val"))
        self._require_ilsvrc(name, test, classes)
        return real_set(
            name,
            classes,
            train.image_set(classes, cache),
            test.image_set(classes, cache),
            splits=("ilsvrc2012", "ilsvrc2012"),
            resolution=224,
        )

    def _instead(self) -> str:
        """Return what can be had without ILSVRC2012, or nothing."""
        names = names_of(self.classes)
        if not names:
            return ""
        return (
            f" Without one, {' or '.join(names)} is downloaded: the same classes in the split of "
            "fastai, with other training and test images."
        )

    def _require_ilsvrc(self, name: str, test: Listing, classes: tuple[str, ...]) -> None:
        for label, count in Counter(test.labels).items():
            if count != self.test_per_class:
                raise UsageError(
                    f"{name!r} expects {self.test_per_class} validation images of every class, as "
                    f"ILSVRC2012 has, got {count} in {test.root / classes[label]}: open another "
                    f"split (such as fastai's) as `my-{name}=folder:{test.root.parent}`."
                )


def listed(name: str, split: Path, classes: tuple[str, ...]) -> Listing:
    """Return the images of these classes in a split; UsageError if the folder of one is missing."""
    missing = [class_id for class_id in classes if not (split / class_id).is_dir()]
    if missing:
        raise UsageError(
            f"{name!r} needs {len(classes)} class folders in {split}; these are missing: "
            f"{up_to_three(missing)}."
        )
    return list_split(split, classes)


def _require_sorted(val: Path) -> None:
    """Refuse the validation images as the archive has them: all in one folder."""
    if not val.is_dir():
        raise UsageError(f"{val} is not a folder: ILSVRC2012 needs `val/` beside `train/`.")
    flat = next((p.name for p in val.iterdir() if is_image(p.name)), None)
    if flat is not None:
        raise UsageError(
            f"{val} holds images ({flat}) instead of class folders: move every validation image to "
            "val/<WordNet id>/ as ILSVRC2012_validation_ground_truth.txt (devkit) or "
            "LOC_val_solution.csv (Kaggle) say; soumith's `valprep.sh` does it."
        )

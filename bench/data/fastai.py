"""Imagenette 2 and Imagewoof 2 as fastai has split and resized them: archives to be fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.classes import class_list
from bench.data.download.archives import ARCHIVES, SPLITS, Archive
from bench.data.folder import real_set
from bench.data.imagenet import listed
from bench.errors import BenchError, UsageError

if TYPE_CHECKING:
    from bench.data.folder import Listing
    from bench.sets import RealSet


@dataclass(frozen=True)
class FastaiSplit:
    """One archive of fastai: ILSVRC2012's photographs of ten classes, divided 70 to 30 anew.

    Its test images are mostly training images of ILSVRC2012, and some of its training images are
    validation images there, so that figures compare with no others: the split ids say which
    archive it is. Labels follow the same class lists as the views of ILSVRC2012.

    It is looked for as `<name>/` below the data root, then among what was fetched before. Opening
    fetches nothing; `fetch` does.
    """

    archive: Archive
    description: str

    def find(self, name: str, data_root: Path | None) -> Path:
        """Return the folder; UsageError if it is neither below the data root nor fetched."""
        from bench.artefacts import default_cache

        return self._found(name, data_root, default_cache())

    def open(self, name: str, data_root: Path | None, cache: Path) -> RealSet:
        """Return the set; UsageError if it is not here, BenchError if it is not whole."""
        root = self._found(name, data_root, cache)
        classes = class_list(self.archive.classes)
        train, test = self._listings(name, root)
        self._check_whole(root, train, test)
        return real_set(
            name,
            classes,
            train.image_set(classes, cache),
            test.image_set(classes, cache),
            splits=(self.archive.split, self.archive.split),
            resolution=self.archive.resolution,
        )

    def is_here(self, name: str, data_root: Path | None, cache: Path) -> bool:
        """Say whether the set needs no fetching; UsageError if the data root is no folder."""
        return self._place(name, data_root, cache) is not None

    def fetch(self, cache: Path) -> Path:
        """Return the folder of the set in the cache, whole, fetched if it is not there.

        Raises BenchError if it cannot be had or is not whole, UsageError if that takes the network
        and nothing may touch it.
        """
        from bench.data.download.display import shown
        from bench.data.download.provide import provide

        with shown(self.archive.name) as watch:
            root = provide(self.archive, cache, watch)
        self._check_whole(root, *self._listings(self.archive.name, root))
        return root

    def _found(self, name: str, data_root: Path | None, cache: Path) -> Path:
        from bench.data.download.provide import missing

        place = self._place(name, data_root, cache)
        if place is None:
            raise UsageError(missing(self.archive, cache))
        return place

    def _place(self, name: str, data_root: Path | None, cache: Path) -> Path | None:
        from bench.artefacts import default_cache
        from bench.data.download.provide import place_of

        if data_root is not None and not data_root.is_dir():
            raise UsageError(f"The data root {data_root} of {name!r} is not a folder.")
        own = [] if data_root is None else [data_root / self.archive.name]
        # What was fetched stays where it is, whichever cache the hashes of its files are kept in.
        places = (*own, *(place_of(self.archive, place) for place in (cache, default_cache())))
        return next((place for place in places if (place / "train").is_dir()), None)

    def _listings(self, name: str, root: Path) -> tuple[Listing, Listing]:
        classes = class_list(self.archive.classes)
        train, test = (listed(name, root / split, classes) for split in SPLITS)
        return train, test

    def _check_whole(self, root: Path, train: Listing, test: Listing) -> None:
        from bench.data.download.check import counts, read_marker

        found = (len(train.names), len(test.names))
        if found != self.archive.images:
            raise BenchError(
                f"{root} holds {counts(found)} where {self.archive.name} has "
                f"{counts(self.archive.images)}: remove it and fetch it again, or open it as "
                f"`my-{self.archive.name}=folder:{root}`."
            )
        marker = read_marker(root)
        if marker is not None and marker.bytes != (size := _bytes(train) + _bytes(test)):
            raise BenchError(
                f"{root} holds {size:,} bytes of images, {marker.bytes:,} were fetched: remove it "
                f"and run `bench fetch --datasets {self.archive.name}`."
            )


def _bytes(listing: Listing) -> int:
    return sum((listing.root / name).stat().st_size for name in listing.names)


def _described(archive: Archive) -> str:
    kind = "easily told classes" if archive.classes == "imagenette" else "dog breeds"
    side = archive.name.partition("-")[2]
    size = f", a download of {archive.size / 1e6:,.0f} MB" if archive.size else ""
    return f"Ten {kind}, fastai's split, {f'{side} px' if side else 'full size'}{size}"


FASTAI_SPLITS = {name: FastaiSplit(a, _described(a)) for name, a in ARCHIVES.items()}
"""Every archive as a set."""

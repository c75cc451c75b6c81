"""Real sets: what a request names, where it lies, and how it is opened.

A request is the name of a registered set (`imagenette`) or a folder of images, named or not
(`tinynette=folder:PATH`, `folder:PATH`). Records keep the name, never the path.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bench.data.fastai import FASTAI_SPLITS
from bench.data.folder import open_folder
from bench.data.imagenet import ImageNetView
from bench.data.shapes import Shapes
from bench.data.small import Cifar10, TinyImageNet
from bench.errors import BenchError, UsageError, unknown_name

if TYPE_CHECKING:
    from bench.data.download.archives import Archive
    from bench.sets import RealSet


class Source(Protocol):
    """A registered set: how it is described and opened."""

    @property
    def description(self) -> str:
        """Return one line for `bench list datasets`."""
        ...

    def find(self, name: str, data_root: Path | None) -> Path | None:
        """Return its folder, or None if it needs none; UsageError if the folder is not there."""
        ...

    def open(self, name: str, data_root: Path | None, cache: Path) -> RealSet:
        """Return the set without decoding it; UsageError if it is not below `data_root`."""
        ...


@runtime_checkable
class Fetchable(Source, Protocol):
    """A registered set that can be downloaded."""

    @property
    def archive(self) -> Archive:
        """Return what is downloaded."""
        ...

    def is_here(self, name: str, data_root: Path | None, cache: Path) -> bool:
        """Say whether the set needs no fetching; UsageError if the data root is no folder."""
        ...

    def fetch(self, cache: Path) -> Path:
        """Return the folder of the set in the cache, fetched if it is not there."""
        ...


DATASETS: dict[str, Source] = {
    "cifar10": Cifar10("CIFAR-10: ten kinds of object at 32 px, 5,000 + 1,000 per class"),
    "imagenet-a": ImageNetView("imagenet-a", "Ten ImageNet classes, subset A"),
    "imagenet-b": ImageNetView("imagenet-b", "Ten ImageNet classes, subset B"),
    "imagenet-c": ImageNetView("imagenet-c", "Ten ImageNet classes, subset C"),
    "imagenet-d": ImageNetView("imagenet-d", "Ten ImageNet classes, subset D"),
    "imagenet-e": ImageNetView("imagenet-e", "Ten ImageNet classes, subset E"),
    "imagenet100": ImageNetView("imagenet100", "100 ImageNet classes, the list of IDC"),
    "imagenet1k": ImageNetView("imagenet1k", "ILSVRC2012: 1,281,167 photographs, 1000 classes"),
    "imageidc": ImageNetView("imageidc", "The first ten classes of imagenet100"),
    "imagenette": ImageNetView("imagenette", "Ten easily told ImageNet classes, ILSVRC2012 split"),
    "imagewoof": ImageNetView("imagewoof", "Ten ImageNet dog breeds, ILSVRC2012 split"),
    "shapenette": Shapes("Ten kinds of object at 32 px, drawn on the spot: needs no files"),
    "shapewoof": Shapes("Ten animal faces that look alike at 32 px, drawn: needs no files"),
    "tiny-imagenet": TinyImageNet("Tiny ImageNet: 200 classes at 64 px, 500 + 50 per class"),
    **FASTAI_SPLITS,
}
"""Every registered set by name."""


@dataclass(frozen=True)
class DatasetRequest:
    """One item of `--datasets`, taken apart."""

    name: str
    """The name in records and leaderboards."""
    source: str
    """"folder", or the registered name."""
    path: Path | None = None
    """The folder, for "folder" only."""


def dataset_names() -> tuple[str, ...]:
    """Return the registered names, sorted."""
    return tuple(sorted(DATASETS))


def parse_request(text: str) -> DatasetRequest:
    """Take a request apart without looking at the disk.

    Raises UsageError for unknown names, for a folder under a registered name, and for names with
    other characters than letters, digits, dots, underscores and hyphens.
    """
    text = text.strip()
    name, equals, source = ("", "", text) if text.startswith("folder:") else text.partition("=")
    if not equals and not source:
        return DatasetRequest(_registered(name), name)
    if not source.startswith("folder:"):
        raise UsageError(f"A name can only be given to `folder:PATH`, got {text!r}.")
    path = Path(source.removeprefix("folder:")).expanduser()
    if source == "folder:":
        raise UsageError(f"`folder:` needs the path of a folder, got {text!r}.")
    # Path(".").name is empty.
    name = name if equals else path.name or path.resolve().name
    return DatasetRequest(_free(name), "folder", path)


def open_real_set(
    request: str, *, data_root: Path | None, cache: Path, hold_out: float = 0.0
) -> RealSet:
    """Return the set a request names; no image is decoded.

    Registered sets are looked for below `data_root`, or below the environment's `BENCH_DATA` when
    it is None. File hashes are kept in `cache`, so that a second opening reads no file. With
    `hold_out` above 0, that share of the training images is the test set (`RealSet.hold_out`).

    Raises UsageError if the set is not there or its layout is wrong, BenchError if a file is bad.
    """
    wanted = parse_request(request)
    try:
        if wanted.path is not None:
            real = open_folder(wanted.name, wanted.path, cache)
        else:
            real = DATASETS[wanted.source].open(wanted.name, root_of(data_root), cache)
    except OSError as error:
        raise BenchError(f"{wanted.name!r} cannot be opened: {error}.") from error
    return real.hold_out(hold_out) if hold_out else real


def fetch_missing(request: str, *, data_root: Path | None, cache: Path) -> None:
    """Fetch the set a request names into `cache` if it can be fetched and is not here.

    Raises UsageError if nothing may touch the network, BenchError if the set cannot be had.
    """
    source = DATASETS.get(parse_request(request).source)
    root = root_of(data_root)
    if isinstance(source, Fetchable) and not source.is_here(source.archive.name, root, cache):
        source.fetch(cache)


def fetchable(name: str) -> Fetchable:
    """Return a registered set that can be fetched; UsageError if this one cannot."""
    source = DATASETS.get(parse_request(name).source)
    if isinstance(source, Fetchable):
        return source
    names = ", ".join(name for name, one in DATASETS.items() if isinstance(one, Fetchable))
    raise UsageError(f"{name!r} is not a set that can be fetched; those are {names}.")


def find_sets(data_root: Path) -> dict[str, Path]:
    """Return the registered sets whose folders are below `data_root`; nothing is opened."""
    found = {}
    for name, source in DATASETS.items():
        with contextlib.suppress(UsageError):
            place = source.find(name, data_root)
            if place is not None:
                found[name] = place
    return found


def root_of(data_root: Path | None) -> Path | None:
    """Return the data root, taken from the environment unless it is given."""
    chosen = os.environ.get("BENCH_DATA")
    return Path(chosen).expanduser() if data_root is None and chosen else data_root


def _registered(name: str) -> str:
    if name in DATASETS:
        return name
    if "/" in name or "\\" in name:
        raise UsageError(f"A folder is requested as `NAME=folder:PATH`, got {name!r}.")
    raise unknown_name("dataset", name, DATASETS)


def _free(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UsageError(
            "The name of a dataset must be letters, digits, `.`, `_` and `-`, the first a letter "
            f"or digit, got {name!r}: choose one with `NAME=folder:PATH`."
        )
    if name in DATASETS:
        raise UsageError(
            f"{name!r} is the name of a registered dataset, so a folder cannot have it: "
            f"choose another, such as `my-{name}=folder:PATH`."
        )
    return name

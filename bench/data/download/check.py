"""What an archive and the set in it have to be, and the note that stays with the set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import msgspec

from bench.data.classes import class_list
from bench.data.download.archives import SPLITS, Archive, Refused
from bench.data.download.fetch import Watch
from bench.data.folder import is_image
from bench.errors import BenchError
from bench.files import replace_file

MARKER = "download.json"
CHUNK = 2**20


class Marker(msgspec.Struct, frozen=True):
    """Where a set comes from; lies in its folder."""

    archive: str
    url: str
    size: int
    sha256: str
    """As it was computed here."""
    verified_by: str
    """The published checksum that the archive was held against, "" if there is none."""
    files: int = 0
    bytes: int = 0
    """Of all images together."""


def checked(archive: Archive, path: Path, url: str, watch: Watch) -> Marker:
    """Return the marker of an archive that is the published one; Refused if it is another.

    Without a published size or checksum there is nothing to compare: the images are counted then.
    """
    size = path.stat().st_size
    if archive.size is not None and size != archive.size:
        raise Refused(f"has {size:,} bytes where the archive has {archive.size:,}")
    sums = {"md5": hashlib.md5(usedforsecurity=False), "sha256": hashlib.sha256()}
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            for one in sums.values():
                one.update(chunk)
            watch("checking", file.tell(), size)
    for kind, expected in (("md5", archive.md5), ("sha256", archive.sha256)):
        if expected and (found := sums[kind].hexdigest()) != expected:
            raise Refused(f"has the {kind} {found[:12]}... where {expected[:12]}... is published")
    return Marker(archive.name, url, size, sums["sha256"].hexdigest(), archive.verified_by)


def places(archive: Archive) -> Callable[[PurePosixPath], PurePosixPath | None]:
    """Return where a member of the archive lies in the set: images of its classes and no more."""
    classes = frozenset(class_list(archive.classes))

    def place(name: PurePosixPath) -> PurePosixPath | None:
        match name.parts:
            case (archive.name, split, class_id, file):
                known = split in SPLITS and class_id in classes and is_image(file)
                return PurePosixPath(split, class_id, file) if known else None
        return None

    return place


def check_counts(archive: Archive, folder: Path) -> None:
    """Raise Refused unless both splits hold as many images as are published."""
    found = tuple(sum(1 for _ in (folder / split).glob("*/*")) for split in SPLITS)
    if found != archive.images:
        raise Refused(f"holds {counts(found)} where the set has {counts(archive.images)}")


def counts(images: tuple[int, ...]) -> str:
    """Return numbers of training and validation images in words."""
    return " + ".join(f"{count:,}" for count in images) + " images"


def write_marker(folder: Path, marker: Marker) -> None:
    """Write the note into the folder of a set."""
    raw = msgspec.json.encode(marker)
    replace_file(folder / MARKER, msgspec.json.format(raw, indent=1) + b"\n")


def read_marker(folder: Path) -> Marker | None:
    """Return what is known of a fetched set, None for one of another origin."""
    try:
        return msgspec.json.decode((folder / MARKER).read_bytes(), type=Marker)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise BenchError(
            f"{folder / MARKER} cannot be read ({error}): remove {folder} and fetch the set again."
        ) from error

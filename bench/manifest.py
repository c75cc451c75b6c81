"""The manifest of a distilled set on disk: what its folder holds, with a sha256 for every file."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from bench.errors import BenchError
from bench.versioned import read_versioned

MANIFEST = "manifest.json"
VERSION = 1
"""Raised whenever a reader of the old form could misread the new one."""
ARRAYS = {"weights": "weights.npy", "soft": "soft.npy"}


class ListedImage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One image file of the set."""

    path: str
    """Relative to the folder, with forward slashes."""
    label: int
    sha256: str
    bytes: int


class ListedArray(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One array beside the images: weights or soft labels, in the order of the files."""

    path: str
    sha256: str
    bytes: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `manifest.json` holds."""

    version: int = VERSION
    classes: tuple[str, ...]
    """Class ids in label order; folders sorted by name may come in another one."""
    facts: dict[str, Any] = {}
    """Where the set comes from: method, dataset, revisions, IPC, seed."""
    mosaic: int = 1
    """Images are mosaics of `mosaic` x `mosaic` tiles."""
    whole: bool = False
    """The set is the real training set `facts["train_revision"]`, of which nothing is copied."""
    files: tuple[ListedImage, ...] = ()
    """In the order of the set: by class, then by rank."""
    arrays: dict[str, ListedArray] = {}
    """"weights" and "soft", if the set has them."""

    @property
    def listed(self) -> tuple[ListedImage | ListedArray, ...]:
        """Return all files but the manifest."""
        return (*self.files, *self.arrays.values())

    @property
    def revision(self) -> str:
        """Return the hash of all that students see; a whole set has that of the training set."""
        if self.whole:
            return str(self.facts["train_revision"])
        content = [self.classes, self.mosaic, self.files, self.arrays]
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Return a folder's manifest; BenchError if it is missing, broken or of a newer version."""
    path = folder / MANIFEST
    if not path.exists():
        raise BenchError(
            f"Expected a distilled set in {folder}, but it has no {MANIFEST}: it was not written "
            "by `bench`, or never finished."
        )
    called, mend = "manifest of a distilled set", "restore the file or distil the set anew"
    manifest = read_versioned(path, Manifest, newest=VERSION, called=called, mend=mend)
    try:
        _check_content(manifest)
    except ValueError as error:
        raise BenchError(f"{path} is not a readable {called} ({error}): {mend}.") from error
    return manifest


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Raise BenchError, naming the file, if one is missing or differs from the manifest."""
    for file in manifest.listed:
        path = folder / file.path
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BenchError(
                f"{path} is listed in {MANIFEST} but cannot be read ({error.strerror}): restore "
                "the file or distil the set anew."
            ) from error
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise BenchError(
                f"{path} differs from what {MANIFEST} says (expected sha256 {file.sha256[:12]}...,"
                f" {file.bytes} bytes; it has {len(content)} bytes): restore the file or distil "
                "the set anew."
            )


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of `manifest.json`: sorted keys, equal for equal manifests."""
    _check_content(manifest)
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1) + b"\n"


def _check_content(manifest: Manifest) -> None:
    """Raise ValueError for what the types let through."""
    for file in manifest.listed:
        parts = PurePosixPath(file.path).parts
        if file.path.startswith("/") or "\\" in file.path or ".." in parts or not parts:
            raise ValueError(f"the path {file.path!r} leads out of the folder")
    labels = [file.label for file in manifest.files]
    if any(not 0 <= label < len(manifest.classes) for label in labels):
        raise ValueError(f"a label lies outside 0 to {len(manifest.classes) - 1}")
    if labels != sorted(labels):
        raise ValueError("the files are not ordered by class")
    if manifest.whole and not isinstance(manifest.facts.get("train_revision"), str):
        raise ValueError("a whole set needs the fact 'train_revision'")
    if unknown := set(manifest.arrays) - set(ARRAYS):
        raise ValueError(f"unknown arrays {sorted(unknown)}")

"""A set in the cache: fetched, checked, unpacked aside and renamed, by one process at a time.

    <cache>/datasets/<name>/             the set, with download.json
    <cache>/datasets/<name>.tgz          an archive put there by hand: used, never removed
    <cache>/datasets/<name>.tgz.partial  a download under way, and its .json

A kill at any moment leaves either no set or a whole one.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from msgspec.structs import replace

from bench.data.download.archives import Archive, Refused
from bench.data.download.check import Marker, check_counts, checked, places, write_marker
from bench.data.download.extract import Limits, extract
from bench.data.download.fetch import Patience, Watch, fetch
from bench.data.download.network import MIRROR, addresses, is_offline
from bench.data.download.partial import Partial
from bench.errors import BenchError, UsageError
from bench.files import disk_full_as_error

MOST = 2**32
"""Bytes of an archive whose size is not known."""


def place_of(archive: Archive, cache: Path) -> Path:
    """Return the folder of a set, whether it is there or not."""
    return cache / "datasets" / archive.name


def provide(archive: Archive, cache: Path, watch: Watch, patience: Patience | None = None) -> Path:
    """Return the folder of a set, fetched and unpacked if it is not there.

    Raises UsageError if that takes the network and nothing may touch it, BenchError if no address
    gives the archive or what came is not the archive; a set is then not there, not even in part.
    """
    from filelock import FileLock

    folder = place_of(archive, cache)
    if folder.is_dir():
        return folder
    by_hand = folder.parent / archive.file
    if is_offline() and not by_hand.is_file():
        raise UsageError(missing(archive, cache))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f"{archive.name}.lock"):
            if folder.is_dir():  # another process has been faster
                return folder
            if by_hand.is_file():
                _from_hand(archive, by_hand, folder, watch)
            else:
                _from_network(archive, folder, watch, patience or Patience())
    except OSError as error:
        raise BenchError(
            f"{archive.name!r} cannot be written to {folder.parent} ({error.strerror or error}): "
            "set BENCH_CACHE to a folder that can be written."
        ) from error
    return folder


def missing(archive: Archive, cache: Path) -> str:
    """Return the sentence for a set that is not there."""
    command = f"`bench fetch --datasets {archive.name}`"
    size = f" ({archive.size / 1e6:,.0f} MB)" if archive.size else ""
    root = "the folder that `--data-root` or BENCH_DATA names"
    if is_offline():
        return (
            f"{archive.name!r} is not here and nothing is fetched offline or in a dry run: run "
            f"{command} where there is a network{size}, and bring {place_of(archive, cache)} from "
            f"there, or put {archive.name}/ into {root}."
        )
    return f"{archive.name!r} is not here: {command} fetches it{size}, or put it into {root}."


def _from_hand(archive: Archive, by_hand: Path, folder: Path, watch: Watch) -> None:
    try:
        _unpack(archive, by_hand, folder, checked(archive, by_hand, str(by_hand), watch), watch)
    except Refused as reason:
        raise BenchError(
            f"{by_hand} {reason}: remove it, or put {archive.base}{archive.file} in its place."
        ) from reason


def _from_network(archive: Archive, folder: Path, watch: Watch, patience: Patience) -> None:
    partial = Partial(folder.parent / f"{archive.file}.partial")
    _require_space(archive, folder.parent, partial.size)
    reasons = []
    for url in addresses(archive.file, archive.base):
        try:
            fetch(url, partial, archive.size, archive.size or MOST, watch, patience)
            try:
                marker = checked(archive, partial.path, url, watch)
                _unpack(archive, partial.path, folder, marker, watch)
            except Refused:  # whole, and the wrong file: there is nothing to go on with
                partial.discard()
                raise
        except Refused as reason:
            reasons.append(f"{url} {reason}")
            continue
        partial.discard()
        return
    again = "Run again to go on where it stopped" if partial.size else "Try again later"
    raise BenchError(
        f"{archive.file} could not be had: {'; '.join(reasons)}. {again}, name a mirror in "
        f"{MIRROR}, or put the file at {folder.parent / archive.file}."
    )


def _require_space(archive: Archive, folder: Path, here: int) -> None:
    needed = 2.2 * (archive.size or 0) - here  # the archive, and its images in whole disk blocks
    if needed > (free := shutil.disk_usage(folder).free):
        raise BenchError(
            f"{archive.name!r} needs {needed / 1e9:.1f} GB in {folder}, {free / 1e9:.1f} GB are "
            "free: free some space or set BENCH_CACHE to a larger disk."
        )


def _unpack(archive: Archive, path: Path, folder: Path, marker: Marker, watch: Watch) -> None:
    """Make `folder` of an archive, all at once; Refused if its images are not those expected."""
    aside = folder.parent / f"{archive.name}.unpacking"
    shutil.rmtree(aside, ignore_errors=True)  # left by a process that was killed
    try:
        with disk_full_as_error(folder.parent):
            made = extract(path, aside, places(archive), limits=Limits(), watch=watch)
            check_counts(archive, aside)
            write_marker(aside, replace(marker, files=made.files, bytes=made.bytes))
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)

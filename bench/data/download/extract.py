"""One archive, unpacked as if a stranger had made it.

Only regular files and folders; names that stay below the folder whatever system reads them; limits
on how many, how large, and how much larger than the archive. What is unpacked is a new folder that
nobody else knows yet: a caller renames it when all is well, and removes it when it is not.
"""

from __future__ import annotations

import gzip
import tarfile
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bench.data.download.archives import Refused
from bench.files import disk_full_as_error

BLOCK = 512
AHEAD = 20 * BLOCK
"""Bytes that tarfile reads ahead."""

HEADERS = 2**17
"""Bytes that the headers of one member may take."""

CHUNK = 2**20


@dataclass(frozen=True)
class Limits:
    """What an archive may not exceed."""

    members: int = 50_000
    file_bytes: int = 2**26
    bytes: int = 2**33
    """Of everything together, unpacked."""
    ratio: float = 10.0
    """Unpacked over packed; photographs hardly shrink."""
    ratio_from: int = 2**24
    """Unpacked bytes up to which the ratio does not matter."""

    def unpacked(self, packed: int) -> int:
        """Return the most that an archive of this size may unpack to."""
        return min(self.bytes, max(self.ratio_from, int(self.ratio * packed)))


@dataclass(frozen=True)
class Unpacked:
    """What has been written."""

    files: int
    bytes: int


def extract(
    archive: Path,
    into: Path,
    wanted: Callable[[PurePosixPath], PurePosixPath | None],
    *,
    limits: Limits,
    watch: Callable[[str, int, int | None], None],
) -> Unpacked:
    """Write the wanted files of a gzipped tar archive into the new folder `into`.

    `wanted` gives the place of a member below `into`, or None for one that is left out; members
    that are left out are held to the same rules. The archive is read to its end, so that a
    checksum of gzip's that does not fit is noticed.

    Raises Refused if the archive is damaged or breaks a rule; `into` then holds a part of it.
    """
    packed = archive.stat().st_size
    into.mkdir()
    with archive.open("rb") as raw, gzip.GzipFile(fileobj=raw) as plain:
        meter = _Meter(plain, limits.unpacked(packed))
        unpacking = _Unpacking(into, wanted, limits)
        try:
            meter.allow(HEADERS)
            with tarfile.open(fileobj=meter, mode="r|") as tar:  # type: ignore[call-overload]
                while (member := tar.next()) is not None:
                    meter.allow(unpacking.take(tar, member, meter) + HEADERS)
                    watch("unpacking", raw.tell(), packed)
            meter.drain()
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise Refused(f"is damaged ({error or type(error).__name__})") from error
    return Unpacked(unpacking.files, unpacking.bytes)


@dataclass
class _Meter:
    """A stream that gives no more than it was allowed."""

    plain: gzip.GzipFile
    left: int
    """Of the whole archive."""
    now: int = 0
    """Of the part that is being read."""

    def allow(self, count: int) -> None:
        self.now = count + AHEAD

    def read(self, count: int) -> bytes:
        content = self.plain.read(count)
        self.left -= len(content)
        self.now -= len(content)
        if self.left < 0:
            raise Refused("unpacks to far more than photographs of this size do")
        if self.now < 0:
            raise Refused("has headers larger than any that photographs need")
        return content

    def drain(self) -> None:
        """Read what comes after the last member: padding, of zeros only."""
        while content := self.read(CHUNK // 16):
            if content.strip(b"\0"):
                raise Refused("goes on after its last member")


@dataclass
class _Unpacking:
    """What has come of an archive so far."""

    into: Path
    wanted: Callable[[PurePosixPath], PurePosixPath | None]
    limits: Limits
    files: int = 0
    bytes: int = 0
    members: int = 0
    seen: set[str] = field(default_factory=set)

    def take(self, tar: tarfile.TarFile, member: tarfile.TarInfo, meter: _Meter) -> int:
        """Write one member if it is wanted; return how many of its bytes are still unread."""
        self.members += 1
        if self.members > self.limits.members:
            raise Refused(f"has more than {self.limits.members:,} members")
        name = safe_name(member.name)
        if member.isdir():
            return 0
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.sparse is not None:
            raise Refused(f"holds {member.name!r}, which is {_kind(member)} and not a file")
        if not 0 <= member.size <= self.limits.file_bytes:
            raise Refused(f"holds {member.name!r} of {member.size:,} bytes")
        self._only_once(name)
        place = self.wanted(name)
        if place is None:
            return member.size + BLOCK
        meter.allow(member.size + BLOCK)
        self._write(tar, member, self.into / place)
        return BLOCK

    def _only_once(self, name: PurePosixPath) -> None:
        # Some file systems take "A" for "a", or one way to write an accent for the other.
        key = unicodedata.normalize("NFC", str(name)).casefold()
        if key in self.seen:
            raise Refused(f"holds {str(name)!r} twice")
        self.seen.add(key)

    def _write(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
        content = tar.extractfile(member)
        assert content is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        with disk_full_as_error(self.into.parent), path.open("xb") as file:
            while chunk := content.read(CHUNK):
                file.write(chunk)
                self.bytes += len(chunk)
        self.files += 1


def safe_name(name: str) -> PurePosixPath:
    """Return a member's name, normalised; Refused if it could lead out of the folder.

    Also refused are names that only some systems would take for a way out: backslashes, drives,
    control characters, and bytes that are no UTF-8.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    harmless = not (name.startswith("/") or ".." in parts or set(name) & set("\\:\0"))
    printable = all(unicodedata.category(char) not in ("Cc", "Cs") for char in name)
    short = len(name) < 1024 and all(len(part.encode(errors="replace")) < 256 for part in parts)
    if not (harmless and printable and short):
        raise Refused(f"holds the name {name[:80]!r}, which could lead out of its folder")
    return PurePosixPath(*parts)


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return "a link"
    return "a device" if member.isdev() else "something else"

"""Artefacts: what is built once and shared, under a kernel lock, in the cache folder.

    <cache>/artefacts/<name>-<key>/       the content, and artefact.json written last
    <cache>/pixels/                       decoded images (see bench.data.pixels)

A build goes to a temporary folder that is renamed when it is whole, so that a kill at any moment
leaves either nothing or everything. Three class attributes may ask for more:

    resumable   True: what a killed build of the same code, libraries and device has left is still
                in `out` when `build` is called again, which skips what is whole.
    announced   False: nobody is told that it was built, because it is a unit's own work.
    ready       True: `build` only copies what the package brings and asks for no other artefact.
    words       A sentence part for people instead of class name and fields.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from bench import specs
from bench.files import replace_file
from bench.provenance import code_stamp
from bench.timing import duration

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.data.prefix import Prefix
    from bench.sets import ImageSet

T = TypeVar("T")

META = "artefact.json"
STAMP = "stamp"
"""File of a half-done build that can be gone on with: by which code and device it was begun."""

WORTH_SAYING = 2.0
"""Seconds from which the building of an artefact is announced."""


def default_cache() -> Path:
    """Return the cache folder: BENCH_CACHE, or the user's cache folder of this platform."""
    import platformdirs

    chosen = os.environ.get("BENCH_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("distillation-bench"))


def identity(artefact: Artefact[Any]) -> str:
    """Return the readable identity of an artefact: its class name and all that decides it."""
    return specs.identity(type(artefact).__name__, artefact)


def title(artefact: Artefact[Any]) -> str:
    """Return an artefact in words: its own, or its class and fields, hashes cut short."""
    words: str = getattr(artefact, "words", "")
    if words:
        return words
    fields = specs.plain(artefact).items()
    shown = (f"{v[:8]}" if isinstance(v, str) and len(v) == 64 else f"{v}" for _, v in fields)
    return f"{type(artefact).__name__} ({', '.join(shown)})"


def key(artefact: Artefact[Any]) -> str:
    """Return the hash that names the artefact's folder: its identity and that of its needs."""
    needs = "".join(f"\n{key(need)}" for need in artefact.needs())
    return hashlib.sha256(f"{identity(artefact)}{needs}".encode()).hexdigest()[:20]


@dataclass
class ArtefactStore:
    """The cache folder, and what this process has loaded from it."""

    cache: Path
    seconds: float = 0.0
    """Time spent building in this process, or waiting for another one that builds the same; a
    unit's own time leaves it out."""
    used: dict[str, str] = field(default_factory=dict)
    """Key to identity of every artefact asked for since it was last cleared."""
    announce: Callable[[str], None] = lambda sentence: None
    """Hears of every artefact that took a while to build."""
    anew: bool = False
    """Build what is the work of units themselves (not `announced`) once more in this process."""
    _loaded: dict[tuple[str, str], Any] = field(default_factory=dict)

    def path(self, artefact: Artefact[Any]) -> Path:
        """Return the folder of an artefact, whether it is built or not."""
        return self.cache / "artefacts" / f"{type(artefact).__name__}-{key(artefact)}"

    def has(self, artefact: Artefact[Any]) -> bool:
        """Say whether an artefact is built and need not be built anew."""
        if self.anew and not getattr(artefact, "announced", True):
            return any(name == key(artefact) for name, _ in self._loaded)
        return (self.path(artefact) / META).is_file()

    def get(self, artefact: Artefact[T], ctx: Context) -> T:
        """Return the content of an artefact, loaded once a process and device."""
        name = key(artefact)
        self._note(artefact)
        place = (name, str(ctx.device))
        if place not in self._loaded:
            self._build_once(artefact, ctx)
            self._loaded[place] = artefact.load(self.path(artefact), ctx.device)
        return cast("T", self._loaded[place])

    def pixels(self, images: ImageSet, prefix: Prefix) -> NDArray[np.uint8]:
        """Return decoded images uint8 `[N, 3, H, W]`, kept on disk where they are many."""
        from bench.data.pixels import cached_pixels

        place = ("pixels", f"{images.revision}-{prefix.key}")
        if not images.revision:
            return cached_pixels(images, prefix, self.cache)
        if place not in self._loaded:
            self._loaded[place] = cached_pixels(images, prefix, self.cache)
        return cast("NDArray[np.uint8]", self._loaded[place])

    def _note(self, artefact: Artefact[Any]) -> None:
        """Note an artefact and all it needs as used, whether they are built now or were before."""
        self.used[key(artefact)] = identity(artefact)
        for need in artefact.needs():
            self._note(need)

    def _build_once(self, artefact: Artefact[Any], ctx: Context) -> None:
        folder = self.path(artefact)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with self._alone(folder.with_suffix(".lock")):
            if self.has(artefact):
                return
            partial = folder.with_suffix(".partial")
            _prepare(partial, artefact, ctx)
            started, nested = time.perf_counter(), self.seconds
            artefact.build(ctx.for_artefact(getattr(artefact, "seed", 0), partial), partial)
            own = time.perf_counter() - started - (self.seconds - nested)
            self.seconds += own
            if own >= WORTH_SAYING and getattr(artefact, "announced", True):
                self.announce(f"Built {title(artefact)} once for all: {duration(own)}.")
            _write_meta(partial, artefact, own, str(ctx.device))
            (partial / STAMP).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)  # there only if it is built anew
            partial.rename(folder)

    @contextlib.contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        """Hold a lock; where another process has it, the wait counts as building."""
        from filelock import FileLock, Timeout

        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            asked = time.perf_counter()
            lock.acquire()
            self.seconds += time.perf_counter() - asked
        try:
            yield
        finally:
            lock.release()


def _prepare(partial: Path, artefact: Artefact[Any], ctx: Context) -> None:
    """Make the folder of a build: an empty one, or what a killed build of the same code left."""
    resumable = getattr(artefact, "resumable", False)
    stamp = code_stamp(ctx.device).encode() if resumable else b""
    if resumable and _content(partial / STAMP) == stamp:
        for begun in partial.glob(".*"):  # written aside when the build was killed
            begun.unlink()
        return
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    if resumable:
        replace_file(partial / STAMP, stamp)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _write_meta(folder: Path, artefact: Artefact[Any], seconds: float, device: str) -> None:
    meta = {
        "identity": identity(artefact),
        "fields": specs.plain(artefact),
        "needs": [key(need) for need in artefact.needs()],
        "seconds": round(seconds, 3),
        "device": device,
    }
    (folder / META).write_bytes(msgspec.json.format(msgspec.json.encode(meta, order="sorted")))

"""A download under way: the bytes that are here, and a note of which file they begin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.files import replace_file


class Facts(msgspec.Struct, frozen=True):
    """What a server has said of the file it sends."""

    url: str
    total: int | None
    """Bytes of the whole file; None if the server does not say."""
    etag: str = ""
    modified: str = ""

    @property
    def validator(self) -> str:
        """Return what tells the server which version was begun, or ""."""
        return self.modified if self.etag.startswith("W/") or not self.etag else self.etag


@dataclass(frozen=True)
class Partial:
    """The file `path` that grows, and beside it `<path>.json`."""

    path: Path

    @property
    def note(self) -> Path:
        """Return where the facts are kept."""
        return self.path.with_name(f"{self.path.name}.json")

    @property
    def size(self) -> int:
        """Return how many bytes are here."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def begun(self, url: str) -> Facts | None:
        """Return the facts of what is here, if it can be gone on with from this address."""
        try:
            facts = msgspec.json.decode(self.note.read_bytes(), type=Facts)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        if facts.url != url or facts.total is None or not 0 < self.size <= facts.total:
            return None
        return facts

    def begin(self, facts: Facts) -> None:
        """Start over with an empty file."""
        self.discard()
        self.path.touch()
        replace_file(self.note, msgspec.json.encode(facts))

    def discard(self) -> None:
        """Remove what is here."""
        self.note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

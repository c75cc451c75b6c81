"""Images that are decoded on demand: files, an array, or some of either."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Images(Protocol):
    """A sequence of RGB images of any sizes, decoded one at a time."""

    def __len__(self) -> int: ...

    def decode(self, index: int) -> NDArray[np.uint8]:
        """Return image `index` as uint8 RGB `[H, W, 3]`; BenchError if it cannot be read."""
        ...

    def original(self, index: int) -> tuple[bytes, str] | None:
        """Return the encoded file and its suffix (such as ".JPEG"), or None if there is none."""
        ...


@dataclass(frozen=True)
class FileImages:
    """Image files below one folder."""

    root: Path
    names: tuple[str, ...]
    """Paths relative to `root`, with forward slashes."""

    def __len__(self) -> int:
        return len(self.names)

    def path(self, index: int) -> Path:
        """Return where image `index` lies."""
        return self.root / self.names[index]

    def decode(self, index: int) -> NDArray[np.uint8]:
        """Return image `index` as uint8 RGB `[H, W, 3]`."""
        from bench.data.decode import decode_file

        return decode_file(self.path(index))

    def original(self, index: int) -> tuple[bytes, str]:
        """Return the file's bytes and suffix."""
        path = self.path(index)
        return path.read_bytes(), path.suffix


@dataclass(frozen=True, eq=False)
class ArrayImages:
    """Images of one size held in memory (or mapped from a file)."""

    pixels: NDArray[np.uint8]
    """uint8 RGB `[N, H, W, 3]`."""

    def __len__(self) -> int:
        return len(self.pixels)

    def decode(self, index: int) -> NDArray[np.uint8]:
        """Return image `index` as uint8 RGB `[H, W, 3]`."""
        image: NDArray[np.uint8] = self.pixels[index]
        return image

    def original(self, index: int) -> None:
        """Return None: an array has no files."""
        return None


@dataclass(frozen=True)
class Chosen:
    """Some images of another collection, in the order of `indices`."""

    whole: Images
    indices: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.indices)

    def decode(self, index: int) -> NDArray[np.uint8]:
        """Return image `index` as uint8 RGB `[H, W, 3]`."""
        return self.whole.decode(self.indices[index])

    def original(self, index: int) -> tuple[bytes, str] | None:
        """Return the chosen image's encoded file, if it has one."""
        return self.whole.original(self.indices[index])

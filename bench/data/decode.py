"""Image files to uint8 RGB, with the pixels that torchvision's default loader gives."""

from __future__ import annotations

import io
import threading
import warnings
from pathlib import Path
from typing import IO, TYPE_CHECKING

from bench.errors import BenchError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

MAX_PIXELS = 89_478_485
"""Images of more pixels are refused from their header: Pillow's own limit (256 MiB of RGB)."""

# Filters of `warnings` belong to the process, so two threads must not set them aside at once.
_quiet = threading.Lock()


def decode_file(path: Path) -> NDArray[np.uint8]:
    """Return an image file as uint8 RGB `[H, W, 3]`.

    Equal to `torchvision.datasets.folder.default_loader`: alpha and palette transparency are
    dropped, CMYK is converted without a profile, the first frame of an animation is taken, and
    the EXIF orientation is NOT applied, as in ImageFolder and every official script (Pillow itself
    applies that of TIFF files). One difference: 16-bit grey is scaled to 8 bits (65535 gives 255)
    where Pillow would clip it.

    Raises BenchError, naming the file, if it cannot be read, is empty, truncated, no image, has
    more than `MAX_PIXELS` pixels or pixels that are no colours (floating point, over 16 bits).
    """
    import numpy as np

    image = _opened(io.BytesIO(_bytes(path)), path, load=True)
    if image.mode == "F":
        raise BenchError(f"{path} has floating-point pixels: save it with 8 bits per channel.")
    if image.mode.startswith("I"):
        return _from_sixteen_bits(np.asarray(image), path)
    # Without an alpha channel to fill it is only a reason for Pillow to warn.
    image.info.pop("transparency", None)
    try:
        return np.array(image.convert("RGB"))
    except ValueError as error:
        raise BenchError(f"{path} has colours that cannot be made RGB: {error}.") from error


def image_size(path: Path) -> tuple[int, int]:
    """Return (height, width) from the header alone; BenchError as `decode_file`."""
    try:
        with path.open("rb") as stream:
            image = _opened(stream, path, load=False)
            return image.height, image.width
    except OSError as error:
        raise _unreadable(path, error) from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> BenchError:
    return BenchError(f"{path} cannot be read: {error.strerror or error}.")


def _opened(stream: IO[bytes], path: Path, load: bool) -> Image:
    """Return the opened image, its size checked before any pixel is decoded."""
    from PIL import Image

    try:
        # Pillow warns of bombs and bad metadata from here; only TIFF also does so while loading.
        with _quiet, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(stream)
            fits = image.width * image.height <= MAX_PIXELS
            if load and fits and image.format == "TIFF":
                image.load()
        if load and fits:
            image.load()
    except (MemoryError, RecursionError):
        raise
    except Image.DecompressionBombError:
        fits = False
    except Exception as error:  # Pillow's plugins raise nearly anything on a damaged file
        raise BenchError(_damage(stream, path, error)) from error
    if not fits:
        raise BenchError(
            f"{path} claims more than {MAX_PIXELS:,} pixels, which are not decoded: "
            "remove it or make it smaller."
        )
    return image


def _damage(stream: IO[bytes], path: Path, error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if stream.seek(0, io.SEEK_END) == 0:
        return f"{path} is empty (0 bytes): fetch it again or remove it."
    if isinstance(error, UnidentifiedImageError):
        return f"{path} is not an image that can be read: fetch it again or remove it."
    reason = str(error).rstrip(".") or type(error).__name__
    return f"{path} is damaged or truncated ({reason}): fetch it again or remove it."


def _from_sixteen_bits(grey: NDArray[np.generic], path: Path) -> NDArray[np.uint8]:
    import numpy as np

    wide = grey.astype(np.int64)
    if wide.min() < 0 or wide.max() > 65535:
        raise BenchError(
            f"{path} has grey values from {wide.min()} to {wide.max()}: save it with 8 or 16 bits."
        )
    narrow = ((wide + 128) // 257).astype(np.uint8)
    return np.repeat(narrow[:, :, None], 3, axis=2)

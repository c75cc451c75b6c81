"""The deterministic part of a protocol's geometry: resize, then crop at the centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Prefix:
    """What is done once to every image before training; its result is cached as uint8.

    Equal bit for bit to torchvision's `Resize(resize)` followed by `CenterCrop(crop)` on Pillow
    images: bilinear with antialiasing, missing borders filled with black.
    """

    resize: int | None
    """Pixels of the shorter side; None leaves the size alone."""
    crop: int | None
    """Pixels per side of the square cut from the centre; None cuts nothing."""

    def __post_init__(self) -> None:
        for field in ("resize", "crop"):
            value = getattr(self, field)
            if value is not None and value < 1:
                raise ValueError(f"`{field}` must be at least 1 pixel or None, got {value}.")

    @property
    def key(self) -> str:
        """Return a name for files, such as "resize224-crop224"; "original" if nothing is done."""
        fields = (("resize", self.resize), ("crop", self.crop))
        return "-".join(f"{name}{value}" for name, value in fields if value) or "original"

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the image `[H, W, 3]` resized and cropped, uint8 `[h, w, 3]`."""
        if self.resize is not None:
            image = _resized(image, self.resize)
        return image if self.crop is None else _cropped(image, self.crop)


def _resized(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import Image

    height, width = image.shape[:2]
    longer = int(side * max(height, width) / min(height, width))
    size = (side, longer) if width <= height else (longer, side)
    if size == (width, height):
        return image
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def _cropped(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    import numpy as np

    missing = [max(0, side - length) for length in image.shape[:2]]
    if any(missing):
        image = np.pad(image, [*((n // 2, n - n // 2) for n in missing), (0, 0)])
    # round() goes to the even neighbour at .5, and so does torchvision.
    top, left = (round((length - side) / 2) for length in image.shape[:2])
    return image[top : top + side, left : left + side]

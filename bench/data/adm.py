"""The centre crop of ADM, through which the images of ImageNet's generators have gone.

Reference: openai/guided-diffusion, guided_diffusion/image_datasets.py, `center_crop_arr`;
           the same in facebookresearch/DiT, train.py.
Differs:   nothing known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class AdmCrop:
    """Halve an image while that leaves it large enough, resize it and cut out the centre.

    Halving averages squares of four pixels; the rest of the way is bicubic with antialiasing.
    """

    size: int
    """Pixels per side of what comes out."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        if self.size < 1:
            raise ValueError(f"`size` must be at least 1 pixel, got {self.size}.")

    @property
    def key(self) -> str:
        """Return a name for files, such as "adm256"."""
        return f"adm{self.size}"

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the centre of an image `[H, W, 3]`, uint8 `[size, size, 3]`."""
        import numpy as np
        from PIL import Image

        if image.shape[:2] == (self.size, self.size):
            return image
        picture = Image.fromarray(image)
        while min(picture.size) >= 2 * self.size:
            half = (picture.width // 2, picture.height // 2)
            picture = picture.resize(half, Image.Resampling.BOX)
        scale = self.size / min(picture.size)
        scaled = (round(picture.width * scale), round(picture.height * scale))
        pixels = np.array(picture.resize(scaled, Image.Resampling.BICUBIC))
        top, left = ((length - self.size) // 2 for length in pixels.shape[:2])
        return pixels[top : top + self.size, left : left + self.size]

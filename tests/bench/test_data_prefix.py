from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from torchvision import transforms

from bench.data.prefix import Prefix

RNG = np.random.default_rng(1)
SIZES = [(64, 64), (63, 64), (64, 63), (50, 77), (91, 40), (7, 200), (33, 32), (1, 5)]
STEPS = [(32, 32), (64, 64), (65, 48), (48, 65), (40, None), (None, 31), (None, 80), (None, None)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("resize", "crop"), STEPS)
def test_pixels_equal_torchvisions_resize_and_center_crop(size, resize, crop):
    image = RNG.integers(0, 256, (*size, 3), dtype=np.uint8)
    steps = [transforms.Resize(resize)] if resize else []
    steps += [transforms.CenterCrop(crop)] if crop else []
    expected = np.asarray(transforms.Compose(steps)(Image.fromarray(image)))
    made = Prefix(resize, crop).apply(image)
    assert made.dtype == np.uint8
    assert np.array_equal(made, expected)


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        (Prefix(224, 224), "resize224-crop224"),
        (Prefix(256, None), "resize256"),
        (Prefix(None, 32), "crop32"),
        (Prefix(None, None), "original"),
    ],
)
def test_the_key_names_the_fields(prefix, key):
    assert prefix.key == key


@pytest.mark.parametrize(("resize", "crop", "field"), [(0, 32, "resize"), (32, -1, "crop")])
def test_sizes_below_one_pixel_are_refused(resize, crop, field):
    with pytest.raises(ValueError, match=f"`{field}` must be at least 1 pixel"):
        Prefix(resize, crop)


def test_the_given_image_is_not_changed():
    image = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    before = image.copy()
    Prefix(20, 30).apply(image)
    assert np.array_equal(image, before)

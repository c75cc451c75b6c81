import numpy as np
import pytest
from PIL import Image

from bench.data.adm import AdmCrop


def independent(image, size):
    """ADM's procedure, written for one PIL image: halve by averaging, bicubic, centre."""
    picture = Image.fromarray(image)
    while min(picture.size[0], picture.size[1]) >= 2 * size:
        picture = picture.reduce(2) if not _odd(picture) else _boxed(picture)
    factor = size / min(picture.size[0], picture.size[1])
    target = tuple(round(side * factor) for side in picture.size)
    array = np.array(picture.resize(target, resample=Image.BICUBIC))
    y, x = (array.shape[0] - size) // 2, (array.shape[1] - size) // 2
    return array[y : y + size, x : x + size]


def _odd(picture):
    return any(side % 2 for side in picture.size)


def _boxed(picture):
    return picture.resize(tuple(side // 2 for side in picture.size), resample=Image.BOX)


def noise(height, width):
    return np.random.default_rng(height * width).integers(
        0, 256, (height, width, 3), dtype=np.uint8
    )


@pytest.mark.parametrize("shape", [(64, 64), (40, 100), (99, 33), (31, 17), (16, 20), (7, 300)])
def test_the_crop_agrees_with_a_second_implementation(shape):
    image = noise(*shape)
    cropped = AdmCrop(16).apply(image)
    assert cropped.shape == (16, 16, 3)
    assert cropped.dtype == np.uint8
    # Two ways to halve round one value in some hundreds differently.
    assert np.abs(cropped.astype(int) - independent(image, 16)).max() <= 2


def test_an_image_of_the_asked_size_stays_as_it_is():
    image = noise(16, 16)
    assert (AdmCrop(16).apply(image) == image).all()


def test_halving_averages_four_pixels():
    image = np.zeros((8, 8, 3), np.uint8)
    image[::2, ::2] = 200
    assert (AdmCrop(4).apply(image) == 50).all()


def test_the_middle_of_a_wide_image_is_kept():
    image = np.repeat(np.arange(48, dtype=np.uint8)[None, :, None], 16, axis=0).repeat(3, axis=2)
    assert (AdmCrop(16).apply(image)[0, :, 0] == np.arange(16, 32)).all()


def test_a_size_below_one_is_refused():
    with pytest.raises(ValueError, match=r"^`size` must be at least 1 pixel, got 0.$"):
        AdmCrop(0)


def test_the_key_names_files():
    assert AdmCrop(256).key == "adm256"

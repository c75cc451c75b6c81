from __future__ import annotations

import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms.v2 import functional

from bench.augment.crop import crop_boxes, crop_resize, interpolation

KEEP = torch.zeros(1, dtype=torch.bool)


def noise(*shape):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


def by_torchvision(image, box, size):
    # float64: torchvision rounds nothing there, so its result is the exact one.
    return functional.resized_crop(image.double(), *box, [size, size], antialias=True)


@pytest.mark.parametrize(
    "box",
    [(0, 0, 40, 50), (3, 5, 37, 29), (10, 20, 7, 9), (12, 0, 1, 1), (0, 49, 40, 1), (8, 9, 16, 16)],
)
@pytest.mark.parametrize("size", [1, 5, 16, 64])
def test_a_crop_equals_torchvision_antialiased_whether_it_shrinks_or_grows(box, size):
    image = noise(3, 40, 50)
    ours = crop_resize(image[None], torch.tensor([box]), KEEP, size)[0]
    torch.testing.assert_close(
        ours.double(), by_torchvision(image, box, size), rtol=0.0, atol=255 * 2e-5
    )


def test_every_image_of_a_batch_has_its_own_crop_and_flip():
    images = noise(3, 3, 24, 20)
    boxes = torch.tensor([[0, 0, 24, 20], [5, 3, 9, 11], [2, 7, 20, 4]])
    flips = torch.tensor([True, False, True])
    ours = crop_resize(images, boxes, flips, 8)
    for image, box, flip, result in zip(images, boxes.tolist(), flips, ours, strict=True):
        expected = by_torchvision(image, box, 8)
        expected = functional.horizontal_flip(expected) if flip else expected
        torch.testing.assert_close(result.double(), expected, rtol=0.0, atol=255 * 2e-5)


def test_a_crop_of_the_whole_image_at_its_own_size_is_the_image():
    image = noise(1, 3, 16, 16)
    ours = crop_resize(image, torch.tensor([[0, 0, 16, 16]]), KEEP, 16)
    torch.testing.assert_close(ours, image.float(), rtol=0.0, atol=1e-4)


def test_what_lies_outside_the_box_does_not_matter():
    image = noise(1, 3, 12, 10)
    padded = torch.full((1, 3, 30, 40), 255, dtype=torch.uint8)
    padded[:, :, :12, :10] = image
    box = torch.tensor([[0, 0, 12, 10]])
    torch.testing.assert_close(
        crop_resize(padded, box, KEEP, 6), crop_resize(image, box, KEEP, 6), rtol=0.0, atol=1e-4
    )


def test_interpolation_weights_are_positive_and_sum_to_one():
    weights = interpolation(torch.tensor([0, 3, 7]), torch.tensor([20, 11, 1]), 20, 6)
    assert weights.shape == (3, 6, 20)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(3, 6))


def by_torchvision_boxes(height, width, scale, num):
    image = torch.empty(3, height, width)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = [
            RandomResizedCrop.get_params(image, list(scale), [3 / 4, 4 / 3]) for _ in range(num)
        ]
    return torch.tensor(found)


@pytest.mark.parametrize(
    ("height", "width", "scale"),
    [(64, 64, (0.5, 1.0)), (40, 90, (0.08, 1.0)), (90, 50, (0.6, 1.0))],
)
def test_crops_have_the_distribution_of_torchvision(height, width, scale):
    sizes = torch.tensor([[height, width]]).expand(4000, 2)
    ours = crop_boxes(sizes, scale, torch.Generator().manual_seed(1))
    theirs = by_torchvision_boxes(height, width, scale, 4000)
    for column in range(4):
        assert ks_2samp(ours[:, column].numpy(), theirs[:, column].numpy()).pvalue > 1e-3
    corners = ours[:, :2] + ours[:, 2:]
    assert (ours >= 0).all()
    assert (corners <= sizes).all()


@pytest.mark.parametrize(("height", "width"), [(10, 100), (100, 10), (12, 12)])
def test_where_no_crop_fits_the_largest_central_one_is_taken(height, width):
    sizes = torch.tensor([[height, width]])
    ours = crop_boxes(sizes, (1.0, 1.0), torch.Generator().manual_seed(0))
    assert ours.tolist() == by_torchvision_boxes(height, width, (1.0, 1.0), 1).tolist()


def test_crops_of_the_hard_protocol_have_sides_of_137_to_224_pixels():
    sizes = torch.tensor([[224, 224]]).expand(20_000, 2)
    sides = crop_boxes(sizes, (0.5, 1.0), torch.Generator().manual_seed(2))[:, 2:]
    assert 137 <= sides.min() < 140
    assert sides.max() == 224


def test_images_of_different_sizes_get_crops_of_their_own():
    sizes = torch.tensor([[8, 8], [200, 100], [30, 60]]).repeat(200, 1)
    boxes = crop_boxes(sizes, (0.08, 1.0), torch.Generator().manual_seed(3))
    assert (boxes[:, :2] + boxes[:, 2:] <= sizes).all()
    assert boxes[1::3, 2].max() > 100

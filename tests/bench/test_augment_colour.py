from __future__ import annotations

import itertools

import pytest
import torch
from torchvision.transforms.v2 import functional

from bench.augment.colour import colour_map, normalised

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
ORDERS = list(itertools.permutations(("brightness", "contrast", "saturation")))


def luma(x):
    return 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]


# The operations as protocols state them, with a = 1 - factor.
OPERATIONS = {
    "brightness": lambda x, a: (1 - a) * x,
    "contrast": lambda x, a: x + a * (luma(x).mean() - x),
    "saturation": lambda x, a: x + a * (luma(x).expand(3, -1, -1) - x),
}
AXES = [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
VALUES = [0.2175, 0.0188, 0.0045]


def reference(image, factors, noise, order):
    x = image.double()
    for name in order:
        x = OPERATIONS[name](x, 1 - factors[list(OPERATIONS).index(name)])
    for channel in range(3):
        x[channel] += sum(AXES[channel][j] * noise[j] * VALUES[j] for j in range(3))
    return functional.normalize(x, MEAN, STD)


def images(num):
    return torch.rand(num, 3, 9, 7, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("order", ORDERS)
def test_the_folded_map_equals_the_operations_in_every_order(order):
    batch = images(4)
    generator = torch.Generator().manual_seed(1)
    factors = 0.6 + 0.8 * torch.rand(4, 3, generator=generator, dtype=torch.float64)
    noise = 0.1 * torch.randn(4, 3, generator=generator, dtype=torch.float64)
    ours = colour_map(factors, noise).apply(batch, torch.arange(4))
    for image, f, n, result in zip(batch, factors, noise, ours, strict=True):
        expected = reference(image, f.tolist(), n.tolist(), order)
        torch.testing.assert_close(result.double(), expected, rtol=0.0, atol=2e-6)


def test_nothing_is_clamped():
    white = torch.ones(1, 3, 4, 4)
    factors = torch.tensor([[1.4, 1.0, 1.0]])
    ours = colour_map(factors, torch.zeros(1, 3)).apply(white, torch.tensor([0]))
    expected = (1.4 - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(ours[0, :, 0, 0], expected)


def test_neutral_factors_only_normalise():
    batch = images(2)
    ours = colour_map(torch.ones(2, 3), torch.zeros(2, 3)).apply(batch, torch.arange(2))
    torch.testing.assert_close(ours, functional.normalize(batch, MEAN, STD))


def test_the_unit_of_the_images_does_not_matter():
    batch, colours = images(3), colour_map(torch.full((3, 3), 0.7), torch.full((3, 3), 0.2))
    index = torch.tensor([2, 0, 1])
    torch.testing.assert_close(
        colours.apply(255 * batch, index, unit=255.0), colours.apply(batch, index)
    )


def test_every_image_is_mapped_by_the_row_of_its_index():
    batch = images(1).expand(3, -1, -1, -1)
    factors = torch.tensor([[0.6, 1.0, 1.0], [1.0, 1.0, 1.0], [1.4, 1.0, 1.0]])
    ours = colour_map(factors, torch.zeros(3, 3)).apply(batch, torch.tensor([2, 1, 0]))
    brightness = ours.mean(dim=(1, 2, 3))
    assert brightness[0] > brightness[1] > brightness[2]


def test_test_images_are_normalised_as_by_torchvision():
    eight_bit = (255 * images(2)).to(torch.uint8)
    expected = functional.normalize(functional.to_dtype(eight_bit, scale=True), MEAN, STD)
    torch.testing.assert_close(normalised(eight_bit), expected)

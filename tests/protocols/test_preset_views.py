"""What students see under the registered protocols: crops, colours and mixtures, in order."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from scipy import stats
from torchvision.transforms.v2 import functional

from bench.augment import augment, draw_mixing, draw_views
from bench.augment.randaugment import OPERATIONS, apply_operation
from bench.backbones import find_student
from bench.streams import Streams
from protocols import PROTOCOLS

ALL = tuple(name for name in PROTOCOLS if name.startswith("hard/"))
SOFT = tuple(name for name in PROTOCOLS if name.startswith("soft/"))
STREAMS = Streams((0, 1))
STORED = 20
"""Pixels per side of the images that crops are taken from."""


def images(num):
    generator = torch.Generator().manual_seed(0)
    size = (num, 3, STORED, STORED)
    return torch.randint(256, size, generator=generator, dtype=torch.uint8)


def views(recipe, num):
    return draw_views(recipe, torch.full((num, 2), STORED), STREAMS, 0)


def cropped(image, box, flipped, side=12):
    """Crop, resize and flip as torchvision does, in grey levels."""
    image = functional.resized_crop(image.float(), *box.tolist(), [side, side], antialias=True)
    return functional.horizontal_flip(image) if flipped else image


def normalised(image):
    return functional.normalize(image / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def coloured(image, jitter, noise):
    """Jitter and PCA noise one after another, of an image in grey levels, as published."""
    luma = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    bright, contrast, saturation = (1 + 0.4 * (2 * jitter - 1)).tolist()
    x = bright * image / 255
    x = contrast * x + (1 - contrast) * (luma * x).sum(dim=0).mean()
    x = saturation * x + (1 - saturation) * (luma * x).sum(dim=0)
    axes = torch.tensor(
        [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
    )
    weights = 0.1 * noise.float() * torch.tensor([0.2175, 0.0188, 0.0045])
    return 255 * (x + (axes @ weights)[:, None, None])


def colours(num):
    """Return the jitter and the noise of the first epoch."""
    jitter = STREAMS.torch("augment", "jitter", 0)
    noise = STREAMS.torch("augment", "lighting", 0)
    double = torch.float64
    return (
        torch.rand(num, 3, generator=jitter, dtype=double),
        torch.randn(num, 3, generator=noise, dtype=double),
    )


def agreement(ours, expected):
    """Return the share of values that agree; the rest rounds halves of grey levels elsewhere."""
    return (ours - expected).abs().lt(1e-3).float().mean().item()


@pytest.mark.parametrize("name", ["hard/minimax", "hard/igd", "hard/coda", "hard/idc"])
def test_a_view_is_cropped_flipped_jittered_shifted_and_normalised(name):
    recipe, batch = replace(PROTOCOLS[name], resolution=12), images(6)
    drawn, (jitter, noise) = views(recipe, 6), colours(6)
    ours = augment(batch, drawn, torch.arange(6), recipe)
    for i in range(6):
        x = cropped(batch[i], drawn.boxes[i], drawn.flips[i])
        expected = normalised(coloured(x, jitter[i], noise[i]))
        torch.testing.assert_close(ours[i], expected, rtol=0.0, atol=1e-3)


def test_ims3_applies_one_operation_of_magnitude_6_to_the_rounded_crop_before_the_jitter():
    recipe, batch = replace(PROTOCOLS["hard/ims3"], resolution=12), images(40)
    drawn, (jitter, noise) = views(recipe, 40), colours(40)
    ours = augment(batch, drawn, torch.arange(40), recipe)
    assert drawn.operations.shape == (40, 1)
    assert len(set(drawn.operations.flatten().tolist())) > 10
    for i in range(40):
        crop = cropped(batch[i], drawn.boxes[i], drawn.flips[i]).round().to(torch.uint8)
        operation, negative = OPERATIONS[drawn.operations[i, 0]], bool(drawn.negative[i, 0])
        x = apply_operation(crop[None], operation, negative, 6)[0]
        expected = normalised(coloured(x.float(), jitter[i], noise[i]))
        assert agreement(ours[i], expected) > 0.9


def test_d3hr_crops_and_flips_the_stored_image_and_does_nothing_else():
    recipe, batch = replace(PROTOCOLS["hard/d3hr"], resolution=12), images(40)
    drawn = views(recipe, 40)
    ours = augment(batch, drawn, torch.arange(40), recipe)
    for i in range(40):
        expected = normalised(cropped(batch[i], drawn.boxes[i], drawn.flips[i]).round())
        assert agreement(ours[i], expected) > 0.98


@pytest.mark.parametrize("name", ALL)
def test_crops_cover_the_published_share_of_the_image(name):
    least = 0.08 if name == "hard/d3hr" else 0.5
    sizes = torch.full((4000, 2), 1000)  # large, so that whole pixels do not matter
    boxes = draw_views(PROTOCOLS[name], sizes, STREAMS, 0).boxes
    shares = boxes[:, 2:].prod(dim=1) / 1000**2
    assert shares.min() == pytest.approx(least, abs=0.01)
    assert shares.max() == pytest.approx(1.0, abs=0.03)
    ratios = boxes[:, 3] / boxes[:, 2]
    assert ratios.min() == pytest.approx(3 / 4, abs=0.01)
    assert ratios.max() == pytest.approx(4 / 3, abs=0.01)


@pytest.mark.parametrize("name", ALL)
def test_half_of_the_images_are_flipped(name):
    assert views(PROTOCOLS[name], 4000).flips.float().mean() == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("name", ALL)
def test_every_batch_is_mixed_with_cutmix_or_mixup_as_published(name):
    recipe = replace(PROTOCOLS[name], resolution=224)
    mixings = [draw_mixing(recipe, 8, STREAMS, 0, number) for number in range(300)]
    assert None not in mixings
    if name == "hard/d3hr":
        assert all(mixing.box is None for mixing in mixings)
        assert stats.kstest([mixing.ratio for mixing in mixings], "uniform").pvalue > 0.01
        return
    for mixing in mixings:
        top, bottom, left, right = mixing.box
        assert mixing.ratio == pytest.approx(1 - (bottom - top) * (right - left) / 224**2)
    assert max(mixing.ratio for mixing in mixings) == pytest.approx(1.0, abs=0.05)
    assert min(mixing.ratio for mixing in mixings) < 0.2


@pytest.fixture
def soft_recipe(make_card):
    """Return a soft protocol as it is for photographs, which students see at 12 pixels here."""

    def resolve(name, pixels=12):
        recipe = PROTOCOLS[name].resolve(make_card(10, 224), 10, find_student("resnet18"))
        return replace(recipe, resolution=pixels)

    return resolve


@pytest.mark.parametrize("name", ["soft/fkd", "soft/d3hr", "soft/d3hr-five"])
def test_without_patches_a_soft_view_is_a_rounded_crop_of_the_stored_image(name, soft_recipe):
    recipe, batch = soft_recipe(name), images(40)
    drawn = views(recipe, 40)
    assert drawn.orders is None
    ours = augment(batch, drawn, torch.arange(40), recipe)
    for i in range(40):
        expected = normalised(cropped(batch[i], drawn.boxes[i], drawn.flips[i]).round())
        assert agreement(ours[i], expected) > 0.98


@pytest.mark.parametrize("name", ["soft/rded", "soft/vlcp"])
def test_halves_change_places_before_the_crop_and_nothing_is_rounded(name, soft_recipe):
    recipe, batch = soft_recipe(name), images(12)
    drawn = views(recipe, 12)
    ours = augment(batch, drawn, torch.arange(12), recipe)
    half = STORED // 2
    for i in range(12):
        rows, columns = (order.tolist() for order in drawn.orders[i])
        tall = torch.cat([batch[i][:, k * half : (k + 1) * half] for k in rows], dim=1)
        whole = torch.cat([tall[:, :, k * half : (k + 1) * half] for k in columns], dim=2)
        expected = normalised(cropped(whole, drawn.boxes[i], drawn.flips[i]))
        torch.testing.assert_close(ours[i], expected, rtol=0.0, atol=1e-3)


def test_all_four_arrangements_of_halves_are_equally_likely_as_they_were_included(soft_recipe):
    orders = views(soft_recipe("soft/rded"), 4000).orders[:, :, 0]
    counts = torch.bincount(2 * orders[:, 0] + orders[:, 1], minlength=4)
    assert stats.chisquare(counts.numpy()).pvalue > 0.01


@pytest.mark.parametrize("name", SOFT)
def test_soft_crops_cover_the_published_share(name, soft_recipe):
    least = 0.5 if name in ("soft/rded", "soft/vlcp") else 0.08
    sizes = torch.full((4000, 2), 1000)
    boxes = draw_views(soft_recipe(name), sizes, STREAMS, 0).boxes
    shares = boxes[:, 2:].prod(dim=1) / 1000**2
    assert shares.min() == pytest.approx(least, abs=0.01)
    assert shares.max() == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("name", SOFT)
def test_every_soft_batch_has_one_box_of_cutmix(name, soft_recipe):
    recipe = soft_recipe(name, 224)
    mixings = [draw_mixing(recipe, 8, STREAMS, 0, number) for number in range(300)]
    assert all(mixing is not None and mixing.box is not None for mixing in mixings)
    areas = [1 - mixing.ratio for mixing in mixings]
    assert max(areas) > 0.8
    assert min(areas) == pytest.approx(0.0, abs=0.05)

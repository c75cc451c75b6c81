from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torchvision.transforms.v2 import functional

from bench.augment import augment, draw_views
from bench.streams import Streams
from bench.training.recipe import Recipe

RECIPE = Recipe(resolution=12)
STREAMS = Streams((0, 1))
NEUTRAL = {"crop_scale": (1.0, 1.0), "flip": 0.0, "jitter": 0.0, "lighting": 0.0}


def images(num, side=16):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (num, 3, side, side), generator=generator, dtype=torch.uint8)


def views(recipe=RECIPE, num=10, epoch=0, streams=STREAMS, side=16):
    return draw_views(recipe, torch.full((num, 2), side), streams, epoch)


def test_the_view_of_an_image_does_not_depend_on_the_batch_it_is_in():
    recipe = replace(RECIPE, randaugment_ops=1)
    batch, drawn = images(10), views(recipe)
    whole = augment(batch, drawn, torch.arange(10), recipe)
    for size in (1, 3, 10):
        for index in torch.split(torch.randperm(10), size):
            part = augment(batch[index], drawn, index, recipe)
            torch.testing.assert_close(part, whole[index], rtol=0.0, atol=1e-5)


def test_equal_seeds_and_epochs_give_equal_views_and_others_do_not():
    batch, index = images(10), torch.arange(10)
    first = augment(batch, views(), index, RECIPE)
    assert torch.equal(first, augment(batch, views(), index, RECIPE))
    assert not torch.equal(first, augment(batch, views(epoch=1), index, RECIPE))
    assert not torch.equal(first, augment(batch, views(streams=Streams((0, 2))), index, RECIPE))


def test_switching_one_kind_off_moves_no_draw_of_another():
    plain, bare = views(), views(replace(RECIPE, jitter=0.0, lighting=0.0, randaugment_ops=2))
    assert torch.equal(plain.boxes, bare.boxes)
    assert torch.equal(plain.flips, bare.flips)


def test_an_augmented_image_equals_the_official_order_of_operations():
    batch, drawn = images(6), views(num=6)
    ours = augment(batch, drawn, torch.arange(6), RECIPE)
    jitter = torch.rand(6, 3, generator=STREAMS.torch("augment", "jitter", 0), dtype=torch.float64)
    noise = torch.randn(
        6, 3, generator=STREAMS.torch("augment", "lighting", 0), dtype=torch.float64
    )
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[:, None, None]
    axes = torch.tensor(
        [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
    ).double()
    for i in range(6):
        x = functional.resized_crop(
            batch[i].double() / 255, *drawn.boxes[i].tolist(), [12, 12], antialias=True
        )
        x = functional.horizontal_flip(x) if drawn.flips[i] else x
        bright, contrast, saturation = (1 - a for a in (0.4 * (1 - 2 * jitter[i])).tolist())
        x = bright * x
        x = contrast * x + (1 - contrast) * (weights * x).sum(dim=0).mean()
        x = saturation * x + (1 - saturation) * (weights * x).sum(dim=0)
        x = x + (axes @ (0.1 * noise[i] * torch.tensor([0.2175, 0.0188, 0.0045])))[:, None, None]
        x = functional.normalize(x, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        torch.testing.assert_close(ours[i].double(), x, rtol=0.0, atol=1e-4)


def test_neutral_augmentation_only_normalises():
    recipe = replace(RECIPE, resolution=16, **NEUTRAL)
    batch = images(4)
    ours = augment(batch, views(recipe, num=4), torch.arange(4), recipe)
    expected = functional.normalize(batch / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(ours, expected, rtol=0.0, atol=1e-5)


def test_half_of_the_images_are_flipped_and_none_or_all_where_asked():
    assert views(num=4000).flips.float().mean() == pytest.approx(0.5, abs=0.04)
    assert not views(replace(RECIPE, flip=0.0)).flips.any()
    assert views(replace(RECIPE, flip=1.0)).flips.all()


def test_rounding_gives_whole_grey_levels_after_the_crop():
    recipe = replace(RECIPE, jitter=0.0, lighting=0.0, crop_rounding=True)
    rounded = augment(images(4), views(recipe), torch.arange(4), recipe)
    exact = augment(images(4), views(recipe), torch.arange(4), replace(recipe, crop_rounding=False))
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    levels = 255 * (rounded * std + mean)
    torch.testing.assert_close(levels, levels.round(), rtol=0.0, atol=1e-3)
    assert 255 * ((rounded - exact) * std).abs().max() <= 0.5 + 1e-3
    assert not torch.equal(rounded, exact)


def test_the_stored_images_are_not_changed():
    batch = images(10)
    before = batch.clone()
    augment(batch, views(replace(RECIPE, randaugment_ops=1)), torch.arange(10), RECIPE)
    assert torch.equal(batch, before)

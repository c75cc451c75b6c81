from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.augment import augment, draw_views
from bench.augment.patches import draw_orders, shuffled
from bench.streams import Streams
from bench.training.recipe import Recipe

PLAIN = Recipe(resolution=6, crop_scale=(1.0, 1.0), flip=0.0, jitter=0.0, lighting=0.0, mix="none")
STREAMS = Streams((0, 0))


def cut_and_joined(image, orders):
    """Shuffle one image `[C, H, W]` with NumPy: cut into strips, join them in their new order."""
    for axis, order in zip((1, 2), orders, strict=True):
        width = image.shape[axis] // len(order)
        cuts = [width * number for number in range(1, len(order))]
        strips = np.split(image, cuts, axis=axis)  # the last strip takes the remainder
        image = np.concatenate([strips[number] for number in order], axis=axis)
    return image


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(5, 12), st.integers(5, 12), st.integers(0, 99))
def test_strips_change_places_as_when_cut_and_joined(strips, height, width, seed):
    images = torch.randint(256, (4, 3, height, width), dtype=torch.uint8)
    orders = draw_orders(3, strips, torch.Generator().manual_seed(seed))
    chosen = torch.tensor([2, 0, 3])
    for made, index, order in zip(shuffled(images[chosen], orders), chosen, orders, strict=True):
        assert (made.numpy() == cut_and_joined(images[index].numpy(), order.numpy())).all()


def test_all_four_arrangements_of_two_strips_are_equally_likely():
    orders = draw_orders(4000, 2, torch.Generator().manual_seed(0))
    counts = (orders[:, 0, 0] * 2 + orders[:, 1, 0]).bincount()
    assert counts.tolist() == pytest.approx([1000] * 4, abs=5 * (1000 * 0.75) ** 0.5)


def test_patches_are_shuffled_before_the_crop_and_not_unless_asked():
    images = torch.randint(256, (5, 3, 6, 6), dtype=torch.uint8)
    sizes, index = torch.tensor([[6, 6]] * 5), torch.tensor([4, 1])
    still = draw_views(PLAIN, sizes, STREAMS, 0)
    assert still.orders is None
    recipe = replace(PLAIN, patches=3)
    views = draw_views(recipe, sizes, STREAMS, 0)
    expected = shuffled(images[index], views.orders[index])
    made = augment(images[index], views, index, recipe)
    assert torch.equal(
        made, augment(expected, replace(still, boxes=still.boxes[:2]), torch.arange(2), PLAIN)
    )
    assert not torch.equal(made, augment(images[index], still, index, PLAIN))


def test_an_images_patches_do_not_depend_on_its_batch():
    recipe = replace(PLAIN, patches=3)
    images = torch.randint(256, (7, 3, 6, 6), dtype=torch.uint8)
    views = draw_views(recipe, torch.tensor([[6, 6]] * 7), STREAMS, 3)
    whole = augment(images, views, torch.arange(7), recipe)
    alone = [augment(images[k : k + 1], views, torch.tensor([k]), recipe) for k in range(7)]
    assert torch.equal(whole, torch.cat(alone))

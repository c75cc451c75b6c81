from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torchvision.transforms.v2 import functional

from bench.streams import Streams
from bench.training.recipe import Recipe
from bench.training.sight import draw_sight, seen

CPU = torch.device("cpu")
STREAMS = Streams((0, 1))
RECIPE = Recipe(resolution=8, batch=3, patches=2, randaugment_ops=1, mix="cutmix")
PLAIN = Recipe(
    resolution=8, batch=3, crop_scale=(1.0, 1.0), flip=0.0, jitter=0.0, lighting=0.0, mix="none"
)
IMAGES = torch.randint(256, (8, 3, 8, 8), generator=torch.Generator().manual_seed(0)).byte()


def drawn(recipe=RECIPE, streams=STREAMS, epoch=0):
    return draw_sight(recipe, torch.full((8, 2), 8), streams, epoch)


def as_floats(images):
    return functional.normalize(images / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def test_an_epoch_is_the_same_value_whenever_it_is_drawn():
    digest = drawn().digest()
    assert len(digest) == 32
    assert drawn().digest() == digest
    others = [drawn(epoch=1), drawn(streams=Streams((0, 2))), drawn(replace(RECIPE, batch=4))]
    assert len({digest, *(other.digest() for other in others)}) == 4


def test_what_a_student_learns_and_how_fast_changes_nothing_of_what_it_sees():
    other = replace(RECIPE, lr=0.3, epochs=7, optimizer="adamw", norm_updates=2, passes=3)
    assert drawn(other).digest() == drawn().digest()


@pytest.mark.parametrize(
    "part", ["order", "orders", "boxes", "flips", "colours", "operations", "negative"]
)
def test_the_digest_knows_every_draw(part):
    sight = drawn()
    digest = sight.digest()
    holder = sight if part == "order" else sight.views
    values = getattr(holder, part)
    values = values.shift if part == "colours" else values
    values[0] = ~values[0] if values.dtype == torch.bool else values[0] + 1
    assert sight.digest() != digest


@pytest.mark.parametrize(
    "change",
    [
        {"partner": torch.tensor([0, 1, 2])},
        {"box": (0, 1, 0, 1)},
        {"box": None},
        {"ratio": 0.123},
        None,
    ],
)
def test_the_digest_knows_how_batches_are_mixed(change):
    sight = drawn()
    first = sight.mixings[0]
    assert first.partner.tolist() != [0, 1, 2]
    other = None if change is None else replace(first, **change)
    changed = replace(sight, mixings=(other, *sight.mixings[1:]))
    assert changed.digest() != sight.digest()


def test_the_last_bits_of_a_fraction_are_not_part_of_the_digest():
    sight = drawn(replace(RECIPE, mix="mixup"))
    digest = sight.digest()
    first = sight.mixings[0]
    nearly = replace(first, ratio=first.ratio + 1e-14)
    assert replace(sight, mixings=(nearly, *sight.mixings[1:])).digest() == digest


@pytest.mark.parametrize("mapped", [False, True])
def test_every_image_is_seen_once_with_its_row(mapped):
    sight, rows = drawn(PLAIN), []
    for number, batch in enumerate(seen(sight, IMAGES, PLAIN, CPU, 5, mapped)):
        assert (batch.epoch, batch.number) == (5, number)
        expected = as_floats(IMAGES[batch.index])
        torch.testing.assert_close(batch.images, expected, rtol=0.0, atol=1e-5)
        rows.append(batch.index)
    assert [len(index) for index in rows] == [3, 3, 2]
    assert sorted(torch.cat(rows).tolist()) == list(range(8))
    assert all(torch.equal(a, b) for a, b in zip(rows, sight.indices(), strict=True))


def test_a_batch_is_mixed_by_one_box_before_anyone_sees_it():
    recipe = replace(PLAIN, mix="cutmix")
    boxes = []
    for batch in seen(drawn(recipe), IMAGES, recipe, CPU, 0):
        own = as_floats(IMAGES[batch.index])
        top, bottom, left, right = batch.mixing.box
        expected = own.clone()
        pasted = own[batch.mixing.partner][..., top:bottom, left:right]
        expected[..., top:bottom, left:right] = pasted
        torch.testing.assert_close(batch.images, expected, rtol=0.0, atol=1e-5)
        boxes.append(batch.mixing.box)
    assert len(set(boxes)) > 1

from __future__ import annotations

import math
from dataclasses import fields

import pytest
import torch

from bench.augment import draw_mixing, draw_views
from bench.streams import Streams
from bench.training.recipe import Recipe, settled
from bench.training.schedule import evaluation_epochs, learning_rate, milestones

SETTLED = {"lr": 1.0, "epochs": 300, "evaluations": 100}


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        (3000, (2000, 2500)),
        (2000, (1333, 1666)),
        (1500, (1000, 1250)),
        (1300, (866, 1083)),
        (1000, (666, 833)),
        (600, (400, 500)),
        (500, (333, 416)),
        (300, (200, 250)),
        (1, (0, 0)),
    ],
)
def test_milestones_are_rounded_down_exactly(epochs, expected):
    assert milestones(epochs, (2 / 3, 5 / 6)) == expected


def test_milestones_agree_with_integer_arithmetic():
    for epochs in range(1, 4000):
        assert milestones(epochs, Recipe().milestones) == (2 * epochs // 3, 5 * epochs // 6)


def test_the_rate_is_cut_at_the_milestones():
    recipe = Recipe(**SETTLED)
    rates = [learning_rate(recipe, epoch) for epoch in (0, 199, 200, 249, 250, 299)]
    assert rates == pytest.approx([1.0, 1.0, 0.2, 0.2, 0.04, 0.04])


@pytest.mark.parametrize(
    ("epochs", "epoch", "rate"),
    [(300, 0, 1.0), (300, 150, 0.8536), (300, 299, 0.5026), (500, 250, 0.8536), (500, 499, 0.5016)],
)
def test_half_cosine_ends_at_half_the_rate(epochs, epoch, rate):
    recipe = Recipe(schedule="half-cosine", lr=1.0, epochs=epochs)
    assert learning_rate(recipe, epoch) == pytest.approx(rate, abs=5e-5)


def test_whole_cosine_falls_from_the_rate_through_its_half_to_almost_zero():
    recipe = Recipe(schedule="cosine", lr=2.0, epochs=100)
    assert learning_rate(recipe, 0) == 2.0
    assert learning_rate(recipe, 50) == pytest.approx(1.0)
    assert learning_rate(recipe, 99) == pytest.approx(1 + math.cos(0.99 * math.pi))


@pytest.mark.parametrize(
    ("epochs", "evaluations", "after", "expected"),
    [
        (2000, 100, 0, tuple(range(20, 2001, 20))),
        (150, 100, 0, tuple(range(1, 151))),
        (10, 4, 0, (2, 4, 6, 8, 10)),
        (7, 2, 0, (3, 6, 7)),
        (5, 1, 0, (5,)),
        (2000, 2000, 1901, tuple(range(1902, 2001))),
        (300, 30, 240, (250, 260, 270, 280, 290, 300)),
        (3, 1, 500, (3,)),
    ],
)
def test_tests_come_at_even_distances_and_after_the_last_epoch(
    epochs, evaluations, after, expected
):
    recipe = Recipe(epochs=epochs, evaluations=evaluations, evaluate_after=after)
    assert evaluation_epochs(recipe) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resolution", 0),
        ("norm", "layer"),
        ("crop_from", "disk"),
        ("crop_scale", (0.0, 1.0)),
        ("crop_scale", (0.9, 0.5)),
        ("crop_scale", (0.5, 1.1)),
        ("crop_scale", (0.5,)),
        ("flip", 1.5),
        ("flip", math.nan),
        ("patches", 0),
        ("passes", 0),
        ("norm_updates", 0),
        ("evaluate_offset", -1),
        ("randaugment_ops", -1),
        ("randaugment_magnitude", 31),
        ("jitter", -0.1),
        ("lighting", -1.0),
        ("mix", "cut"),
        ("mix_probability", 2.0),
        ("mix_alpha", 0.0),
        ("optimizer", "adam"),
        ("lr", 0.0),
        ("lr", -1.0),
        ("lr", math.inf),
        ("momentum", 1.5),
        ("weight_decay", -1e-4),
        ("decay_on", "norms"),
        ("schedule", "linear"),
        ("milestones", (0.8, 0.5)),
        ("milestones", (0.0, 0.5)),
        ("gamma", 2.0),
        ("epochs", 0),
        ("epochs", 2.5),
        ("batch", 0),
        ("evaluations", 0),
        ("evaluate_after", -1),
        ("test_resize", "256"),
        ("numerics", "fp16"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_name(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        Recipe(**{name: value})


def test_every_field_has_a_default_and_can_be_repeated():
    assert all(getattr(Recipe(), field.name) == field.default for field in fields(Recipe))
    assert Recipe(**{field.name: getattr(Recipe(), field.name) for field in fields(Recipe)})


def test_an_open_field_is_named_where_a_value_is_needed():
    with pytest.raises(ValueError, match="`epochs` is None"):
        learning_rate(Recipe(lr=1.0), 0)
    assert settled(0, "evaluate_after") == 0


@pytest.mark.parametrize(
    ("epochs", "evaluations", "after", "offset", "expected"),
    [
        (300, 30, 0, 1, (*range(1, 300, 10), 300)),  # epochs 0, 10, ..., 290 and 299 from 0
        (300, 6, 0, 1, (1, 51, 101, 151, 201, 251, 300)),
        (10, 2, 0, 7, (2, 7, 10)),
        (12, 3, 5, 2, (6, 10, 12)),
        (5, 30, 0, 1, (1, 2, 3, 4, 5)),
    ],
)
def test_tests_may_be_offset_and_the_last_epoch_is_always_tested(
    epochs, evaluations, after, offset, expected
):
    recipe = Recipe(
        epochs=epochs, evaluations=evaluations, evaluate_after=after, evaluate_offset=offset
    )
    assert evaluation_epochs(recipe) == expected


@pytest.mark.parametrize("name", ["patches", "crop_scale", "mix_alpha"])
def test_what_decides_a_view_may_stay_open_until_one_is_drawn(name):
    recipe = Recipe(resolution=8, **{name: None})

    def draw():
        draw_views(recipe, torch.full((2, 2), 8), Streams((0,)), 0)
        draw_mixing(recipe, 2, Streams((0,)), 0, 0)

    with pytest.raises(ValueError, match=f"`{name}` is None"):
        draw()

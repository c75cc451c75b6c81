from __future__ import annotations

import itertools
import math
import random
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torch import nn
from torch.nn import functional
from torchvision import transforms

from bench.augment import augment, draw_views
from bench.augment.colour import colour_map
from bench.streams import Streams
from bench.training.recipe import Recipe
from bench.training.schedule import evaluation_epochs
from benchmarks import reference_images
from benchmarks.reference_images import EndlessBatches, Photos, PlainView, TrainingView
from benchmarks.reference_loop import ReferenceTraining, train_reference
from benchmarks.reference_mix import draw_paste, paste_at
from benchmarks.reference_recipe import ALSO, FREE, due, milestones, require_spoken
from protocols.hard import HardLabel

CPU = torch.device("cpu")
RECIPE = Recipe(resolution=8, lr=0.1, weight_decay=5e-4, epochs=2, batch=4, evaluations=100)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
AXES = [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
VALUES = [0.2175, 0.0188, 0.0045]


def noise(num, side=12):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (num, 3, side, side), generator=generator, dtype=torch.uint8)


def luma(x):
    return 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]


# The operations as the protocol states them, in float64.
FORMULAS = {
    "brightness": lambda x, a: (1 - a) * x,
    "contrast": lambda x, a: x + a * (luma(x).mean() - x),
    "saturation": lambda x, a: x + a * (luma(x).expand(3, -1, -1) - x),
}


def by_formula(pixels, box, flipped, operations, lighting, side):
    top, left, height, width = box
    x = pixels.double()[None, :, top : top + height, left : left + width] / 255
    x = functional.interpolate(x, (side, side), mode="bilinear", align_corners=False)[0]
    x = x.flip(2) if flipped else x
    for name, amount in operations:
        x = FORMULAS[name](x, amount)
    for channel in range(3):
        x[channel] += sum(AXES[channel][j] * lighting[j] * VALUES[j] for j in range(3))
        x[channel] = (x[channel] - MEAN[channel]) / STD[channel]
    return x


def drawn_parameters(seed, side):
    """Draw what a view draws, in its order."""
    torch.manual_seed(seed)
    random.seed(seed)
    box = transforms.RandomResizedCrop.get_params(
        torch.empty(3, side, side), [0.5, 1.0], [3 / 4, 4 / 3]
    )
    flipped = bool(torch.rand(()) < 0.5)
    names = random.sample(("brightness", "contrast", "saturation"), 3)
    operations = [(name, random.uniform(-0.4, 0.4)) for name in names]
    return box, flipped, operations, (0.1 * torch.randn(3)).tolist()


@pytest.mark.parametrize("seed", range(8))
def test_a_view_is_what_the_formulas_of_the_protocol_give(seed):
    pixels = noise(1)[0]
    expected = by_formula(pixels, *drawn_parameters(seed, 12), side=12)
    (image,) = Photos.of(pixels[None], torch.tensor([0])).images
    torch.manual_seed(seed)
    random.seed(seed)
    view = TrainingView(12, (0.5, 1.0), 0.5, 0.4, 0.1)(image)
    torch.testing.assert_close(view.double(), expected, rtol=0.0, atol=5e-6)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_engine_and_reference_make_the_same_view_of_the_same_parameters(order):
    pixels, box = noise(1), (1, 2, 9, 8)
    amounts, lighting = (0.3, -0.2, 0.4), torch.tensor([0.1, -0.2, 0.05])
    x = reference_images.framed(Photos.of(pixels, torch.tensor([0])).images[0], 12)
    x = reference_images.cropped(x, box, 12)
    for number in order:
        x = reference_images.jittered(x, reference_images.OPERATIONS[number], amounts[number])
    x = reference_images.normalised(reference_images.lit(x, lighting))
    sizes = torch.tensor([[12, 12]])
    drawn = replace(
        draw_views(RECIPE, sizes, Streams((0,)), 0),
        boxes=torch.tensor([box]),
        flips=torch.tensor([False]),
        colours=colour_map(1.0 - torch.tensor([amounts]), lighting[None]),
    )
    engine = augment(pixels, drawn, torch.tensor([0]), replace(RECIPE, resolution=12))
    torch.testing.assert_close(engine[0], x, rtol=0.0, atol=2e-5)


def test_a_test_image_is_resized_cut_and_normalised_as_by_torchvision():
    pixels = noise(1, side=19)[:, :, :, :15]
    (image,) = Photos.of(pixels, torch.tensor([0])).images
    theirs = transforms.Compose(
        [
            transforms.Resize(8),
            transforms.CenterCrop(8),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    torch.testing.assert_close(PlainView(8)(image), theirs(image))


def test_colours_are_not_clamped():
    white = torch.ones(3, 2, 2)
    assert reference_images.jittered(white, "brightness", -0.4).max() == pytest.approx(1.4)


def test_batches_hold_every_image_once_an_epoch_and_the_last_is_short():
    batches = list(itertools.islice(EndlessBatches(10, 4), 6))
    assert [len(batch) for batch in batches] == [4, 4, 2] * 2
    first, second = (list(itertools.chain(*part)) for part in (batches[:3], batches[3:]))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_box_that_is_not_cut_has_even_sides_rounded_down(kept):
    paste = paste_at(kept, 112, 112, 224)
    cut = int(224 * math.sqrt(1 - kept))
    assert paste.rows == paste.columns == slice(112 - cut // 2, 112 + cut // 2)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (31, 3), (16, 30)])
def test_the_ratio_is_the_share_of_pixels_that_are_left_after_cutting(row, column):
    paste = paste_at(0.3, row, column, 32)
    left = torch.ones(32, 32)
    left[paste.rows, paste.columns] = 0.0
    assert paste.ratio == pytest.approx(left.mean().item())


def official_ratios(num, side):
    # The box of the protocol, from its description.
    rng = np.random.RandomState(0)
    ratios = []
    for _ in range(num):
        cut = int(side * np.sqrt(1 - rng.beta(1.0, 1.0)))
        x, y = rng.randint(side), rng.randint(side)
        x1, x2 = np.clip([x - cut // 2, x + cut // 2], 0, side)
        y1, y2 = np.clip([y - cut // 2, y + cut // 2], 0, side)
        ratios.append(1 - (x2 - x1) * (y2 - y1) / side**2)
    return ratios


def test_ratios_have_the_distribution_of_the_protocol():
    rng = np.random.default_rng(1)
    ours = [draw_paste(RECIPE, 32, rng).ratio for _ in range(4000)]
    assert ks_2samp(ours, official_ratios(4000, 32)).pvalue > 1e-3


def test_a_recipe_says_how_many_batches_are_mixed():
    rng = np.random.default_rng(0)
    half = [draw_paste(replace(RECIPE, mix_probability=0.5), 8, rng) for _ in range(1000)]
    assert 420 < sum(paste is not None for paste in half) < 580
    assert draw_paste(replace(RECIPE, mix="none"), 8, rng) is None


@pytest.mark.parametrize(
    ("epochs", "cuts", "every"),
    [(3000, [2000, 2500], 30), (2000, [1333, 1666], 20), (1300, [866, 1083], 13), (300, None, 3)],
)
def test_cuts_and_tests_come_after_the_published_epochs(epochs, cuts, every):
    assert milestones(epochs) == (cuts or [200, 250])
    tested = [epoch for epoch in range(1, epochs + 1) if due(epoch, epochs, 100)]
    assert tested == list(range(every, epochs + 1, every))


@pytest.mark.parametrize("epochs", [1, 7, 150, 250, 1999])
def test_engine_and_reference_are_tested_after_the_same_epochs(epochs):
    tested = [epoch for epoch in range(1, epochs + 1) if due(epoch, epochs, 100)]
    assert tuple(tested) == evaluation_epochs(replace(RECIPE, epochs=epochs))


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "adamw"},
        {"mix": "mixup"},
        {"crop_from": "stored"},
        {"randaugment_ops": 1},
        {"numerics": "bf16"},
        {"milestones": (0.5,)},
    ],
)
def test_a_recipe_that_the_scripts_do_not_know_is_refused_by_its_field(change):
    (name,) = change
    with pytest.raises(ValueError, match=f"`{name}`"):
        require_spoken(replace(RECIPE, **change))


def test_the_published_recipe_is_known():
    require_spoken(HardLabel())
    assert {field.name for field in fields(Recipe)} >= FREE | set(ALSO)


def coloured(num, side=8):
    """Return images of class 0 that are red, and of class 1 that are blue."""
    labels = torch.arange(num) % 2
    pixels = noise(num, side) // 3
    pixels[torch.arange(num), 2 * labels] += 150
    return Photos.of(pixels, labels)


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        )


def test_two_epochs_learn_what_is_easily_separated():
    run = train_reference(network(), coloured(80), coloured(20), RECIPE, CPU, workers=0)
    assert run.epochs == (1, 2)
    assert run.last == run.accuracy[-1] >= 90.0
    assert run.best == max(run.accuracy)
    assert run.images_per_second > 0.0


def test_equal_seeds_give_equal_weights():
    def weights(seed):
        model = network()
        train_reference(model, coloured(10), coloured(4), RECIPE, CPU, seed=seed, workers=0)
        return nn.utils.parameters_to_vector(model.parameters())

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


def training(recipe=RECIPE, num=10):
    return ReferenceTraining(network(), coloured(num), coloured(4), recipe, CPU, workers=0)


def test_the_rate_is_cut_by_gamma_at_two_thirds_and_five_sixths():
    student, rates = training(replace(RECIPE, epochs=12)), []
    for _ in range(12):
        rates.append(student.optimizer.param_groups[0]["lr"])
        student.epoch()
    assert rates == pytest.approx([0.1] * 8 + [0.02] * 2 + [0.004] * 2)


def test_a_step_learns_from_both_labels_of_a_mixed_image():
    student, side = training(), 8
    images = torch.rand(4, 3, side, side)
    labels = torch.tensor([0, 1, 1, 0])
    student._rng = np.random.default_rng(3)
    paste = draw_paste(RECIPE, side, np.random.default_rng(3))
    torch.manual_seed(7)
    partner = torch.randperm(4)
    mixed = torch.stack(
        [
            torch.stack([_pasted(own, other, paste) for own, other in zip(a, b, strict=True)])
            for a, b in zip(images, images[partner], strict=True)
        ]
    )
    shares = functional.one_hot(labels, 2) * paste.ratio
    shares = shares + functional.one_hot(labels[partner], 2) * (1 - paste.ratio)
    expected = -(shares * student.model(mixed).log_softmax(dim=1)).sum(dim=1).mean().item()
    torch.manual_seed(7)
    assert student._step(images.clone(), labels) == pytest.approx(expected, rel=1e-5)


def _pasted(own, other, paste):
    inside = torch.zeros_like(own, dtype=torch.bool)
    inside[paste.rows, paste.columns] = True
    return torch.where(inside, other, own)

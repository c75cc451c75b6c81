from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torch.nn import functional

from bench.augment import draw_mixing
from bench.augment.mix import cutmix, cutmix_box, mixup
from bench.streams import Streams
from bench.training.loss import mixed_loss
from bench.training.recipe import Recipe


def drawn(num, draw):
    rng = np.random.default_rng(0)
    return [draw(rng) for _ in range(num)]


@pytest.mark.parametrize("side", [0.0, 0.1, 0.33, 0.5, 0.77, 0.999])
def test_a_box_that_is_not_clipped_has_even_sides_rounded_down(side):
    top, bottom, left, right = cutmix_box(side, 112, 80, 224, 161)
    assert bottom - top == math.floor(224 * side) - math.floor(224 * side) % 2
    assert right - left == math.floor(161 * side) - math.floor(161 * side) % 2


@pytest.mark.parametrize(
    ("row", "column", "box"),
    [(0, 0, (0, 4, 0, 4)), (9, 9, (5, 10, 5, 10)), (0, 9, (0, 4, 5, 10)), (5, 5, (1, 9, 1, 9))],
)
def test_a_box_is_clipped_at_the_border(row, column, box):
    assert cutmix_box(0.8, row, column, 10, 10) == box


def official_ratios(num, side):
    # The box of the official protocol, from its description.
    rng = np.random.RandomState(0)
    ratios = []
    for _ in range(num):
        cut = int(side * np.sqrt(1 - rng.beta(1.0, 1.0)))
        x, y = rng.randint(side), rng.randint(side)
        x1, x2 = np.clip([x - cut // 2, x + cut // 2], 0, side)
        y1, y2 = np.clip([y - cut // 2, y + cut // 2], 0, side)
        ratios.append(1 - (x2 - x1) * (y2 - y1) / side**2)
    return ratios


def test_cutmix_ratios_have_the_distribution_of_the_official_protocol():
    ours = [m.ratio for m in drawn(4000, lambda rng: cutmix(2, 32, 32, 1.0, rng))]
    assert ks_2samp(ours, official_ratios(4000, 32)).pvalue > 1e-3


def test_cutmix_pastes_one_box_of_the_partner_into_every_image():
    own = torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 3, 20, 20)
    for mixing in drawn(20, lambda rng: cutmix(6, 20, 20, 1.0, rng)):
        mixed = mixing.apply(own.clone())
        top, bottom, left, right = mixing.box
        expected = own.clone()
        expected[:, :, top:bottom, left:right] = own[mixing.partner][:, :, top:bottom, left:right]
        assert torch.equal(mixed, expected)
        foreign = (bottom - top) * (right - left) / 400
        assert mixing.ratio == pytest.approx(1 - foreign)


def test_mixup_averages_an_image_with_its_partner():
    own = torch.rand(5, 3, 4, 4)
    for mixing in drawn(5, lambda rng: mixup(5, 1.0, rng)):
        for i in range(5):
            expected = mixing.ratio * own[i] + (1 - mixing.ratio) * own[mixing.partner[i]]
            torch.testing.assert_close(mixing.apply(own.clone())[i], expected)


def test_mixup_ratios_are_uniform_for_alpha_one():
    ratios = [m.ratio for m in drawn(4000, lambda rng: mixup(2, 1.0, rng))]
    assert ks_2samp(ratios, np.linspace(0, 1, 4000)).pvalue > 1e-3


def test_partners_are_a_permutation_of_the_batch():
    for mixing in drawn(10, lambda rng: cutmix(7, 8, 8, 1.0, rng)):
        assert sorted(mixing.partner.tolist()) == list(range(7))


def test_weights_of_the_two_labels_sum_to_one():
    logits, labels = torch.randn(6, 3), torch.tensor([1, 1, 1, 1, 1, 1])
    plain = functional.cross_entropy(logits, labels)
    for mixing in drawn(5, lambda rng: cutmix(6, 20, 20, 1.0, rng)):
        torch.testing.assert_close(mixed_loss(logits, labels, None, mixing), plain)


def test_the_mixed_loss_is_the_formula_of_the_protocol():
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 1])
    weights = torch.tensor([0.5, 1.5, 2.0, 0.0])
    mixing = cutmix(4, 9, 9, 1.0, np.random.default_rng(3))
    log_p = logits.log_softmax(dim=1)
    expected = 0.0
    for i, j in enumerate(mixing.partner.tolist()):
        expected -= mixing.ratio * weights[i] * log_p[i, labels[i]] / 4
        expected -= (1 - mixing.ratio) * weights[j] * log_p[i, labels[j]] / 4
    torch.testing.assert_close(mixed_loss(logits, labels, weights, mixing), expected)


def test_the_share_of_mixed_batches_is_the_probability():
    recipe = Recipe(resolution=8, mix_probability=0.3)
    mixed = [draw_mixing(recipe, 4, Streams((0, 0)), 0, batch) for batch in range(2000)]
    share = np.mean([mixing is not None for mixing in mixed])
    assert share == pytest.approx(0.3, abs=0.045)  # over four standard deviations


def test_no_mix_leaves_every_batch_alone():
    recipe = Recipe(resolution=8, mix="none")
    assert draw_mixing(recipe, 4, Streams((0, 0)), 0, 0) is None


def test_every_batch_and_epoch_is_mixed_in_its_own_way():
    recipe, streams = Recipe(resolution=64), Streams((0, 0))
    ratios = {draw_mixing(recipe, 4, streams, e, b).ratio for e in range(3) for b in range(3)}
    assert len(ratios) > 6
    again = draw_mixing(recipe, 4, streams, 1, 2)
    assert again.ratio == draw_mixing(recipe, 4, Streams((0, 0)), 1, 2).ratio

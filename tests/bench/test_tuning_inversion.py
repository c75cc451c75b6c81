"""DDIM moves against diffusers' schedulers, and inversion against a Gaussian's closed form."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from diffusers import DDIMInverseScheduler, DDIMScheduler

from bench.generators.card import Betas
from bench.tuning.inversion import euler, evenly, invert, levels, matched

KEPT = levels(Betas())
SHAPE = (3, 4, 2, 2)
MEAN, STD = 0.3, 0.7


def normal(seed, shape=SHAPE, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def at(*times):
    return KEPT[torch.tensor(times) + 1]


def gaussian_noise(x, times):
    """Return the noise that the best predictor sees if all data are N(MEAN, STD ** 2)."""
    kept = KEPT[times + 1][:, None, None, None]
    return (1 - kept).sqrt() * (x - kept.sqrt() * MEAN) / (kept * STD**2 + 1 - kept)


def test_levels_go_from_clean_through_diffusers_table_to_noise():
    assert KEPT.dtype == torch.float64
    assert KEPT[0] == 1.0
    assert KEPT[-1] == 0.0
    table = DDIMScheduler(beta_start=1e-4, beta_end=0.02).alphas_cumprod
    torch.testing.assert_close(KEPT[1:-1].float(), table, rtol=1e-5, atol=0)


@pytest.mark.parametrize("t", [1, 17, 500, 999])
def test_a_move_up_is_diffusers_inverse_step(t):
    scheduler = DDIMInverseScheduler(beta_start=1e-4, beta_end=0.02, clip_sample=False)
    scheduler.set_timesteps(1000)
    x, noise = normal(0), normal(1)
    wanted = scheduler.step(noise, t, x).prev_sample
    moved = euler(x, noise, at(*[t - 1] * 3), at(*[t] * 3), clip=False)
    torch.testing.assert_close(moved, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("t", [0, 1, 17, 500, 998])
@pytest.mark.parametrize("by", [-1, 1])
def test_a_move_is_diffusers_step_with_the_noise_that_the_clipped_latent_leaves(t, by, clip):
    scheduler = DDIMScheduler(beta_start=1e-4, beta_end=0.02, clip_sample=clip)
    scheduler.num_inference_steps = -by * 1000  # its stride, which may then go up
    scheduler._get_variance = lambda *_: torch.zeros(())  # has a root upwards, and is not used
    x, noise = normal(0), normal(1)
    wanted = scheduler.step(noise, t, x, use_clipped_model_output=clip).prev_sample
    moved = euler(x, noise, at(*[t] * 3), at(*[t + by] * 3), clip)
    torch.testing.assert_close(moved, wanted, rtol=1e-3, atol=1e-4)


def test_a_move_beyond_the_last_timestep_leaves_the_noise():
    x, noise = normal(0), normal(1)
    moved = euler(x, noise, at(999, 999, 999), at(1000, 1000, 1000), clip=False)
    torch.testing.assert_close(moved, noise)


def test_rows_move_between_their_own_levels():
    x, noise = normal(0), normal(1)
    starts, ends = (0, 400, 998), (300, 500, 999)
    moved = euler(x, noise, at(*starts), at(*ends), clip=True)
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        one = slice(row, row + 1)
        alone = euler(x[one], noise[one], at(start), at(end), clip=True)
        torch.testing.assert_close(moved[one], alone)


@pytest.mark.parametrize("clip", [False, True])
def test_a_move_to_the_same_level_changes_nothing(clip):
    x, noise = 3 * normal(0), normal(1)
    levels_ = at(-1, 10, 900)
    torch.testing.assert_close(euler(x, noise, levels_, levels_, clip), x)


@pytest.mark.parametrize("clip", [False, True])
def test_moves_have_the_gradients_of_finite_differences(clip):
    x, noise = (normal(seed, (2, 1, 2, 2)).requires_grad_() for seed in (0, 1))
    start, end = at(200, 700), at(300, 800)
    assert torch.autograd.gradcheck(lambda a, b: euler(a, b, start, end, clip), (x, noise))


def test_timesteps_are_evenly_spaced_and_end_where_they_should():
    last = torch.tensor([1000, 999, 42, 3, 0])
    for steps in (1, 7, 10):
        times = evenly(last, steps)
        assert times.shape == (steps, 5)
        assert torch.equal(times[-1], last)
        wide = torch.cat([torch.full((1, 5), -1), times]).diff(dim=0)
        assert ((wide - (last + 1) / steps).abs() < 1).all()
    assert evenly(torch.tensor([999]), 10).flatten().tolist() == list(range(99, 1000, 100))


def test_a_chain_is_diffusers_inverse_scheduler_step_by_step():
    scheduler = DDIMInverseScheduler(beta_start=1e-4, beta_end=0.02, clip_sample=False)
    scheduler.set_timesteps(10)
    clean = normal(0)
    wanted = clean
    for before, now in itertools.pairwise([0, *scheduler.timesteps.tolist()]):
        noise = gaussian_noise(wanted, torch.full((3,), before))
        wanted = scheduler.step(noise, now, wanted).prev_sample
    times = scheduler.timesteps[:, None].expand(-1, 3)
    ours = invert(gaussian_noise, clean, times, KEPT, clip=False)
    torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)


def inverted(clean, last, steps):
    return invert(gaussian_noise, clean, evenly(last, steps), KEPT, clip=False)


def sampled(x, last, steps):
    """Take noise away again on the same timesteps, by diffusers' formula written out."""
    times = torch.cat([torch.full((1, len(x)), -1), evenly(last, steps)])
    for before, now in reversed(list(itertools.pairwise(times))):
        noise = gaussian_noise(x, now)
        kept, less = (KEPT[t + 1][:, None, None, None] for t in (now, before))
        clean = (x - (1 - kept).sqrt() * noise) / kept.sqrt()
        x = less.sqrt() * clean + (1 - less).sqrt() * noise
    return x


LAST = torch.tensor([999, 600, 90])


def test_inversion_approaches_the_closed_form_of_a_gaussian():
    # The probability flow moves quantiles onto quantiles: deviations grow with the spread.
    clean, kept = normal(0) * STD + MEAN, KEPT[LAST + 1][:, None, None, None]
    exact = kept.sqrt() * MEAN + (kept * STD**2 + 1 - kept).sqrt() / STD * (clean - MEAN)
    errors = [(inverted(clean, LAST, steps) - exact).abs().max().item() for steps in (10, 40, 160)]
    assert errors[0] < 0.5
    for more, less in itertools.pairwise(errors):
        assert less < more / 3  # first order would be a quarter


def test_sampling_undoes_inversion_the_better_the_more_steps():
    clean = normal(0) * STD + MEAN
    errors = [
        (sampled(inverted(clean, LAST, steps), LAST, steps) - clean).abs().max().item()
        for steps in (10, 40, 160)
    ]
    assert errors[0] < 1.0
    assert errors[-1] < 0.1
    for more, less in itertools.pairwise(errors):
        assert less < more / 2.5


def test_equal_directions_match_fully_and_opposite_ones_not():
    p = normal(0)
    assert matched(p, 5 * p, "diagonal").item() == pytest.approx(1.0)
    assert matched(p, -p, "diagonal").item() == pytest.approx(-1.0)
    one = p[:1].expand(4, -1, -1, -1)
    assert matched(one, one, "all").item() == pytest.approx(1.0)


def test_matching_is_the_mean_of_scipys_cosines():
    from scipy.spatial.distance import cdist

    p, q = normal(0), normal(1)
    cosines = 1 - cdist(p.flatten(1).numpy(), q.flatten(1).numpy(), "cosine")
    assert matched(p, q, "diagonal").item() == pytest.approx(np.diag(cosines).mean())
    assert matched(p, q, "all").item() == pytest.approx(cosines.mean())


def test_all_pairs_are_the_product_of_mean_directions():
    p, q = normal(0), normal(1)
    means = [(x.flatten(1) / x.flatten(1).norm(dim=1, keepdim=True)).mean(0) for x in (p, q)]
    assert matched(p, q, "all").item() == pytest.approx((means[0] @ means[1]).item())


@pytest.mark.parametrize("pairing", ["diagonal", "all"])
def test_matching_has_the_gradients_of_finite_differences(pairing):
    p, q = (normal(seed, (3, 2, 1, 2)).requires_grad_() for seed in (0, 1))
    assert torch.autograd.gradcheck(lambda a, b: matched(a, b, pairing), (p, q))


def test_the_code_s_step_at_the_clean_latent_is_its_formula_in_plain_numbers():
    clean, noise, t = 1.7, -0.4, 300
    kept, more = KEPT[t + 1].item(), KEPT[t + 2].item()
    guess = max(-1.0, min(1.0, (clean - math.sqrt(1 - kept) * noise) / math.sqrt(kept)))
    left = (clean - math.sqrt(kept) * guess) / math.sqrt(1 - kept)
    wanted = math.sqrt(more) * guess + math.sqrt(1 - more) * left
    x, e = (torch.full((1, 1, 1, 1), value, dtype=torch.float64) for value in (clean, noise))
    assert euler(x, e, at(t), at(t + 1), clip=True).item() == pytest.approx(wanted)

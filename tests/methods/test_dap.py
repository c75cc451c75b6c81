import copy
import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from watching import Watched, latents_of

from bench.errors import BenchError, UsageError
from bench.generators import GENERATORS
from bench.generators.autoencoder import LatentCodec
from bench.generators.diffusion_transformer import DiffusionTransformer
from bench.generators.text import TextDiffusion
from bench.preparation.block_features import BlockFeatures
from bench.preparation.latents import RealLatents
from bench.sampling import Sampling
from bench.sampling.hook import Job, Want
from methods.dap import DAP, usual_block
from methods.dap_hook import TowardsReals
from methods.dap_kernels import Kernel
from methods.dit import DiT

KERNELS = (
    Kernel(),
    Kernel("rbf", bandwidth=3.0),
    Kernel("rbf"),
    Kernel("polynomial", degree=3, offset=0.5),
)
WIDTH = {"none": 16 * 16, "mean": 16}
"""16 tokens of 16 numbers: the tiny network has 2 heads of 8, and patches of 2 in 8 x 8."""


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def distances(kernel, features, reals):
    """Return D_K by its definition, from all products, in NumPy."""
    x, y = np.asarray(features), np.asarray(reals)

    def value(a, b):
        if kernel.name == "linear":
            return a @ b
        if kernel.name == "polynomial":
            return (a @ b / len(a) + kernel.offset) ** kernel.degree
        gaps = [np.linalg.norm(p - q) for p, q in itertools.combinations(y, 2)]
        width = kernel.bandwidth or sorted(gaps)[(len(gaps) - 1) // 2]
        return np.exp(-(np.linalg.norm(a - b) ** 2) / (2 * width**2))

    found = [[value(a, a) + value(b, b) - 2 * value(a, b) for b in y] for a in x]
    return np.sqrt(np.maximum(found, 0.0))


# --- the kernels ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_distance_is_that_of_its_kernel(kernel):
    features, reals = randn(3, 7), randn(6, 7, seed=1)
    expected = distances(kernel, features, reals)
    np.testing.assert_allclose(kernel.to_reals(reals)(features), expected, rtol=1e-9)


def test_the_linear_distance_is_the_euclidean_one():
    features, reals = randn(3, 7), randn(5, 7, seed=1)
    expected = torch.linalg.vector_norm(features[:, None] - reals, dim=2)
    torch.testing.assert_close(Kernel().to_reals(reals)(features), expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("kernel", [k for k in KERNELS if k.bandwidth or k.name != "rbf"])
def test_a_distance_is_a_metric(kernel):
    points = randn(12, 4)
    gaps = kernel.to_reals(points)(points)
    # Where it is 0, its root is taken of 1e-12.
    assert gaps.diagonal().abs().max() < 2e-6
    torch.testing.assert_close(gaps, gaps.T)
    shortest = (gaps[:, :, None] + gaps[None]).amin(dim=1)
    assert (gaps <= shortest + 1e-9).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kernel", [Kernel(), Kernel("rbf", bandwidth=1.0), Kernel("polynomial")])
def test_features_equal_to_all_real_ones_have_no_slope(kernel, dtype):
    point = randn(1, 50, dtype=dtype).requires_grad_()
    reals = point.detach().repeat(7, 1)
    (slope,) = torch.autograd.grad(kernel.to_reals(reals)(point).mean(), point)
    assert slope.norm() < 1e-3  # of a slope that is 1 everywhere else for the linear kernel


# --- the hook ------------------------------------------------------------------------------------


@dataclass
class Reals:
    """Features of classes from memory, `[T, n, d]`."""

    classes: list[np.ndarray]

    def of_class(self, label):
        return self.classes[label]


def make_reals(pooling="mean", times=1, num=5, seed=3):
    width = WIDTH[pooling]
    return Reals([randn(times, num, width, seed=seed + label).numpy() for label in range(3)])


def make_hook(reals=None, **others):
    given: dict[str, Any] = {
        "strength": 0.5,
        "early_stop": 25 / 49,
        "layer": "block1",
        "pooling": "mean",
        "kernel": Kernel().to_reals,
        "reals": reals or make_reals(others.get("pooling", "mean")),
    }
    return TowardsReals(**{**given, **others})


def make_jobs(count=1):
    return [Job(f"n{label:02d}", label, k) for label in range(3) for k in range(count)]


def energies(generator, step, hook, kernel, x):
    """Return E of the rows of `x` at a step, from the network's features by the definition."""
    times = torch.full((len(x),), step.level.t)
    with torch.no_grad():
        features = generator.features(x, times, step.cond, hook.layer)
    features = features.flatten(1) if hook.pooling == "none" else features.mean(dim=1)
    place = hook.times.index(step.level.t) if hook.times else 0
    rows = zip(features, step.jobs, strict=True)
    return np.array(
        [
            distances(kernel, row[None], hook.reals.of_class(job.label)[place]).mean()
            for row, job in rows
        ]
    )


def first_guided(generator, hook, **sampling):
    watched = Watched(hook)
    latents_of(generator, watched, make_jobs(), **sampling)
    return watched.guided[0]


@pytest.mark.parametrize("pooling", ["none", "mean"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_displacement_is_the_negative_slope_of_the_energy(double, kernel, pooling):
    hook = make_hook(kernel=kernel.to_reals, pooling=pooling, strength=0.7)
    step, delta = first_guided(double, hook)
    x, way = step.x.detach(), randn(*step.x.shape, seed=5)
    above, below = (energies(double, step, hook, kernel, x + h * way) for h in (1e-4, -1e-4))
    expected = -0.7 * (above - below) / 2e-4
    np.testing.assert_allclose((delta.x * way).sum(dim=(1, 2, 3)), expected, rtol=1e-5)
    expected = energies(double, step, hook, kernel, x)
    np.testing.assert_allclose(delta.values["energy"], expected, rtol=1e-9)


def test_a_small_displacement_lowers_the_energy(double):
    hook = make_hook()
    step, delta = first_guided(double, hook)
    before, after = (
        energies(double, step, hook, Kernel(), step.x.detach() + share * delta.x)
        for share in (0.0, 1e-3)
    )
    assert (after < before).all()


def test_nothing_but_the_state_after_the_step_is_changed(double):
    _, delta = first_guided(double, make_hook())
    assert (delta.noise, delta.clean, delta.mean, delta.repeat) == (None, None, None, False)


@pytest.mark.parametrize("change", ["order", "twice"])
def test_the_order_and_the_number_of_equal_real_images_do_not_matter(double, change):
    reals = make_reals()
    changed = [
        each[:, ::-1].copy() if change == "order" else np.concatenate([each, each], axis=1)
        for each in reals.classes
    ]
    (_, one), (_, other) = (
        first_guided(double, make_hook(given)) for given in (reals, Reals(changed))
    )
    torch.testing.assert_close(one.x, other.x, rtol=1e-9, atol=1e-12)


def test_blocks_behind_the_layer_do_not_matter(double):
    other = DiffusionTransformer(double.card, double.codec, copy.deepcopy(double.transformer))
    torch.nn.init.constant_(other.transformer.transformer_blocks[2].ff.net[2].weight, 3.0)
    hook = make_hook()
    (one, first), (two, second) = (first_guided(g, hook) for g in (double, other))
    assert not torch.equal(one.prediction.noise, two.prediction.noise)
    assert torch.equal(first.x, second.x)


def test_every_image_is_drawn_to_its_own_class(double):
    reals = make_reals()
    jobs = [make_jobs()[label] for label in (2, 0, 1, 0)]
    watched = Watched(make_hook(reals))
    latents_of(double, watched, jobs)
    step, delta = watched.seen[0]
    assert [job.label for job in step.jobs] == [2, 0, 1, 0]
    expected = energies(double, step, watched.hook, Kernel(), step.x.detach())
    np.testing.assert_allclose(delta.values["energy"], expected)


def test_matched_features_are_those_of_the_level(double):
    times = (500, 750)
    hook = make_hook(make_reals(times=2), times=times)
    watched = Watched(hook)
    latents_of(double, watched, make_jobs(), steps=4)
    assert [step.level.t for step, _ in watched.guided] == [750, 500]
    for step, delta in watched.guided:
        expected = energies(double, step, hook, Kernel(), step.x.detach())
        np.testing.assert_allclose(delta.values["energy"], expected)


def test_the_first_25_of_50_steps_are_guided_in_order(generator):
    watched = Watched(make_hook())
    latents_of(generator, watched, make_jobs()[:1], steps=50, scheduler="ddpm")
    guided = [step.level.i for step, _ in watched.guided]
    assert guided == list(range(49, 24, -1))
    assert len(watched.seen) == 50


def test_without_an_early_stop_all_steps_are_guided(generator):
    watched = Watched(make_hook(early_stop=0.0))
    latents_of(generator, watched, make_jobs()[:1])
    assert [delta is not None for _, delta in watched.seen] == [True] * 5


@pytest.mark.parametrize("scheduler", ["ddpm", "ddim"])
def test_strength_0_asks_for_nothing_and_changes_nothing(generator, scheduler):
    hook = make_hook(strength=0.0)
    assert all(hook.wants(u / 10) == Want() for u in range(11))
    plain, guided = (
        latents_of(generator, given, make_jobs(), scheduler=scheduler) for given in (None, hook)
    )
    assert torch.equal(plain, guided)


def test_a_graph_up_to_the_layer_is_asked_for_while_guidance_is_on():
    hook = make_hook()
    assert hook.wants(25 / 49) == Want(graph=True, layer="block1")
    assert hook.wants(24 / 49) == Want()


@pytest.mark.parametrize("scheduler", ["ddpm", "ddim"])
def test_the_batch_changes_no_image(double, scheduler):
    jobs = make_jobs(3)
    found = [
        latents_of(double, make_hook(), jobs, batch=batch, scheduler=scheduler)
        for batch in (1, 4, 64)
    ]
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=0, atol=1e-8)


def test_guided_states_are_nearer_to_the_real_images_than_plain_ones(generator):
    ends = {}
    for strength in (1e-9, 1.0):  # so weak that it only tells the energy
        watched = Watched(make_hook(strength=strength, early_stop=0.0))
        latents_of(generator, watched, make_jobs(4), steps=20)
        ends[strength] = watched.seen[-1][1].values["energy"].mean()
    assert ends[1.0] < ends[1e-9]


def test_guidance_that_is_not_finite_names_the_step_and_the_strength(double):
    reals = make_reals()
    reals.classes[1][:] = np.nan
    with pytest.raises(BenchError, match=r"step 4 of 5 .* `strength` 0\.5"):
        latents_of(double, make_hook(reals), make_jobs())


def test_the_middle_of_a_u_net_guides_too(generator):
    from diffusers import UNet2DConditionModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(8, 16),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=12,
            attention_head_dim=2,
            norm_num_groups=4,
        ).double()
    card = replace(generator.card, conditioning="text", classes=(), layers=("mid",))
    codec = LatentCodec(copy.deepcopy(generator.codec.autoencoder).double())
    words = TextDiffusion(card, codec, unet, lambda prompts: randn(len(prompts), 5, 12))
    step, delta = first_guided(words, make_hook(layer="mid"))
    assert step.prediction.features.shape == (3, 16, 4, 4)
    means = step.prediction.features.detach().mean(dim=(2, 3))
    for row, job in enumerate(step.jobs):
        gaps = means[row].numpy() - make_reals().of_class(job.label)[0]
        expected = np.linalg.norm(gaps, axis=1).mean()
        assert delta.values["energy"][row].item() == pytest.approx(expected)
    assert (delta.x.flatten(1).norm(dim=1) > 0).all()


# --- the method ----------------------------------------------------------------------------------


@pytest.fixture
def distil(make_context, tiny_real):
    def run(method, ipc, real=tiny_real):
        distilled = method.resolve(real.card, ipc).distill(real, ipc, make_context())
        return np.stack([distilled.images.decode(i) for i in range(len(distilled))]).astype(int)

    return run


QUICK = Sampling(steps=4, scheduler="ddim")


def test_a_set_is_another_than_that_of_plain_sampling(distil):
    plain, guided = distil(DiT(QUICK), 2), distil(DAP(QUICK, strength=100.0), 2)
    assert guided.shape == (6, 16, 16, 3)
    assert np.abs(plain - guided).max() > 5


def test_strength_0_is_plain_sampling_and_needs_the_generator_alone(distil, tiny_real):
    method = DAP(QUICK, strength=0.0)
    assert np.array_equal(distil(method, 2), distil(DiT(QUICK), 2))
    assert len(method.needs(tiny_real.card, 2)) == 1


def test_one_image_a_class_is_a_prefix_of_ten(distil):
    one, ten = (distil(DAP(QUICK), ipc) for ipc in (1, 10))
    assert np.abs(one - ten[::10]).max() <= 1


def test_it_needs_latents_and_features_that_all_seeds_share(tiny_real):
    method = DAP(QUICK).resolve(tiny_real.card, 2)
    _, latents, features = method.needs(tiny_real.card, 2)
    assert isinstance(latents, RealLatents)
    assert isinstance(features, BlockFeatures)
    assert features.latents == latents
    assert (features.layer, features.pooling, features.count) == ("block0", "mean", 200)


def test_matched_features_are_asked_for_at_the_timesteps_of_guided_steps(tiny_real):
    method = DAP(real="matched").resolve(tiny_real.card, 1)
    *_, features = method.needs(tiny_real.card, 1)
    assert features.noised
    assert len(features.times) == 25
    assert (features.times[0], features.times[-1]) == (510, 999)
    method = DAP(real="clean").resolve(tiny_real.card, 1)
    *_, features = method.needs(tiny_real.card, 1)
    assert (features.noised, features.times) == (False, (0,))


@pytest.mark.parametrize(
    ("generator_name", "expected"),
    [("embedded", (1.0, 0, "mean", "matched")), ("other", (1.0, 0, "none", "clean"))],
)
def test_fields_are_filled_in_by_the_generator(tiny_real, generator_name, expected, monkeypatch):
    monkeypatch.setitem(GENERATORS, "other", GENERATORS["embedded"])
    method = DAP(Sampling(generator=generator_name)).resolve(tiny_real.card, 1)
    assert (method.strength, method.block, method.pooling, method.real) == expected


def test_given_fields_are_left_as_they_are(tiny_real):
    given = DAP(strength=0.25, block=2, pooling="none", real="clean")
    method = given.resolve(tiny_real.card, 1)
    assert replace(method, sampling=given.sampling) == given


def test_the_usual_block_is_as_deep_as_the_ninth_of_28():
    depths = {28: 8, 12: 3, 6: 1, 3: 0, 1: 0}
    assert {n: usual_block([""] * n) for n in depths} == depths


def test_a_block_that_does_not_exist_is_one_sentence(tiny_real):
    with pytest.raises(UsageError, match=r"between 0 and 2, the blocks of 'embedded', got 9\."):
        DAP(block=9).resolve(tiny_real.card, 1)


def test_a_bandwidth_cannot_be_told_from_one_image(make_real):
    card = make_real((1, 4, 4)).card
    with pytest.raises(UsageError, match=r"'dap' needs 2 .* class 'n00' .* has 1: give a `band"):
        DAP(kernel="rbf").resolve(card, 1)
    assert DAP(kernel="rbf", bandwidth=2.0).resolve(card, 1).bandwidth == 2.0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"strength": -1.0}, "`strength` must be at least 0"),
        ({"early_stop": 1.5}, "`early_stop` must lie between 0 and 1, got 1.5"),
        ({"bandwidth": 0.0}, "`bandwidth` must be above 0, got 0.0"),
        ({"num_real": 0}, "`num_real` must be at least 1, got 0"),
        ({"degree": 0}, "`degree` must be at least 1, got 0"),
        ({"block": -1}, "`block` must be at least 0, got -1"),
        ({"offset": -0.5}, "`offset` must be at least 0"),
    ],
)
def test_a_value_out_of_range_is_refused_when_the_spec_is_made(fields, words):
    with pytest.raises(ValueError, match=words):
        DAP(**fields)

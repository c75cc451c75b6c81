import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.errors import UsageError
from bench.generators.card import GeneratorCard
from bench.generators.interface import Cond, Prediction
from bench.preparation.latents import RealLatents
from bench.preparation.modes import Modes
from bench.sampling import Sampling
from bench.sampling.batches import jobs_of
from bench.sampling.sampler import sample, sample_batches
from bench.sampling.schedule import Schedule, ddim_mean, noise_of
from bench.streams import Streams
from methods.dit import DiT
from methods.mgd3 import MGD3
from methods.mgd3_hook import ModeGuidance

DDIM = Sampling(scheduler="ddim", steps=20)
DDPM = Sampling(steps=50)
FEW = [replace(DDPM, steps=6), replace(DDIM, steps=5)]


def latents_of(generator, card, hook, sampling, count=2, seed=0):
    """Return the latents of `count` images of every class, in the order of the jobs."""
    made = sample(generator, jobs_of(card, count), sampling, Streams((seed,)), hook=hook)
    return torch.cat([latents for _, latents in made])


def own(step, modes):
    rows = [modes.of_class(job.label)[job.k] for job in step.jobs]
    return torch.from_numpy(np.stack(rows)).to(step.x.dtype)


# --- the step ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", FEW, ids=["ddpm", "ddim"])
@pytest.mark.parametrize("ddim", ["state", "clean"])
@pytest.mark.parametrize(("strength", "stop"), [(0.0, 25 / 49), (0.1, 1.0)])
def test_without_strength_or_window_images_are_those_of_dit(
    generator, tiny_real, some_modes, sampling, ddim, strength, stop
):
    hook = ModeGuidance(some_modes, strength, stop, ddim)
    one, other = (latents_of(generator, tiny_real.card, h, sampling) for h in (None, hook))
    assert torch.equal(one, other)


def test_ddpm_moves_the_state_by_a_tenth_of_sigma_times_the_way_to_the_mode(
    double, tiny_real, some_modes, watch
):
    hook = watch(ModeGuidance(some_modes, 0.1, 25 / 49, "state"))
    latents_of(double, tiny_real.card, hook, replace(DDPM, steps=8))
    for (step, delta), (after, _) in zip(hook.seen, hook.seen[1:], strict=False):
        expected = step.proposal
        if delta is not None:
            expected = expected + 0.1 * step.sigma * (own(step, some_modes) - step.clean)
        torch.testing.assert_close(after.x, expected, rtol=1e-12, atol=1e-12)
    assert len(hook.guided) == 4


def test_ddim_moves_the_state_by_the_way_to_the_mode_as_the_level_keeps_it(
    double, tiny_real, some_modes, watch
):
    hook = watch(ModeGuidance(some_modes, 0.1, 0.5, "state"))
    latents_of(double, tiny_real.card, hook, replace(DDIM, steps=8))
    step, (after, _) = hook.seen[0][0], hook.seen[1]
    way = 0.1 * math.sqrt(step.level.kept) * (own(step, some_modes) - step.clean)
    torch.testing.assert_close(after.x, step.proposal + way, rtol=1e-12, atol=1e-12)


def test_ddim_may_move_the_clean_latent_and_the_noise_with_it(double, tiny_real, some_modes, watch):
    hook = watch(ModeGuidance(some_modes, 0.1, 0.5, "clean"))
    latents_of(double, tiny_real.card, hook, replace(DDIM, steps=8))
    step, (after, _) = hook.seen[0][0], hook.seen[1]
    clean = 0.9 * step.clean + 0.1 * own(step, some_modes)
    expected = ddim_mean(clean, noise_of(step.x, clean, step.level), step.level)
    torch.testing.assert_close(after.x, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("sampling", FEW, ids=["ddpm", "ddim"])
@pytest.mark.parametrize("ddim", ["state", "clean"])
def test_an_image_that_is_its_mode_is_left_alone(
    generator, tiny_real, some_modes, watch, sampling, ddim
):
    hook = watch(ModeGuidance(some_modes, 0.1, 0.5, ddim))
    latents_of(generator, tiny_real.card, hook, sampling)
    step, _ = hook.guided[0]
    delta = hook.hook(replace(step, clean=own(step, some_modes)))
    changes = [delta.noise, delta.clean, delta.mean, delta.x]
    assert [change.any().item() for change in changes if change is not None] == [False]


def test_the_first_24_of_50_steps_are_guided(generator, tiny_real, some_modes, watch):
    hook = watch(ModeGuidance(some_modes, 0.1, 25 / 49, "state"))
    latents_of(generator, tiny_real.card, hook, DDPM, count=1)
    assert [step.level.i for step, _ in hook.guided] == list(range(49, 25, -1))
    assert [step.level.t for step, _ in (hook.guided[0], hook.guided[-1])] == [999, 530]


@pytest.mark.parametrize("sampling", FEW, ids=["ddpm", "ddim"])
@pytest.mark.parametrize("ddim", ["state", "clean"])
def test_the_batch_changes_no_image(double, generator, tiny_real, some_modes, sampling, ddim):
    for model, tolerance in ((double, 1e-8), (generator, 1e-3)):
        one, four, all_at_once = (
            latents_of(
                model,
                tiny_real.card,
                ModeGuidance(some_modes, 0.02, 25 / 49, ddim),
                replace(sampling, batch=batch),
                count=3,
            )
            for batch in (1, 4, 64)
        )
        scale = one.square().mean().sqrt()
        assert (one - four).abs().max() < tolerance * scale
        assert (one - all_at_once).abs().max() < tolerance * scale


def test_the_trace_is_the_norm_of_the_pull(generator, tiny_real, some_modes, watch):
    hook = watch(ModeGuidance(some_modes, 0.1, 25 / 49, "state"))
    jobs = jobs_of(tiny_real.card, 2)
    (batch,) = sample_batches(generator, [jobs], replace(DDPM, steps=6), Streams((0,)), hook=hook)
    for row, (step, delta) in enumerate(hook.seen):
        pull = 0.1 * step.sigma * (own(step, some_modes) - step.clean)
        expected = pull.flatten(1).norm(dim=1) if delta is not None else torch.zeros(6)
        torch.testing.assert_close(batch.traces["mean"][row], expected, rtol=1e-4, atol=0)
    assert len(hook.guided) == 3


# --- what it is for ------------------------------------------------------------------------------


class Gaussian:
    """A generator of which all is known: every class is normal around its own centre."""

    device, dtype, spread = torch.device("cpu"), torch.float64, 0.5

    def __init__(self, centres):
        self.centres = centres
        self.card = GeneratorCard(
            name="gaussian",
            weights="none",
            conditioning="class",
            classes=("n00", "n01", "n02"),
            image_size=4,
            latent_shape=(1, 4, 4),
            layers=(),
            uses_imagenet_labels=False,
        )
        self.kept = {level.t: level.kept for level in Schedule.of("ddpm", 1000).levels}

    def condition(self, classes, prompts=None):
        labels = torch.tensor(self.card.labels(classes))
        return Cond(labels, labels)

    def predict(self, x, t, cond, cfg, layer=None):
        kept = self.kept[int(t[0])]
        variance = kept * self.spread**2 + 1 - kept
        off = x - math.sqrt(kept) * self.centres[cond.given]
        noise = math.sqrt(1 - kept) * off / variance
        return Prediction(noise, None, noise, None)


class Places:
    """One mode for every image, or one for all."""

    def __init__(self, modes):
        self.modes = modes

    def of_class(self, label):
        return self.modes[label]


@pytest.fixture(scope="module")
def toy():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 1, 4, 4))
    modes = (centres[:, None] + 0.7 * rng.normal(size=(3, 8, 1, 4, 4))).astype(np.float32)
    return Gaussian(torch.from_numpy(centres)), Places(modes)


@pytest.mark.parametrize("sampling", [DDPM, DDIM], ids=["ddpm", "ddim"])
def test_images_come_nearer_to_their_modes_with_the_strength(toy, tiny_real, sampling):
    generator, modes = toy
    targets = torch.from_numpy(modes.modes).flatten(0, 1)
    gaps = []
    for strength in (0.0, 0.03, 0.1):
        hook = ModeGuidance(modes, strength, 0.3, "state")
        latents = latents_of(generator, tiny_real.card, hook, sampling, count=8)
        gaps.append(float((latents - targets).flatten(1).norm(dim=1).mean()))
    assert gaps[0] > gaps[1] > gaps[2]


@pytest.mark.parametrize("sampling", [DDPM, DDIM], ids=["ddpm", "ddim"])
def test_modes_of_their_own_spread_images_more_than_one_for_all(toy, tiny_real, sampling):
    generator, modes = toy
    shared = Places(np.repeat(modes.modes.mean(axis=1, keepdims=True), 8, axis=1))
    spreads = []
    for some in (shared, modes):
        hook = ModeGuidance(some, 0.1, 0.3, "state")
        latents = latents_of(generator, tiny_real.card, hook, sampling, count=8)
        spreads.append(sum(torch.pdist(own.flatten(1)).mean() for own in latents.split(8)))
    assert spreads[0] < spreads[1]


# --- the method ----------------------------------------------------------------------------------


def test_the_method_asks_for_latents_and_as_many_modes_as_images(tiny_real):
    method = MGD3(discovery="ward", represent="closest", flip=False).resolve(tiny_real.card, 4)
    _, latents, modes = method.needs(tiny_real.card, 4)
    assert latents == RealLatents("tiny", "a" * 64, "embedded", "made", flip=False)
    assert modes == Modes(latents, 4, "ward", "closest")


def test_the_hook_pulls_towards_the_modes_of_the_real_set(
    tiny_real, make_context, generator, watch
):
    ctx = make_context()
    method = MGD3().resolve(tiny_real.card, 1)
    hook = watch(method.hook(tiny_real.card, 1, ctx))
    assert not hook.sequential
    assert hook.strengths == "`strength` 0.1"
    latents_of(generator, tiny_real.card, hook, replace(DDPM, steps=4), count=1)
    step, delta = hook.guided[0]
    of_classes = ctx.get(RealLatents.of(tiny_real.card, method.sampling))
    means = [of_classes.of_class(job.label).astype(np.float64).mean(axis=0) for job in step.jobs]
    expected = 0.1 * step.sigma * (torch.from_numpy(np.stack(means)) - step.clean)
    torch.testing.assert_close(delta.mean, expected.float(), rtol=1e-4, atol=1e-4)


def test_without_strength_the_distilled_set_is_that_of_dit(tiny_real, make_context):
    sampling = replace(DDIM, steps=4)
    sets = []
    for method in (MGD3(sampling, strength=0.0), DiT(sampling)):
        distilled = method.resolve(tiny_real.card, 3).distill(tiny_real, 3, make_context())
        sets.append(np.stack([distilled.images.decode(index) for index in range(9)]))
    assert (sets[0] == sets[1]).all()


def test_a_class_smaller_than_the_ipc_is_one_sentence(make_real):
    card = make_real((8, 3, 8)).card
    MGD3().resolve(card, 3)
    with pytest.raises(UsageError) as error:
        MGD3().resolve(card, 5)
    assert str(error.value) == (
        "'mgd3' gives each image a mode of its own and needs 5 training images of every class, "
        "but class 'n01' of 'tiny' has 3: ask for an IPC of at most 3."
    )


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("strength", -0.1, r"`strength` must be at least 0 \(0 is off\), got -0.1."),
        ("stop", 1.1, r"`stop` must lie between 0 and 1, got 1.1."),
        ("discovery", "dbscan", r"`discovery` must be one of 'kmeans', .*, got 'dbscan'."),
        ("represent", "median", r"`represent` must be one of 'centroid', .*, got 'median'."),
        ("ddim", "both", r"`ddim` must be one of 'state', 'clean', got 'both'."),
    ],
)
def test_values_out_of_range_are_refused(field, value, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        MGD3(**{field: value})

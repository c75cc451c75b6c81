import itertools
import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch

from bench import specs
from bench.errors import BenchError, UsageError
from bench.generators import GENERATORS
from bench.generators.card import Betas
from bench.generators.interface import Cond, Prediction
from bench.sampling import Sampling
from bench.sampling.batches import jobs_of
from bench.sampling.hook import Delta, Job, Want
from bench.sampling.pictures import decode
from bench.sampling.probe import estimate_seconds
from bench.sampling.sampler import generate, sample
from bench.sampling.schedule import (
    Schedule,
    clean_of,
    ddim_mean,
    ddpm_mean,
    ddpm_sigma,
    noise_of,
    noised,
    timesteps,
)
from bench.sets import DatasetCard
from bench.streams import Streams

STREAMS = Streams((7,))
FIELDS = ("noise", "clean", "mean", "x")


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def make_jobs(*classes, count=1):
    return [Job(c, int(c[1:]), k) for c in classes for k in range(count)]


def latents_of(generator, jobs, sampling, streams=STREAMS, hook=None):
    """Return job to final latent."""
    made = sample(generator, jobs, sampling, streams, hook=hook)
    return {
        job: latent for batch, latents in made for job, latent in zip(batch, latents, strict=True)
    }


def stacked(generator, jobs, sampling, **others):
    found = latents_of(generator, jobs, sampling, **others)
    return torch.stack([found[job] for job in jobs])


# --- an independent float64 reference of methods-guided.md, section 1 -----------------------------


@dataclass
class Reference:
    """The respaced process in NumPy, by the equations alone; `kept[i]` is A_i."""

    steps: list[int]
    spacing: str = "linear"
    first: float = 1e-4
    last: float = 2e-2

    def __post_init__(self):
        betas = np.linspace(self.first, self.last, 1000)
        if self.spacing == "scaled_linear":
            betas = np.linspace(math.sqrt(self.first), math.sqrt(self.last), 1000) ** 2
        whole = np.cumprod(1.0 - betas)
        # As the official code does: new betas first, then everything from them.
        now, betas = 1.0, []
        for t in self.steps:
            betas.append(1 - whole[t] / now)
            now = whole[t]
        self.beta = np.array(betas)
        self.kept = np.cumprod(1 - self.beta)
        self.before = np.append(1.0, self.kept[:-1])
        smallest = self.beta * (1 - self.before) / (1 - self.kept)
        self.log_smallest = np.log(np.append(smallest[1], smallest[1:]))

    def clean(self, x, e, i):
        return x * np.sqrt(1 / self.kept[i]) - e * np.sqrt(1 / self.kept[i] - 1)

    def ddpm(self, x, e, v, n, i):
        clean = self.clean(x, e, i)
        mean = (
            self.beta[i] * np.sqrt(self.before[i]) / (1 - self.kept[i]) * clean
            + (1 - self.before[i]) * np.sqrt(1 - self.beta[i]) / (1 - self.kept[i]) * x
        )
        share = (v + 1) / 2
        log_variance = share * np.log(self.beta[i]) + (1 - share) * self.log_smallest[i]
        return mean + (i > 0) * np.exp(0.5 * log_variance) * n

    def ddim(self, x, e, i):
        clean = self.clean(x, e, i)
        return clean * np.sqrt(self.before[i]) + np.sqrt(1 - self.before[i]) * e


def official_even_steps(count):
    """Return `space_timesteps(1000, [count])`, which adds a fractional stride up."""
    stride, place, taken = 999 / (count - 1), 0.0, []
    for _ in range(count):
        taken.append(round(place))
        place += stride
    return taken


def official_stride_steps(count):
    """Return `space_timesteps(1000, "ddim<count>")`, or None where it raises."""
    for stride in range(1, 1000):
        if len(range(0, 1000, stride)) == count:
            return list(range(0, 1000, stride))
    return None


# --- the schedule --------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 4, 6, 10, 20, 25, 50, 100, 250, 999, 1000])
def test_ddpm_spreads_its_steps_as_the_official_code_does(count):
    assert list(timesteps("ddpm", count)) == official_even_steps(count)


def test_fifty_steps_fall_on_the_published_timesteps():
    times = timesteps("ddpm", 50)
    assert times[:4] == (0, 20, 41, 61)
    assert [times[i] for i in (25, 26, 30, 45, 49)] == [510, 530, 612, 917, 999]
    assert timesteps("ddim", 50) == tuple(range(0, 1000, 20))


def test_ddim_takes_the_official_stride_or_says_that_there_is_none():
    for count in range(2, 301):
        expected = official_stride_steps(count)
        if expected is None:
            with pytest.raises(ValueError, match=rf"`steps` = {count} does not give: take \d+, or"):
                timesteps("ddim", count)
        else:
            assert list(timesteps("ddim", count)) == expected


@pytest.mark.parametrize("steps", [1, 0, 1001])
def test_a_number_of_steps_out_of_range_is_refused(steps):
    with pytest.raises(ValueError, match=rf"`steps` must lie between 2 and 1000, got {steps}\."):
        timesteps("ddpm", steps)


@pytest.mark.parametrize("scheduler", ["ddpm", "ddim"])
@pytest.mark.parametrize("count", [2, 6, 50, 250])
@pytest.mark.parametrize("betas", [Betas(), Betas(8.5e-4, 1.2e-2, "scaled_linear")])
def test_tables_agree_with_the_reference_in_float64(scheduler, count, betas):
    schedule = Schedule.of(scheduler, count, betas)
    reference = Reference(list(timesteps(scheduler, count)), betas.spacing, betas.first, betas.last)
    levels = schedule.levels
    assert [level.i for level in levels] == list(range(count))
    assert [level.beta for level in levels] == pytest.approx(reference.beta, rel=1e-10)
    assert [level.kept for level in levels] == pytest.approx(reference.kept, rel=1e-12)
    assert [level.kept_before for level in levels] == pytest.approx(reference.before, rel=1e-12)
    low, high = zip(*(level.log_bounds for level in levels), strict=True)
    assert low == pytest.approx(reference.log_smallest, rel=1e-10)
    assert high == pytest.approx(np.log(reference.beta), rel=1e-10)


def test_fifty_steps_have_the_magnitudes_of_the_specification():
    levels = Schedule.of("ddpm", 50).levels
    sigma = {49: 0.574, 45: 0.554, 40: 0.538, 35: 0.508, 30: 0.473, 26: 0.433}
    assert {i: round(math.exp(0.5 * levels[i].log_bounds[0]), 3) for i in sigma} == sigma
    noise = {49: 1.0, 45: 1.0, 40: 0.999, 35: 0.997, 30: 0.989, 26: 0.971, 10: 0.595}
    assert {i: round(math.sqrt(1 - levels[i].kept), 3) for i in noise} == noise


def test_the_fraction_falls_from_one_at_the_first_step_to_zero_at_the_last():
    levels = Schedule.of("ddpm", 50).levels
    assert (levels[49].u, levels[0].u) == (1.0, 0.0)
    assert [level.last for level in levels] == [True] + 49 * [False]
    # The windows of the papers: MGD3 stops at i = 25, IGD guides 30 to 45.
    assert [level.i for level in levels if level.u > 25 / 49] == list(range(26, 50))
    assert [level.i for level in levels if 0.61 < level.u < 0.92] == list(range(30, 46))


# --- one step ------------------------------------------------------------------------------------


@pytest.mark.parametrize("i", [0, 1, 2, 10, 25, 48, 49])
def test_a_ddpm_step_agrees_with_the_reference(i):
    level = Schedule.of("ddpm", 50).levels[i]
    x, e, v, n = (randn(2, 4, 8, 8, seed=s) for s in range(4))
    clean = clean_of(x, e, level)
    got = ddpm_mean(x, clean, level)
    if i:
        got = got + ddpm_sigma(v, level, got) * n
    expected = Reference(official_even_steps(50)).ddpm(*(a.numpy() for a in (x, e, v, n)), i)
    assert got.numpy() == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("i", [0, 1, 10, 25, 49])
def test_a_ddim_step_agrees_with_the_reference(i):
    level = Schedule.of("ddim", 50).levels[i]
    x, e = (randn(2, 4, 8, 8, seed=s) for s in range(2))
    expected = Reference(list(range(0, 1000, 20))).ddim(x.numpy(), e.numpy(), i)
    got = ddim_mean(clean_of(x, e, level), e, level)
    assert got.numpy() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_ddpm_step_agrees_with_diffusers():
    from diffusers import DDPMScheduler

    theirs = DDPMScheduler(
        beta_schedule="linear",
        beta_start=1e-4,
        beta_end=2e-2,
        variance_type="learned_range",
        clip_sample=False,
    )
    theirs.set_timesteps(timesteps=list(timesteps("ddpm", 50)[::-1]))
    x, e, v = (randn(1, 4, 8, 8, seed=s, dtype=torch.float32) for s in range(3))
    for i in (49, 30, 10, 1):
        level = Schedule.of("ddpm", 50).levels[i]
        rng = torch.Generator().manual_seed(i)
        step = theirs.step(torch.cat([e, v], dim=1), level.t, x, generator=rng)
        mean = ddpm_mean(x, clean_of(x, e, level), level)
        n = torch.randn(x.shape, generator=torch.Generator().manual_seed(i))
        torch.testing.assert_close(
            mean + ddpm_sigma(v, level, mean) * n, step.prev_sample, rtol=1e-4, atol=1e-4
        )


def test_a_ddim_step_agrees_with_diffusers():
    from diffusers import DDIMScheduler

    theirs = DDIMScheduler(
        beta_schedule="linear",
        beta_start=1e-4,
        beta_end=2e-2,
        timestep_spacing="leading",
        clip_sample=False,
    )
    theirs.set_timesteps(20)
    x, e = (randn(1, 4, 8, 8, seed=s, dtype=torch.float32) for s in range(2))
    for i in (19, 10, 1, 0):
        level = Schedule.of("ddim", 20).levels[i]
        got = ddim_mean(clean_of(x, e, level), e, level)
        torch.testing.assert_close(
            got, theirs.step(e, level.t, x).prev_sample, rtol=1e-4, atol=1e-4
        )


def test_without_learned_variance_the_smaller_bound_is_taken():
    level = Schedule.of("ddpm", 50).levels[10]
    sigma = ddpm_sigma(None, level, randn(1, 4, 2, 2))
    expected = level.beta * (1 - level.kept_before) / (1 - level.kept)
    assert sigma.square().numpy() == pytest.approx(np.full((1, 4, 2, 2), expected))


def test_clean_latent_and_noise_determine_each_other():
    level = Schedule.of("ddpm", 50).levels[30]
    x, e = randn(1, 4, 8, 8), randn(1, 4, 8, 8, seed=1)
    torch.testing.assert_close(noise_of(x, clean_of(x, e, level), level), e)
    together = math.sqrt(level.kept) * clean_of(x, e, level) + math.sqrt(1 - level.kept) * e
    torch.testing.assert_close(together, x)


def test_noising_again_follows_the_forward_step():
    level = Schedule.of("ddpm", 50).levels[30]
    x, n = randn(1, 4, 8, 8), randn(1, 4, 8, 8, seed=1)
    expected = math.sqrt(1 - level.beta) * x + math.sqrt(level.beta) * n
    torch.testing.assert_close(noised(x, n, level), expected)


# --- whole images --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exact(make_generator):
    return make_generator(torch.float64)


@pytest.fixture(scope="module")
def tiny(make_generator):
    return make_generator()


def reference_image(generator, job, steps, scheduler, cfg):
    """Return a latent by the reference, the network called on one image at a time."""
    times = official_even_steps(steps) if scheduler == "ddpm" else official_stride_steps(steps)
    process = Reference(times)
    rng = STREAMS.torch("noise", job.class_id, job.k)
    label = torch.tensor([int(job.class_id[1:])])
    x = torch.randn(1, 4, 8, 8, generator=rng).double().numpy()
    for i in reversed(range(steps)):
        state, t = torch.from_numpy(x), torch.tensor([times[i]])
        with torch.no_grad():
            given = generator.transformer(state, t, label).sample.numpy()
            null = generator.transformer(state, t, torch.tensor([10])).sample.numpy()
        e = given[:, :4].copy()
        e[:, :3] = null[:, :3] + cfg * (given[:, :3] - null[:, :3])
        if scheduler == "ddim":
            x = process.ddim(x, e, i)
            continue
        n = torch.randn(1, 4, 8, 8, generator=rng).double().numpy() if i else 0.0
        x = process.ddpm(x, e, given[:, 4:], n, i)
    return x[0]


@pytest.mark.parametrize("scheduler", ["ddpm", "ddim"])
@pytest.mark.parametrize("cfg", [1.0, 4.0])
def test_an_image_agrees_with_the_reference_to_1e_8_in_float64(exact, scheduler, cfg):
    jobs = make_jobs("c3", "c8", count=2)
    sampling = Sampling(scheduler=scheduler, steps=6, cfg=cfg)
    for job, latent in latents_of(exact, jobs, sampling).items():
        expected = reference_image(exact, job, 6, scheduler, cfg)
        scale = np.abs(expected).max()
        assert latent.numpy() / scale == pytest.approx(expected / scale, abs=1e-8)


@dataclass
class Spy:
    """Leaves every step alone and remembers it."""

    want: Want = field(default_factory=Want)
    sequential: bool = False
    strengths: str = "`push` 1"
    steps: list[Any] = field(default_factory=list)
    finished: list[Any] = field(default_factory=list)

    def wants(self, u):
        return self.want

    def __call__(self, step):
        self.steps.append(step)

    def done(self, job, latent):
        self.finished.append((job, latent.clone()))

    def noises(self, job):
        """Return the noise that one image got, step by step."""
        return [
            step.noise[step.jobs.index(job)]
            for step in self.steps
            if job in step.jobs and step.noise is not None
        ]


DDPM, DDIM = Sampling(steps=6), Sampling(steps=6, scheduler="ddim")


@pytest.mark.parametrize("sampling", [DDPM, DDIM])
def test_the_batch_changes_no_noise_and_latents_by_rounding_only(tiny, sampling):
    jobs = make_jobs("c3", "c8", "c1", count=3)
    spies = {size: Spy() for size in (1, 4, 64)}
    made = {
        size: stacked(tiny, jobs, replace(sampling, batch=size), hook=spy)
        for size, spy in spies.items()
    }
    for size in (4, 64):
        scale = made[1].abs().max()
        torch.testing.assert_close(made[size] / scale, made[1] / scale, rtol=0, atol=1e-5)
        for job in jobs:
            pairs = zip(spies[size].noises(job), spies[1].noises(job), strict=True)
            assert all(torch.equal(one, other) for one, other in pairs)


def test_noise_follows_from_seed_class_and_index_alone(tiny):
    jobs = make_jobs("c3", "c8", count=3)
    spy, alone = Spy(), Spy()
    stacked(tiny, jobs, DDPM, hook=spy)
    stacked(tiny, [jobs[4]], DDPM, hook=alone)
    rng = STREAMS.torch("noise", "c8", 1)
    drawn = [torch.randn(4, 8, 8, generator=rng) for _ in range(6)]
    assert torch.equal(alone.steps[0].x[0], drawn[0])
    for noises in (spy.noises(jobs[4]), alone.noises(jobs[4])):
        assert len(noises) == 5
        assert all(torch.equal(one, other) for one, other in zip(noises, drawn[1:], strict=True))


def test_the_same_seed_gives_the_same_latents_and_another_seed_others(tiny):
    jobs = make_jobs("c3", "c8")
    first, again = stacked(tiny, jobs, DDPM), stacked(tiny, jobs, DDPM)
    assert torch.equal(first, again)
    assert not torch.allclose(first, stacked(tiny, jobs, DDPM, streams=Streams((8,))), atol=0.1)


def test_both_schedulers_start_from_the_same_noise(tiny):
    spies = []
    for sampling in (DDPM, DDIM):
        spies.append(Spy())
        stacked(tiny, make_jobs("c3"), sampling, hook=spies[-1])
    assert torch.equal(spies[0].steps[0].x, spies[1].steps[0].x)


def test_the_last_step_adds_no_noise_and_ddim_none_at_all(tiny):
    for sampling, with_noise in ((DDPM, [True] * 5 + [False]), (DDIM, [False] * 6)):
        spy = Spy()
        final = stacked(tiny, make_jobs("c3"), sampling, hook=spy)
        assert [step.noise is not None for step in spy.steps] == with_noise
        assert torch.equal(spy.steps[-1].mean, final)


@dataclass
class Counting:
    """A generator of another size that says what it is called with; it predicts nothing."""

    inner: Any
    calls: list[Any] = field(default_factory=list)

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def predict(self, x, t, cond, cfg, layer=None):
        self.calls.append((tuple(x.shape), t.tolist(), cond.given.tolist(), cfg))
        return self.inner.predict(x, t, cond, cfg, layer)


def test_every_batch_has_one_shape_and_timesteps_go_down(tiny):
    generator = Counting(tiny)
    jobs = make_jobs("c3", "c8", "c1", count=3)
    made = latents_of(generator, jobs, replace(DDPM, batch=4))
    assert list(made) == jobs
    assert {shape for shape, *_ in generator.calls} == {(3, 4, 8, 8)}
    assert len(generator.calls) == 3 * 6
    assert [t[0] for _, t, *_ in generator.calls[:6]] == official_even_steps(6)[::-1]


def test_a_short_last_batch_is_padded_by_its_last_job_of_which_nothing_is_kept(tiny):
    generator, spy = Counting(tiny), Spy()
    jobs = make_jobs("c3", "c8", "c1", "c2", "c5")
    made = latents_of(generator, jobs, replace(DDPM, batch=3), hook=spy)
    assert [given for _, _, given, _ in generator.calls][::6] == [[3, 8, 1], [2, 5, 5]]
    assert list(made) == jobs
    assert [job for job, _ in spy.finished] == jobs
    assert all(torch.equal(latent, made[job]) for job, latent in spy.finished)


def test_progress_counts_the_steps_of_all_batches(tiny):
    heard = []
    jobs = make_jobs("c3", "c8", "c1")
    list(sample(tiny, jobs, replace(DDPM, batch=2), STREAMS, progress=lambda *at: heard.append(at)))
    assert heard == [(done, 12) for done in range(1, 13)]


def test_a_class_the_generator_does_not_know_is_refused_before_anything_is_sampled(tiny):
    generator = Counting(tiny)
    with pytest.raises(UsageError, match=r"'tiny' knows 10 classes and 'c77' is not one"):
        latents_of(generator, make_jobs("c3", "c8", "c77"), replace(DDPM, batch=1))
    assert generator.calls == []


def test_latents_that_are_not_finite_are_one_sentence(tiny):
    class Broken(Counting):
        def predict(self, x, t, cond, cfg, layer=None):
            return Prediction(x * math.inf, None, x, None)

    with pytest.raises(BenchError, match=r"'tiny' gave latents that are not finite: lower `cfg`"):
        latents_of(Broken(tiny), make_jobs("c3"), DDIM)


def test_a_generator_without_learned_variance_takes_the_smaller_one(tiny):
    class Plain(Counting):
        def predict(self, x, t, cond, cfg, layer=None):
            return Prediction(torch.zeros_like(x), None, torch.zeros_like(x), None)

    process = Reference(official_even_steps(6))
    rng = STREAMS.torch("noise", "c3", 0)
    x = torch.randn(4, 8, 8, generator=rng).numpy()
    for i in reversed(range(6)):
        n = torch.randn(4, 8, 8, generator=rng).numpy() if i else 0.0
        x = process.ddpm(x, 0.0, -1.0, n, i)  # v = -1 is the smaller bound
    assert stacked(Plain(tiny), make_jobs("c3"), DDPM)[0].numpy() == pytest.approx(x, rel=1e-3)


# --- hooks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", [DDPM, DDIM])
@pytest.mark.parametrize(
    "want", [Want(), Want(graph=True), Want(layer="block1"), Want(True, "block1")]
)
def test_a_hook_that_changes_nothing_leaves_latents_bit_for_bit(tiny, sampling, want):
    jobs = make_jobs("c3", "c8", count=2)
    plain = stacked(tiny, jobs, sampling)
    assert torch.equal(stacked(tiny, jobs, sampling, hook=Spy(want)), plain)


@dataclass
class Pushing(Spy):
    """Changes one quantity at one step."""

    at: int = 3
    delta: Delta = field(default_factory=Delta)

    def __call__(self, step):
        super().__call__(step)
        return self.delta if step.level.i == self.at else None


def test_a_step_says_what_the_sampler_would_do(tiny):
    spy = Spy()
    stacked(tiny, make_jobs("c3", "c8"), DDPM, hook=spy)
    for step, after in itertools.pairwise(spy.steps):
        torch.testing.assert_close(step.clean, clean_of(step.x, step.prediction.noise, step.level))
        torch.testing.assert_close(step.mean, ddpm_mean(step.x, step.clean, step.level))
        assert torch.equal(step.proposal, step.mean + step.sigma * step.noise)
        assert torch.equal(after.x, step.proposal)
    assert [step.level.i for step in spy.steps] == [5, 4, 3, 2, 1, 0]
    assert {step.attempt for step in spy.steps} == {0}


@pytest.mark.parametrize("sampling", [DDPM, DDIM])
@pytest.mark.parametrize("name", FIELDS)
def test_a_delta_acts_where_it_is_said_to_act(exact, sampling, name):
    jobs = make_jobs("c3", "c8")
    push = randn(2, 4, 8, 8, seed=9)
    hook = Pushing(delta=Delta(**{name: push}))
    stacked(exact, jobs, sampling, hook=hook)
    step, after = hook.steps[2], hook.steps[3].x
    level, e, clean = step.level, step.prediction.noise, step.clean
    assert level.i == 3
    if name == "noise":
        e = e + push
        clean = clean_of(step.x, e, level)
    if name == "clean":
        clean = clean + push
        e = noise_of(step.x, clean, level)
    ddpm = sampling.scheduler == "ddpm"
    mean = ddpm_mean(step.x, clean, level) if ddpm else ddim_mean(clean, e, level)
    expected = mean + step.sigma * step.noise if ddpm else mean
    if name in ("mean", "x"):
        expected = expected + push
    torch.testing.assert_close(after, expected)
    assert not torch.allclose(after, step.proposal)


def test_several_deltas_at_once_are_applied_in_the_order_of_the_fields(exact):
    pushes = {name: randn(1, 4, 8, 8, seed=seed) for seed, name in enumerate(FIELDS)}
    hook = Pushing(delta=Delta(**pushes))
    stacked(exact, make_jobs("c3"), DDPM, hook=hook)
    step = hook.steps[2]
    clean = clean_of(step.x, step.prediction.noise + pushes["noise"], step.level) + pushes["clean"]
    expected = ddpm_mean(step.x, clean, step.level) + pushes["mean"] + step.sigma * step.noise
    torch.testing.assert_close(hook.steps[3].x, expected + pushes["x"])


@pytest.mark.parametrize("name", FIELDS)
def test_a_delta_of_zeros_changes_latents_by_rounding_at_most(exact, name):
    jobs = make_jobs("c3")
    hook = Pushing(delta=Delta(**{name: torch.zeros(1, 4, 8, 8, dtype=torch.float64)}))
    torch.testing.assert_close(stacked(exact, jobs, DDPM, hook=hook), stacked(exact, jobs, DDPM))


def test_guidance_moves_no_noise_of_the_sampler(tiny):
    jobs = make_jobs("c3", "c8")
    spy, hook = Spy(), Pushing(delta=Delta(x=torch.ones(2, 4, 8, 8)))
    stacked(tiny, jobs, DDPM, hook=spy)
    stacked(tiny, jobs, DDPM, hook=hook)
    for job in jobs:
        pairs = zip(spy.noises(job), hook.noises(job), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)


@dataclass
class Drawing(Spy):
    """Uses the guidance streams at every step."""

    drawn: list[Any] = field(default_factory=list)

    def __call__(self, step):
        super().__call__(step)
        self.drawn.append([torch.randn(2, generator=rng) for rng in step.rngs])


def test_guidance_has_a_stream_of_its_own_for_every_image(tiny):
    jobs = make_jobs("c3", "c8", count=2)
    plain, hook, alone = stacked(tiny, jobs, DDPM), Drawing(), Drawing()
    assert torch.equal(stacked(tiny, jobs, DDPM, hook=hook), plain)
    stacked(tiny, [jobs[2]], DDPM, hook=alone)
    rng = STREAMS.torch("guidance", "c8", 0)
    for rows, (row,) in zip(hook.drawn, alone.drawn, strict=True):
        assert torch.equal(rows[2], row)
        assert torch.equal(row, torch.randn(2, generator=rng))


@dataclass
class Repeating(Spy):
    """Repeats step 3 twice."""

    def __call__(self, step):
        super().__call__(step)
        return Delta(repeat=True) if step.level.i == 3 and step.attempt < 2 else None


@pytest.mark.parametrize("sampling", [DDPM, DDIM])
def test_a_repeated_step_noises_the_state_again_and_leaves_the_samplers_noise_alone(
    exact, sampling
):
    jobs = make_jobs("c3")
    spy, hook = Spy(), Repeating()
    stacked(exact, jobs, sampling, hook=spy)
    stacked(exact, jobs, sampling, hook=hook)
    tries = [step for step in hook.steps if step.level.i == 3]
    assert [step.attempt for step in tries] == [0, 1, 2]
    rng = STREAMS.torch("guidance", "c3", 0)
    for one, following in itertools.pairwise(tries):
        fresh = torch.randn(4, 8, 8, generator=rng).double()
        torch.testing.assert_close(following.x[0], noised(one.proposal[0], fresh, one.level))
        if sampling.scheduler == "ddpm":
            assert torch.equal(following.noise[0], torch.randn(4, 8, 8, generator=rng).double())
    after, plain = (
        [step.noise for step in steps if step.level.i < 3] for steps in (hook.steps, spy.steps)
    )
    for one, other in zip(after, plain, strict=True):
        assert one is other is None or torch.equal(one, other)


def test_a_hook_of_the_whole_graph_differentiates_through_network_and_decoder(exact):
    found = []

    class Pulling(Spy):
        def __call__(self, step):
            if step.level.i != 3:
                return None
            loss = step.generator.decode(step.clean).square().sum()
            (gradient,) = torch.autograd.grad(loss, step.x)
            found.append((step, gradient))
            return Delta(x=-gradient)

    final = stacked(exact, make_jobs("c3"), DDPM, hook=Pulling(Want(graph=True)))
    step, gradient = found[0]
    assert not final.requires_grad
    direction, width = randn(1, 4, 8, 8, seed=3), 1e-5

    def loss(x):
        times = torch.tensor([step.level.t])
        prediction = exact.predict(x, times, step.cond, 4.0)
        return exact.decode(clean_of(x, prediction.noise, step.level)).square().sum()

    with torch.no_grad():
        x = step.x.detach()
        slope = (loss(x + width * direction) - loss(x - width * direction)) / (2 * width)
    assert (gradient * direction).sum().item() == pytest.approx(slope.item(), rel=1e-5)


def test_a_hook_of_one_layer_differentiates_its_features_only(tiny):
    spy = Spy(Want(graph=True, layer="block1"))
    stacked(tiny, make_jobs("c3", "c8"), DDPM, hook=spy)
    step = spy.steps[0]
    assert step.prediction.features.shape == (2, 16, 16)
    (gradient,) = torch.autograd.grad(step.prediction.features.square().sum(), step.x)
    assert gradient.abs().amax(dim=(1, 2, 3)).min() > 0
    assert not step.clean.requires_grad
    assert not step.prediction.noise.requires_grad


def test_a_step_that_asks_for_no_graph_has_none(tiny):
    spy = Spy()
    stacked(tiny, make_jobs("c3"), DDPM, hook=spy)
    assert not any(step.x.requires_grad or step.clean.requires_grad for step in spy.steps)


def test_a_sequential_hook_sees_one_image_of_a_class_at_a_time_and_in_order(tiny):
    hook = Spy(sequential=True)
    jobs = make_jobs("c3", "c8", "c1", count=2)
    made = latents_of(tiny, jobs, DDIM, hook=hook)
    assert [(job.class_id, job.k) for job, _ in hook.finished] == [
        ("c3", 0), ("c8", 0), ("c1", 0), ("c3", 1), ("c8", 1), ("c1", 1),
    ]  # fmt: skip
    assert all(len({job.class_id for job in step.jobs}) == 3 for step in hook.steps)
    plain = latents_of(tiny, jobs, DDIM)
    for job in jobs:
        torch.testing.assert_close(made[job], plain[job], rtol=1e-4, atol=1e-4)


def test_guidance_that_is_not_finite_names_its_step(tiny):
    hook = Pushing(delta=Delta(mean=torch.full((1, 4, 8, 8), math.nan)))
    with pytest.raises(
        BenchError,
        match=r"step 3 of 6 \(t = 599\) with `push` 1 is not finite in `mean`: lower it\.",
    ):
        stacked(tiny, make_jobs("c3"), DDPM, hook=hook)


# --- pictures ------------------------------------------------------------------------------------


def test_pictures_are_decoded_clipped_and_rounded(tiny, monkeypatch):
    values = torch.tensor([-7.0, -1.0, 0.0, 0.5, 1.0, 7.0])
    monkeypatch.setattr(
        type(tiny),
        "decode",
        lambda self, z: values[: len(z), None, None, None].expand(-1, 3, 16, 16),
    )
    images = decode(tiny, randn(6, 4, 8, 8, dtype=torch.float32), Sampling())
    assert images.shape == (6, 16, 16, 3)
    assert images.dtype == np.uint8
    assert images[:, 0, 0, 0].tolist() == [0, 0, 128, 191, 255, 255]


def test_pictures_are_the_same_however_many_are_decoded_together(tiny, monkeypatch):
    latents = randn(5, 4, 8, 8, dtype=torch.float32)
    whole = decode(tiny, latents, Sampling())
    monkeypatch.setattr("bench.sampling.pictures.DECODE_PIXELS", 2 * 16**2)
    parts = decode(tiny, latents, Sampling())
    assert np.abs(parts.astype(int) - whole).max() <= 1
    assert whole.std() > 10


def test_pictures_come_in_the_order_of_the_jobs_whatever_the_batches(tiny):
    jobs = make_jobs("c3", "c8", count=2)
    in_rounds = generate(tiny, jobs, DDIM, STREAMS, hook=Spy(sequential=True))
    at_once = generate(tiny, jobs, DDIM, STREAMS)
    assert in_rounds.shape == (4, 16, 16, 3)
    assert np.abs(in_rounds.astype(int) - at_once).max() <= 1


# --- the time ------------------------------------------------------------------------------------


def test_the_expected_time_is_that_of_all_steps_and_decodings(tiny, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("bench.sampling.probe.time.perf_counter", lambda: clock[0])
    kind, predict, decoded = type(tiny), type(tiny).predict, type(tiny).decode

    def slow_predict(self, x, *rest):
        clock[0] += 0.01 * len(x)
        return predict(self, x, *rest)

    def slow_decode(self, latents):
        clock[0] += 0.002 * len(latents)
        return decoded(self, latents)

    monkeypatch.setattr(kind, "predict", slow_predict)
    monkeypatch.setattr(kind, "decode", slow_decode)
    jobs = make_jobs("c3", "c8", count=50)
    seconds = estimate_seconds(tiny, jobs, replace(DDIM, batch=40))
    assert seconds == pytest.approx(100 * (DDIM.steps * 0.01 + 0.002))
    # 1, 1, 4, 16 and 40 images: the last takes longer than the budget, and no batch is larger.
    assert clock[0] == pytest.approx(0.01 * 62 + 0.002 * 62)


# --- the spec ------------------------------------------------------------------------------------


def card_of(*classes, name="some"):
    names = tuple(f"the {class_id}" for class_id in classes)
    sizes = (4,) * len(classes)
    return DatasetCard(name, classes, names, "s", "s", "a" * 64, "b" * 64, sizes, 16, "convnet1@8")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 1}, r"`steps` must lie between 2 and 1000, got 1\."),
        (
            {"steps": 60, "scheduler": "ddim"},
            r"`steps` = 60 does not give: take 59, or `scheduler=",
        ),
        ({"cfg": 0.5}, r"`cfg` must be at least 1\.0 \(1\.0 is off\), got 0\.5\."),
        ({"batch": 0}, r"`batch` must be at least 1, got 0\."),
    ],
)
def test_values_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**fields)


def test_the_batch_is_no_part_of_what_identifies_a_result():
    assert specs.identity("s", Sampling(batch=8)) == "s"
    assert specs.identity("s", Sampling(steps=20, scheduler="ddim")) == "s+scheduler=ddim,steps=20"


def test_fields_can_be_set_as_text():
    asked = specs.override(Sampling(), {"steps": "20", "scheduler": "ddim", "cfg": "2.5"}, "s")
    assert asked == Sampling(steps=20, scheduler="ddim", cfg=2.5)
    with pytest.raises(UsageError, match=r"must be one of 'ddpm', 'ddim', got 'euler'"):
        specs.override(Sampling(), {"scheduler": "euler"}, "s")


def test_the_generator_that_knows_the_classes_is_taken():
    card = card_of("n01440764", "n02979186")
    resolved = Sampling().resolve(card)
    assert resolved == Sampling(generator="dit-xl-2-256")
    assert resolved.resolve(card) == resolved
    assert Sampling(generator="sd-v1-5").resolve(card_of("anything")).generator == "sd-v1-5"


def test_the_embedded_generator_is_taken_for_its_own_sets_only():
    assert Sampling().resolve(card_of("fox", "cat", name="shapewoof")).generator == "embedded"
    with pytest.raises(UsageError, match=r"^No generator is meant for the classes of 'pets'"):
        Sampling().resolve(card_of("fox", "cat", name="pets"))
    named = Sampling(generator="embedded")
    assert named.resolve(card_of("fox", "cat", name="pets")) == named


def test_a_set_that_no_generator_knows_is_one_sentence():
    with pytest.raises(UsageError, match=r"^No generator is meant for the classes of 'some'"):
        Sampling().resolve(card_of("a", "b"))
    with pytest.raises(UsageError, match=r"'dit-xl-2-256' does not know 1 of the 2 classes of 'so"):
        Sampling(generator="dit-xl-2-256").resolve(card_of("n01440764", "b"))
    with pytest.raises(UsageError, match=r"Unknown generator 'embeded'\. Did you mean 'embedded'"):
        Sampling(generator="embeded").resolve(card_of("a"))


def test_the_generator_of_an_unresolved_spec_is_not_guessed():
    with pytest.raises(ValueError, match=r"`generator` must be filled in by `resolve`, got None"):
        Sampling().pretrained()


def test_prompts_reach_a_generator_of_text(tiny):
    heard = []

    class Words(Counting):
        card = replace(tiny.card, conditioning="text", classes=())

        def condition(self, classes, prompts=None):
            heard.append(list(prompts))
            return Cond(torch.tensor([3] * len(prompts)), torch.tensor([10] * len(prompts)))

    jobs = jobs_of(card_of("x"), 1)
    assert len(latents_of(Words(tiny), jobs, DDIM)) == 1
    assert heard == [["the x"]]
    assert GENERATORS["sd-v1-5"].classes == ()

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.errors import BenchError
from bench.sampling import Sampling
from bench.sampling.batches import batches_of
from bench.sampling.hook import Delta, Job, Want
from bench.sampling.pictures import decode
from bench.sampling.sampler import sample, sample_batches
from bench.streams import Streams

STREAMS = Streams((7,))
DDPM, DDIM = Sampling(steps=6), Sampling(steps=6, scheduler="ddim")


def jobs_of(*classes, count=1, ipc=0):
    return [Job(c, int(c[1:]), k, ipc=ipc) for c in classes for k in range(count)]


@pytest.fixture(scope="module")
def tiny(make_generator):
    return make_generator()


class Hooked:
    """Calls `act` with every step and keeps what it hears of."""

    strengths = "`push` 1"

    def __init__(self, act=lambda step: None, want=Want(), sequential=False):  # noqa: B008
        self.act, self.want, self.sequential = act, want, sequential
        self.steps, self.heard = [], []

    def wants(self, u):
        return self.want

    def __call__(self, step):
        self.steps.append(step)
        return self.act(step)

    def done(self, job, latent):
        self.heard.append((job, latent.clone()))


class Watched:
    """A generator that says what it is asked, and may run out of memory."""

    def __init__(self, inner, most=math.inf):
        self.inner, self.most, self.calls = inner, most, []

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def predict(self, x, t, cond, cfg, layer=None):
        self.calls.append(("predict", len(x), layer, torch.is_grad_enabled()))
        if len(x) > self.most:
            raise torch.OutOfMemoryError
        return self.inner.predict(x, t, cond, cfg, layer)

    def features(self, x, t, cond, layer):
        self.calls.append(("features", len(x), layer, torch.is_grad_enabled()))
        return self.inner.features(x, t, cond, layer)

    def decode(self, latents):
        if len(latents) > self.most:
            raise torch.OutOfMemoryError
        return self.inner.decode(latents)

    def condition(self, classes, prompts=None):
        self.calls.append(("condition", list(classes)))
        return self.inner.condition(classes, prompts)


def latents_of(generator, jobs, sampling, hook=None, streams=STREAMS):
    made = sample(generator, jobs, sampling, streams, hook=hook)
    found = {
        job: latent for batch, latents in made for job, latent in zip(batch, latents, strict=True)
    }
    return torch.stack([found[job] for job in jobs])


# --- what a step holds ---------------------------------------------------------------------------


def test_features_with_a_graph_are_asked_for_apart_and_the_prediction_is_that_without_a_hook(tiny):
    generator, hook = Watched(tiny), Hooked(want=Want(True, "block1"))
    latents_of(generator, jobs_of("c3", "c8"), DDPM, hook)
    asked = [call[:1] + call[2:] for call in generator.calls if call[0] != "condition"]
    assert asked == [("predict", None, False), ("features", "block1", True)] * 6
    step = hook.steps[0]
    times = torch.full((2,), step.level.t)
    with torch.no_grad():
        plain = tiny.predict(step.x, times, step.cond, DDPM.cfg)
        features = tiny.features(step.x, times, step.cond, "block1")
    assert torch.equal(step.prediction.noise, plain.noise)
    assert torch.equal(step.prediction.variance, plain.variance)
    assert torch.equal(step.prediction.features, features)


def test_features_without_a_graph_cost_no_call_of_their_own(tiny):
    generator, hook = Watched(tiny), Hooked(want=Want(False, "block1"))
    latents_of(generator, jobs_of("c3"), DDPM, hook)
    assert {call[0] for call in generator.calls} == {"condition", "predict"}
    assert not hook.steps[0].prediction.features.requires_grad


def test_all_steps_of_a_batch_have_one_tuple_of_jobs(tiny):
    hook = Hooked()
    latents_of(tiny, jobs_of("c3", "c8", "c1"), replace(DDPM, batch=2), hook)
    assert [len({id(step.jobs) for step in some}) for some in (hook.steps[:6], hook.steps[6:])] == [
        1,
        1,
    ]
    assert hook.steps[0].jobs is not hook.steps[6].jobs


def test_a_step_says_how_many_rows_are_images(tiny):
    hook = Hooked()
    latents_of(tiny, jobs_of("c3", "c8", "c1"), replace(DDPM, batch=2), hook)
    assert [(len(step.jobs), step.rows) for step in hook.steps] == [(2, 2)] * 6 + [(2, 1)] * 6


def test_images_may_share_randomness_that_does_not_depend_on_the_batch(tiny):
    drawn = {}
    for batch in (1, 3):
        found = drawn[batch] = {}

        def act(step, found=found):
            cloud = torch.randn(3, generator=step.streams.torch("cloud", step.level.i))
            for job in step.jobs[: step.rows]:
                found[job, step.level.i] = cloud.tolist()

        latents_of(tiny, jobs_of("c3", "c8", "c1"), replace(DDPM, batch=batch), Hooked(act))
    assert drawn[1] == drawn[3]
    assert len(drawn[1]) == 18


@pytest.mark.parametrize("sampling", [DDPM, DDIM])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-3), (torch.float64, 1e-8)])
def test_guided_images_are_the_same_in_batches_of_any_size(make_generator, sampling, dtype, error):
    def act(step):
        (slope,) = torch.autograd.grad(step.prediction.features.square().sum(), step.x)
        own = torch.stack([torch.randn(4, 8, 8, generator=rng) for rng in step.rngs])
        return Delta(mean=0.1 * own.to(slope.dtype), x=0.1 * torch.tanh(slope))

    jobs, generator = jobs_of("c3", "c8", "c1", count=2), make_generator(dtype)
    one, some, all_of_them = (
        latents_of(
            generator, jobs, replace(sampling, batch=batch), Hooked(act, Want(True, "block1"))
        )
        for batch in (1, 4, 64)
    )
    scale = one.abs().max()
    torch.testing.assert_close(some / scale, one / scale, rtol=0, atol=error)
    torch.testing.assert_close(all_of_them / scale, one / scale, rtol=0, atol=error)


def test_the_generator_is_shown_the_mapped_class_and_the_noise_is_that_of_the_sets_own(tiny):
    generator = Watched(tiny)
    mapped = Job("mine", 0, 0, known_as="c3")
    hook, own = Hooked(), Hooked()
    latents_of(generator, [mapped], DDPM, hook)
    latents_of(tiny, jobs_of("c3"), DDPM, own)
    assert generator.calls[0] == ("condition", ["c3"])
    first = torch.randn(4, 8, 8, generator=STREAMS.torch("noise", "mine", 0))
    assert torch.equal(hook.steps[0].x[0], first)
    assert not torch.equal(own.steps[0].x[0], first)


# --- sequential hooks ----------------------------------------------------------------------------


@pytest.mark.parametrize("ipc", [0, 2])
def test_a_sequential_hook_hears_of_an_image_before_the_next_of_its_class_and_group(tiny, ipc):
    known = []

    def act(step):
        heard = {(job.class_id, job.k) for job, _ in hook.heard}
        for job in step.jobs[: step.rows]:
            before = range(job.k - job.slot, job.k)
            known.append(all((job.class_id, k) in heard for k in before))

    hook = Hooked(act, sequential=True)
    jobs = jobs_of("c3", "c8", "c1", count=4, ipc=ipc)
    made = latents_of(tiny, jobs, replace(DDIM, batch=4), hook)
    assert known
    assert all(known)
    torch.testing.assert_close(made, latents_of(tiny, jobs, DDIM), rtol=1e-4, atol=1e-3)


def test_classes_are_finished_in_blocks(tiny):
    hook = Hooked(sequential=True)
    latents_of(tiny, jobs_of("c3", "c8", "c1", count=3), replace(DDIM, batch=2), hook)
    assert [job.class_id for job, _ in hook.heard] == ["c3", "c8"] * 3 + ["c1"] * 3


# --- numbers that are not finite, and too large ones ---------------------------------------------


@pytest.mark.parametrize("name", ["noise", "clean", "mean", "x"])
def test_guidance_that_is_not_finite_names_step_field_and_strength(tiny, name):
    def act(step):
        return Delta(**{name: step.x * math.nan}) if step.level.i == 3 else None

    sentence = (
        r"^The guidance of step 3 of 6 \(t = 599\) with `push` 1 is not finite in "
        rf"`{name}`: lower it\.$"
    )
    with pytest.raises(BenchError, match=sentence):
        latents_of(tiny, jobs_of("c3"), DDPM, Hooked(act))


def test_padding_may_be_anything(tiny):
    def act(step):
        change = torch.zeros_like(step.x)
        change[step.rows :] = math.nan
        return Delta(x=change)

    jobs = jobs_of("c3", "c8", "c1")
    made = latents_of(tiny, jobs, replace(DDPM, batch=2), Hooked(act))
    assert torch.equal(made, latents_of(tiny, jobs, replace(DDPM, batch=2)))


def test_latents_far_larger_than_any_real_one_are_one_sentence(tiny):
    def act(step):
        return Delta(x=torch.full_like(step.x, 1e4)) if step.level.last else None

    with pytest.raises(BenchError, match=r"with `push` 1 gave latents of RMS .*about 1: lower it"):
        latents_of(tiny, jobs_of("c3"), DDPM, Hooked(act))


# --- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("sequential", [False, True])
def test_out_of_memory_halves_the_batch_and_gives_the_same_images(tiny, most, sequential):
    def act(step):
        noise = torch.stack([torch.randn(4, 8, 8, generator=rng) for rng in step.rngs])
        return Delta(x=0.1 * noise)

    jobs = jobs_of("c3", "c8", "c1", "c2", "c5", count=2)
    short, whole = Hooked(act, sequential=sequential), Hooked(act, sequential=sequential)
    generator = Watched(tiny, most)
    made = latents_of(generator, jobs, replace(DDPM, batch=8), short)
    expected = latents_of(tiny, jobs, replace(DDPM, batch=8), whole)
    scale = expected.abs().max()
    torch.testing.assert_close(made / scale, expected / scale, rtol=0, atol=1e-5)
    assert [job for job, _ in short.heard] == [job for job, _ in whole.heard]
    sizes = [call[1] for call in generator.calls if call[0] == "predict"]
    fitting = [size for size in sizes if size <= most]
    assert len(set(fitting)) == 1
    assert all(size > most for size in sizes[: sizes.index(fitting[0])])


def test_a_batch_says_in_which_shape_it_was_sampled(tiny):
    batches = batches_of(jobs_of("c3", "c8", "c1", "c2"), 4)
    made = list(sample_batches(Watched(tiny, 2), batches, DDIM, STREAMS))
    assert [(len(batch.jobs), batch.rows) for batch in made] == [(2, 2), (2, 2)]
    (made,) = sample_batches(tiny, [jobs_of("c3")], DDIM, STREAMS, rows=3)
    assert (len(made.jobs), made.rows) == (1, 3)


def test_guidance_may_run_out_of_memory_too(tiny):
    def act(step):
        if len(step.x) > 1 and step.level.i == 3:
            raise torch.OutOfMemoryError

    hook = Hooked(act)
    latents_of(tiny, jobs_of("c3", "c8"), DDPM, hook)
    assert [job.class_id for job, _ in hook.heard] == ["c3", "c8"]


def test_one_image_that_does_not_fit_is_one_sentence(tiny):
    generator = Watched(tiny, 0)
    sentence = r"out of memory while sampling one image with 'tiny': use `numerics=bf16`, or free"
    with pytest.raises(BenchError, match=sentence):
        latents_of(generator, jobs_of("c3", "c8"), DDPM)
    with pytest.raises(BenchError, match=r"out of memory while decoding one image"):
        decode(generator, torch.zeros(2, 4, 8, 8), DDPM)


def test_decoding_out_of_memory_gives_the_same_images(tiny):
    latents = torch.randn(5, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    short, whole = (decode(generator, latents, DDPM) for generator in (Watched(tiny, 2), tiny))
    assert np.abs(short.astype(int) - whole).max() <= 1
    assert whole.std() > 10


def test_progress_never_goes_back_and_ends_at_its_total(tiny):
    heard = []
    jobs = jobs_of("c3", "c8", "c1")
    made = sample(
        tiny, jobs, replace(DDIM, batch=2), STREAMS, progress=lambda *at: heard.append(at)
    )
    list(made)
    assert all(one < other for (one, _), (other, _) in itertools.pairwise(heard))
    assert heard[-1] == (12, 12)

import copy
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity
from watching import Watched, latents_of

from bench.backbones import build_student
from bench.backbones.students import ConvNet
from bench.errors import BenchError, UsageError
from bench.generators import GENERATORS
from bench.sampling import Sampling
from bench.sampling.hook import Job, Want
from bench.surrogates.gradients import ClassGradients
from bench.surrogates.trajectory import Trajectory
from methods import igd_hook
from methods.dit import DiT
from methods.igd import IGD
from methods.igd_hook import Influence, InfluenceGuidance
from methods.igd_memory import Memory

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Normalisation of what every network here is trained on."""


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def make_job(label=0, k=0, ipc=0):
    return Job(f"n{label:02d}", label, k, ipc=ipc)


# --- the memory ----------------------------------------------------------------------------------


def test_the_deviation_is_the_slope_of_the_cosine_to_the_most_similar_memory():
    x, kept = randn(4, 3, 3), [randn(4, 3, 3, seed=seed) for seed in range(1, 6)]
    memory = Memory(64)
    for latent in kept:
        memory.keep(make_job(), latent)
    leaf = x.clone().requires_grad_()
    cosines = torch.stack([cosine_similarity(leaf.flatten(), m.flatten(), dim=0) for m in kept])
    (expected,) = torch.autograd.grad(cosines.max(), leaf)
    found = memory.slope(make_job(), x)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


def test_the_deviation_is_across_the_state_and_of_the_stated_length():
    x, kept = randn(4, 3, 3), randn(4, 3, 3, seed=1)
    memory = Memory(64)
    memory.keep(make_job(), kept)
    slope = memory.slope(make_job(), x)
    cosine = cosine_similarity(x.flatten(), kept.flatten(), dim=0).item()
    expected = math.sqrt(1 - cosine**2) / x.norm().item()
    assert abs((slope * x).sum()) < 1e-10
    assert slope.norm().item() == pytest.approx(expected, rel=1e-8)


def test_the_oldest_of_many_memories_goes():
    memory = Memory(3)
    for number in range(5):
        memory.keep(make_job(k=number), torch.full((1, 1, 1), float(number)))
    assert [latent.item() for latent in memory.of(make_job())] == [2.0, 3.0, 4.0]


def test_every_class_and_every_group_remembers_its_own():
    memory = Memory(64)
    memory.keep(make_job(0, k=0, ipc=2), torch.ones(1, 1, 1))
    assert len(memory.of(make_job(0, k=1, ipc=2))) == 1
    assert memory.of(make_job(0, k=2, ipc=2)) == ()
    assert memory.of(make_job(1, k=1, ipc=2)) == ()
    assert memory.slope(make_job(1, k=1, ipc=2), torch.ones(1, 1, 1)) is None


# --- the hook ------------------------------------------------------------------------------------


class Random:
    """A surrogate with random parameters at every checkpoint, and random targets there."""

    indices = (0, 2, 3)

    def __init__(self, dtype=torch.float64):
        self.dtype = dtype
        network = build_student(ConvNet(2, width=4), num_classes=3, image_size=16, seed=0)
        self.network = network.to(dtype).eval().requires_grad_(False)
        self.size = sum(value.numel() for value in network.parameters())
        self.targets = {}

    def state(self, index):
        return {
            name: value + 0.1 * randn(*value.shape, seed=index, dtype=self.dtype)
            for name, value in self.network.named_parameters()
        }

    def of_class(self, label):
        if label not in self.targets:
            found = randn(3, self.size, seed=10 + label).numpy()
            norm = np.linalg.norm(found, axis=1)
            self.targets[label] = (found / norm[:, None], norm)
        return self.targets[label]


def make_hook(surrogate=None, dtype=torch.float64, **others):
    surrogate = surrogate or Random(dtype)
    given: dict[str, Any] = {
        "influence": 5.0,
        "deviation": 2.0,
        "low": 30 / 49,
        "high": 45 / 49,
        "base": 0.0015,
        "repeat": 1,
        "memory": Memory(64),
        "gradients": Influence(surrogate, surrogate),
    }
    return InfluenceGuidance(**{**given, **others})


def make_jobs(count=1):
    return [make_job(label, k) for label in range(3) for k in range(count)]


def guided_steps(generator, hook, jobs=None, **sampling):
    watched = Watched(hook)
    latents_of(generator, watched, jobs or make_jobs(), **sampling)
    return watched.guided


def decoded(generator, step, x):
    """Return what the predicted clean latents of `x` look like, as a surrogate sees it."""
    times = torch.full((len(x),), step.level.t)
    noise = generator.predict(x, times, step.cond, 4.0).noise
    clean = (x - math.sqrt(1 - step.level.kept) * noise) / math.sqrt(step.level.kept)
    pixels = (generator.decode(clean) + 1) / 2
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def own_gradients(surrogate, index, image, label):
    """Return the gradient `[P]` of one image by ordinary backward."""
    network = copy.deepcopy(surrogate.network).requires_grad_(True)
    network.load_state_dict(surrogate.state(index))
    loss = torch.nn.functional.cross_entropy(network(image[None]), torch.tensor([label]))
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(network.parameters()))])


def losses(generator, step, surrogate, x):
    """Return the influence loss of every row of `x`, by its definition."""
    with torch.no_grad():
        images = decoded(generator, step, x)
    found = []
    for image, job in zip(images, step.jobs, strict=True):
        units, norms = surrogate.of_class(job.label)
        parts = []
        for place, index in enumerate(surrogate.indices):
            own = own_gradients(surrogate, index, image, job.label).numpy()
            target = units[place] * norms[place]
            sizes = np.linalg.norm(own) * np.linalg.norm(target)
            parts.append(1 - own @ target / (sizes + 1e-6))
        found.append(np.mean(parts))
    return np.array(found)


def test_the_influence_is_along_the_negative_slope_of_the_loss(double):
    surrogate = Random()
    (step, delta), *_ = guided_steps(double, make_hook(surrogate, deviation=0.0))
    x, way = step.x.detach(), randn(*step.x.shape, seed=5)
    np.testing.assert_allclose(
        delta.values["influence loss"], losses(double, step, surrogate, x), rtol=1e-6
    )
    above, below = (losses(double, step, surrogate, x + h * way) for h in (1e-5, -1e-5))
    along = (above - below) / 2e-5
    # The displacement is the negative slope times one positive number for every image.
    other = randn(*step.x.shape, seed=6)
    above, below = (losses(double, step, surrogate, x + h * other) for h in (1e-5, -1e-5))
    ratio = along / ((above - below) / 2e-5)
    found = [(delta.x * each).sum(dim=(1, 2, 3)).numpy() for each in (way, other)]
    np.testing.assert_allclose(found[0] / found[1], ratio, rtol=1e-4)
    assert (np.sign(found[0]) == -np.sign(along)).all()


def test_a_small_displacement_lowers_the_loss(double):
    surrogate = Random()
    (step, delta), *_ = guided_steps(double, make_hook(surrogate, deviation=0.0))
    x = step.x.detach()
    before, after = (losses(double, step, surrogate, x + h * delta.x) for h in (0.0, 1e-2))
    assert (after < before).all()


@pytest.mark.parametrize("influence", [5.0, 15.0])
def test_the_influence_has_the_stated_size(double, influence):
    (step, delta), *_ = guided_steps(double, make_hook(influence=influence, deviation=0.0))
    noise = step.prediction.noise.detach().square().mean(dim=(1, 2, 3)).sqrt()
    expected = 0.0015 * influence * noise * math.sqrt(1 - step.level.kept)
    found = delta.x.square().mean(dim=(1, 2, 3)).sqrt()
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)


def test_the_direction_of_the_influence_does_not_depend_on_its_weight(double):
    (_, one), (_, other) = (
        guided_steps(double, make_hook(influence=k, deviation=0.0))[0] for k in (1.0, 20.0)
    )
    torch.testing.assert_close(20 * one.x, other.x)


def test_gradients_that_are_the_classes_own_have_no_loss(double):
    surrogate = Random()
    (step, _), *_ = guided_steps(double, make_hook(surrogate, deviation=0.0))
    with torch.no_grad():
        images = decoded(double, step, step.x)
    for image, job in zip(images, step.jobs, strict=True):
        found = np.stack(
            [own_gradients(surrogate, i, image, job.label).numpy() for i in surrogate.indices]
        )
        norm = np.linalg.norm(found, axis=1)
        surrogate.targets[job.label] = (found / norm[:, None], norm)
    (_, delta), *_ = guided_steps(double, make_hook(surrogate, deviation=0.0))
    assert delta.values["influence loss"].abs().max() < 1e-4
    assert delta.x.isfinite().all()


def test_one_backward_pass_of_the_sum_is_the_sum_of_all(double):
    """Compare with the graph of everything at once, and one backward pass a checkpoint."""
    surrogate = Random()
    (step, delta), *_ = guided_steps(double, make_hook(surrogate, deviation=0.0))
    x = step.x.detach().requires_grad_()
    slope = torch.zeros_like(x)
    for place, index in enumerate(surrogate.indices):
        images = decoded(double, step, x)
        for row, job in enumerate(step.jobs):
            network = copy.deepcopy(surrogate.network).requires_grad_(True)
            network.load_state_dict(surrogate.state(index))
            label = torch.tensor([job.label])
            loss = torch.nn.functional.cross_entropy(network(images[row : row + 1]), label)
            parts = torch.autograd.grad(loss, list(network.parameters()), create_graph=True)
            own = torch.cat([part.flatten() for part in parts])
            unit = torch.from_numpy(surrogate.of_class(job.label)[0][place])
            value = 1 - cosine_similarity(own, unit, dim=0)
            slope += torch.autograd.grad(value, x, retain_graph=True)[0] / 3
    directions = (
        each / each.flatten(1).norm(dim=1)[:, None, None, None] for each in (-slope, delta.x)
    )
    torch.testing.assert_close(*directions, rtol=1e-5, atol=1e-6)


def test_the_images_decoded_together_change_nothing(double, monkeypatch):
    (_, one), *_ = guided_steps(double, make_hook(deviation=0.0))
    monkeypatch.setattr(igd_hook, "GRADIENT_PIXELS", 16 * 16)
    (_, other), *_ = guided_steps(double, make_hook(deviation=0.0))
    torch.testing.assert_close(one.x, other.x, rtol=1e-8, atol=1e-12)


def test_a_slope_too_small_to_be_squared_keeps_its_direction():
    hook = make_hook(dtype=torch.float32)
    slope = randn(2, 4, 8, 8, dtype=torch.float32)
    slope[1] = 0.0

    @dataclass
    class Seen:
        prediction: Any
        level: Any

    noise = torch.ones(2, 4, 8, 8)
    step = Seen(type("P", (), {"noise": noise}), type("L", (), {"kept": 0.0}))
    usual, small = (hook._sized(scale * slope, step) for scale in (1.0, 1e-30))
    torch.testing.assert_close(usual, small)
    assert usual[0].square().mean().sqrt().item() == pytest.approx(0.0015, rel=1e-5)
    assert (usual[1] == 0).all()


def test_the_deviation_is_subtracted_with_its_weight_and_off_for_the_first_image(double):
    hook = make_hook(influence=0.0, gradients=None, deviation=3.0)
    steps = guided_steps(double, hook, make_jobs(2))
    # Images 0 of all classes have nothing to be compared with.
    assert {job.k for step, _ in steps for job in step.jobs} == {1}
    step, delta = steps[0]
    for row, job in enumerate(step.jobs):
        kept = Memory(64)
        kept.keep(job, hook.memory.of(job)[0])  # image 1 was added when it was finished
        expected = -3.0 * kept.slope(job, step.x[row])
        torch.testing.assert_close(delta.x[row], expected, rtol=1e-9, atol=1e-12)


def test_both_displacements_are_added_and_told_apart(double):
    step, delta = guided_steps(double, make_hook(), make_jobs(2))[-1]
    assert {job.k for job in step.jobs} == {1}
    assert set(delta.terms) == {"influence", "deviation"}
    torch.testing.assert_close(delta.x, delta.terms["influence"] + delta.terms["deviation"])
    assert (delta.noise, delta.clean, delta.mean) == (None, None, None)


def test_only_finished_images_are_remembered(double):
    hook = make_hook()
    latents = latents_of(double, hook, make_jobs(2))
    for row, job in enumerate(make_jobs(2)):
        kept = hook.memory.of(job)
        assert len(kept) == 2
        assert torch.equal(kept[job.k], latents[row])


def test_the_steps_45_to_30_of_50_are_guided_in_order(generator):
    hook = make_hook(dtype=torch.float32)
    steps = guided_steps(generator, hook, make_jobs()[:1], steps=50, scheduler="ddpm")
    assert [step.level.i for step, _ in steps] == list(range(45, 29, -1))
    assert (steps[0][0].level.t, steps[-1][0].level.t) == (917, 612)


def test_the_whole_graph_is_asked_for_within_the_window_alone():
    hook = make_hook()
    assert [hook.wants(i / 49) for i in (46, 45, 30, 29)] == [
        Want(),
        Want(graph=True),
        Want(graph=True),
        Want(),
    ]
    alone = make_hook(influence=0.0, gradients=None)
    assert alone.wants(40 / 49) == Want()


@pytest.mark.parametrize("scheduler", ["ddpm", "ddim"])
@pytest.mark.parametrize("graph", [False, True])
def test_weights_of_0_change_nothing(generator, scheduler, graph):
    hook = make_hook(influence=0.0, deviation=0.0, gradients=None)
    if graph:  # of which nothing is used
        hook = Watched(hook)
        hook.wants = lambda u: Want(graph=True)
    plain, guided = (
        latents_of(generator, given, make_jobs(), scheduler=scheduler) for given in (None, hook)
    )
    assert torch.equal(plain, guided)


def test_a_step_is_repeated_as_often_as_asked(generator):
    hook = make_hook(dtype=torch.float32, repeat=3)
    steps = guided_steps(generator, hook, make_jobs()[:1])
    assert [(step.level.i, step.attempt) for step, _ in steps] == [(3, 0), (3, 1), (3, 2)]
    assert [delta.repeat for _, delta in steps] == [True, True, False]


def test_a_step_is_repeated_where_nothing_is_remembered_too(generator):
    hook = make_hook(influence=0.0, gradients=None, repeat=2)
    watched = Watched(hook)
    latents_of(generator, watched, make_jobs()[:1])
    assert [step.level.i for step, _ in watched.seen] == [4, 3, 3, 2, 1, 0]


@pytest.mark.parametrize("scheduler", ["ddpm", "ddim"])
def test_the_batch_changes_no_image(double, scheduler):
    found = [
        latents_of(double, make_hook(), make_jobs(2), batch=batch, scheduler=scheduler)
        for batch in (1, 4, 64)
    ]
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=0, atol=1e-8)


@dataclass(eq=False)
class OutOfMemory(Watched):
    """A hook for which the memory does not suffice once, in the middle of the second round."""

    failed: bool = False

    def __call__(self, step):
        if step.jobs[0].k == 1 and step.level.i == 3 and not self.failed:
            self.failed = True
            raise torch.OutOfMemoryError
        return self.hook(step)


def test_a_batch_that_is_taken_again_finds_the_memory_as_it_was(double):
    expected = latents_of(double, make_hook(), make_jobs(2))
    failing = OutOfMemory(make_hook())
    found = latents_of(double, failing, make_jobs(2))
    assert failing.failed
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-8)
    assert [len(failing.hook.memory.of(job)) for job in make_jobs()] == [2, 2, 2]


def test_guidance_that_is_not_finite_names_the_step_and_both_weights(double):
    surrogate = Random()
    unit, norm = surrogate.of_class(1)
    surrogate.targets[1] = (unit * math.nan, norm)
    with pytest.raises(BenchError, match=r"step 3 of 5 .* `influence` 5 and `deviation` 2"):
        latents_of(double, make_hook(surrogate), make_jobs())


# --- the method ----------------------------------------------------------------------------------

QUICK = IGD(
    Sampling(steps=5, scheduler="ddim"),
    surrogate="convnet1[width=4]",
    surrogate_epochs=1,
)


@pytest.fixture
def distil(make_context, tiny_real):
    def run(method, ipc, real=tiny_real):
        distilled = method.resolve(real.card, ipc).distill(real, ipc, make_context())
        return np.stack([distilled.images.decode(i) for i in range(len(distilled))]).astype(int)

    return run


def test_a_set_is_another_than_that_of_plain_sampling(distil):
    plain, guided = distil(DiT(QUICK.sampling), 2), distil(replace(QUICK, influence=500.0), 2)
    assert guided.shape == (6, 16, 16, 3)
    assert np.abs(plain - guided).max() > 5


def test_the_first_images_are_those_of_a_smaller_set(distil):
    one, two = (distil(replace(QUICK, influence=100.0), ipc) for ipc in (1, 2))
    assert np.abs(one - two[::2]).max() <= 1


def test_both_weights_0_are_plain_sampling_and_need_the_generator_alone(distil, tiny_real):
    method = replace(QUICK, influence=0.0, deviation=0.0)
    assert np.array_equal(distil(method, 2), distil(DiT(QUICK.sampling), 2))
    assert len(method.needs(tiny_real.card, 2)) == 1


def test_it_needs_a_surrogate_and_its_gradients(tiny_real):
    method = QUICK.resolve(tiny_real.card, 2)
    _, trajectory, gradients = method.needs(tiny_real.card, 2)
    assert isinstance(trajectory, Trajectory)
    assert isinstance(gradients, ClassGradients)
    assert gradients.trajectory == trajectory
    assert (trajectory.resolution, trajectory.epochs) == (16, 1)
    assert (gradients.count, gradients.batch, gradients.threshold) == (200, 50, 0.7)


@pytest.mark.parametrize(
    ("name", "ipc", "expected"),
    [
        ("imagenette", 10, 50.0),
        ("imagenette", 50, 120.0),
        ("imagewoof", 10, 50.0),
        ("imagewoof", 100, 120.0),
        ("imagenet1k", 10, 120.0),
        ("imagenet1k", 50, 120.0),
        ("pets", 1, 50.0),
    ],
)
def test_weights_are_those_of_the_published_table(tiny_real, name, ipc, expected):
    card = replace(tiny_real.card, name=name)
    published = replace(QUICK, scale="published").resolve(card, ipc)
    assert (published.influence, published.deviation) == (5.0, expected)
    # The tiny latent has 4 x 8 x 8 numbers where that of DiT-XL/2 has 4 x 32 x 32.
    assert QUICK.resolve(card, ipc).deviation == pytest.approx(expected / 16)


def test_given_fields_are_left_as_they_are(tiny_real):
    given = replace(QUICK, influence=1.0, deviation=7.0)
    method = given.resolve(tiny_real.card, 10)
    assert replace(method, sampling=given.sampling) == given


@pytest.mark.parametrize(
    ("size", "expected"), [(32, ("convnet3[width=32]", 12)), (256, ("convnet6", 50))]
)
def test_the_surrogate_follows_from_the_size_of_the_images(tiny_real, monkeypatch, size, expected):
    source = replace(GENERATORS["embedded"], image_size=size)
    monkeypatch.setitem(GENERATORS, "embedded", source)
    method = IGD().resolve(tiny_real.card, 1)
    assert (method.surrogate, method.surrogate_epochs) == expected


def test_a_surrogate_with_batch_norm_is_one_sentence(tiny_real):
    for request in ("torchvision/resnet18", "convnet3[norm=batch]"):
        with pytest.raises(UsageError, match=r"`surrogate` must be .* instance norm, got .*batch"):
            IGD(surrogate=request).resolve(tiny_real.card, 1)


@pytest.mark.parametrize(
    ("checkpoints", "wrong"), [((0, 52), 52), ((0, 5, 5), 5), ((3, 1), 1), ((-1,), -1)]
)
def test_a_checkpoint_that_is_no_epoch_is_one_sentence(tiny_real, checkpoints, wrong):
    method = IGD(surrogate_epochs=50, checkpoints=checkpoints)
    with pytest.raises(
        UsageError, match=rf"epochs of the surrogate's 50, ascending, got {wrong}\."
    ):
        method.resolve(tiny_real.card, 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"influence": -1.0}, "`influence` must be at least 0"),
        ({"deviation": -1.0}, "`deviation` must be at least 0"),
        ({"low": 0.8, "high": 0.7}, "`low` must not be above `high`, got 0.8 and 0.7"),
        ({"high": 1.2}, "`high` must lie between 0 and 1, got 1.2"),
        ({"memory": 0}, "`memory` must be at least 1, got 0"),
        ({"repeat": 0}, "`repeat` must be at least 1, got 0"),
        ({"images": 0}, "`images` must be at least 1, got 0"),
        ({"threshold": 2.0}, "`threshold` must lie between -1 and 1, got 2.0"),
    ],
)
def test_a_value_out_of_range_is_refused_when_the_spec_is_made(fields, words):
    with pytest.raises(ValueError, match=words):
        IGD(**fields)

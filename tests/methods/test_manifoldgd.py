import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.errors import UsageError
from bench.preparation.latents import RealLatents
from bench.preparation.modes import Modes
from bench.preparation.tree_modes import TreeModes
from bench.sampling import Sampling
from bench.sampling.batches import jobs_of
from bench.sampling.sampler import sample, sample_batches
from bench.streams import Streams
from methods.manifoldgd import ManifoldGD
from methods.manifoldgd_hook import ManifoldGuidance
from methods.manifoldgd_plane import basis, cloud, nearest, onto, towards_plane, widened
from methods.mgd3_hook import ModeGuidance

DDIM = Sampling(scheduler="ddim", steps=5)
DDPM = Sampling(steps=6)
FILLED = ManifoldGD(manifold=0.025, level=1, radius=0.1, bandwidth=0.2)
SMALL = replace(FILLED, cloud=40)


class Latents:
    """Twenty latents of every class, drawn at random."""

    def __init__(self):
        self.rows = np.random.default_rng(4).normal(size=(3, 20, 4, 8, 8)).astype(np.float16)

    def of_class(self, label):
        return self.rows[label]


def latents_of(generator, card, hook, sampling, count=2, seed=0):
    made = sample(generator, jobs_of(card, count), sampling, Streams((seed,)), hook=hook)
    return torch.cat([latents for _, latents in made])


def normal(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


# --- the plane -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [0, 1, 3, 11])
def test_the_projection_is_one_of_the_asked_rank(rank):
    columns = basis(normal(5, 12, 40), rank, 1e-5)
    projection = columns @ columns.mT
    torch.testing.assert_close(projection @ projection, projection, rtol=0, atol=1e-10)
    torch.testing.assert_close(projection, projection.mT, rtol=0, atol=1e-10)
    traces = projection.diagonal(dim1=1, dim2=2).sum(dim=1)
    assert traces.tolist() == pytest.approx([rank] * 5, abs=1e-10)


@pytest.mark.parametrize("directions", [0, 1, 2])
def test_points_that_vary_in_fewer_directions_leave_fewer_columns(directions):
    points = normal(1, 12, directions) @ normal(1, directions, 40, seed=1) + normal(
        1, 1, 40, seed=2
    )
    columns = basis(points, 3, 1e-5)
    projection = (columns @ columns.mT)[0]
    assert float(projection.trace()) == pytest.approx(directions, abs=1e-8)
    torch.testing.assert_close(projection @ projection, projection, rtol=0, atol=1e-8)


def test_directions_up_to_the_ridge_are_dropped():
    points = normal(1, 12, 6)
    points = points - points.mean(dim=1, keepdim=True)
    points, _ = torch.linalg.qr(points)  # orthonormal columns: variance 1/11 along each axis
    scales = torch.tensor([3.0, 2.0, 1.0, 0.5, 0.2, 0.1], dtype=torch.float64)
    # The variances along the axes are the squares of the scales, each divided by 11.
    columns = basis(points * scales, 6, 0.5 / 11)
    kept = (columns @ columns.mT)[0].diagonal()
    assert kept.tolist() == pytest.approx([1, 1, 1, 0, 0, 0], abs=1e-9)


def test_gram_matrix_singular_vectors_and_covariance_give_one_projection():
    points = normal(1, 12, 16)
    columns = basis(points, 3, 1e-5)[0]
    centred = points[0] - points[0].mean(dim=0)
    by_svd = torch.linalg.svd(centred, full_matrices=False)[2][:3].T
    covariance = torch.cov(points[0].T) + 1e-5 * torch.eye(16, dtype=torch.float64)
    by_eigh = torch.linalg.eigh(covariance)[1][:, -3:]
    for other in (by_svd, by_eigh):
        torch.testing.assert_close(columns @ columns.T, other @ other.T, rtol=0, atol=1e-10)


def test_the_way_leads_to_the_plane_and_is_square_to_it():
    states, points = normal(4, 30, seed=3), normal(4, 12, 30)
    way, columns = towards_plane(states, points, 3, 1e-5), basis(points, 3, 1e-5)
    assert onto(columns, way).abs().max() < 1e-10
    off = states + way - points.mean(dim=1)
    assert (off - onto(columns, off)).abs().max() < 1e-10


def test_a_state_in_the_plane_is_not_moved():
    points = normal(2, 12, 30)
    inside = points.mean(dim=1) + onto(basis(points, 3, 1e-5), normal(2, 30, seed=8))
    assert towards_plane(inside, points, 3, 1e-5).abs().max() < 1e-10


def test_a_single_point_is_its_own_plane():
    states, points = normal(4, 30, seed=3), normal(4, 1, 30)
    torch.testing.assert_close(towards_plane(states, points, 0, 1e-5), points[:, 0] - states)


@pytest.mark.parametrize("shape", [(50, 8), (3, 50, 8)])
def test_the_nearest_points_are_those_that_brute_force_finds(shape):
    states, points = normal(3, 8, seed=1), normal(*shape)
    found, gaps = nearest(states, points, 12)
    for row, state in enumerate(states):
        own = points if points.ndim == 2 else points[row]
        order = sorted(range(50), key=lambda k: float((own[k] - state).norm()))[:12]
        assert torch.equal(found[row], own[order])
        assert float(gaps[row]) == pytest.approx(float((own[order[0]] - state).norm()))


# --- the cloud -----------------------------------------------------------------------------------


@pytest.mark.parametrize("anneal", ["linear", "cosine", "exp"])
def test_the_radius_is_widest_at_the_first_step_and_falls_to_its_own(anneal):
    factors = [widened(i / 49, 25 / 49, 5 / 49, 2.0, anneal) for i in range(49, -1, -1)]
    assert factors[0] == pytest.approx(2.0)
    assert all(one >= other for one, other in itertools.pairwise(factors))
    assert factors[5:] == pytest.approx([1.0] * 45)


def test_the_published_factors_are_those_of_the_specification():
    factors = [widened(i / 49, 25 / 49, 5 / 49, 2.0, "exp") for i in (49, 48, 47, 46, 45)]
    assert factors == pytest.approx([2.00, 1.71, 1.48, 1.29, 1.13], abs=5e-3)


def test_the_radius_is_its_own_where_guidance_ends_or_nothing_is_widened():
    assert widened(0.7, 0.7, 0.5, 2.0, "linear") == 1.0
    assert widened(0.85, 0.7, 0.5, 2.0, "linear") == pytest.approx(1.5)
    assert widened(1.0, 0.5, 0.0, 2.0, "exp") == 1.0
    assert widened(1.0, 0.5, 0.3, 1.0, "exp") == 1.0
    assert widened(1.0, 1.0, 0.3, 2.0, "exp") == 1.0


def test_without_noise_points_lie_at_their_radii():
    radii = cloud(300, 64, 0.4, 1.0, torch.Generator().manual_seed(0)).norm(dim=1)
    torch.testing.assert_close(radii[:150], torch.linspace(0.1, 0.4, 150), rtol=1e-5, atol=1e-6)
    assert 0 < radii[150:].min() < 0.05
    assert 0.35 < radii[150:].max() <= 0.4
    falling = cloud(300, 64, 0.05, 1.0, torch.Generator().manual_seed(0)).norm(dim=1)
    assert float(falling[0]) == pytest.approx(0.1)
    assert float(falling[149]) == pytest.approx(0.05)


def test_noised_points_have_the_mean_and_the_covariance_of_their_law():
    kept, radius, size = 0.36, 2.0, 8
    clouds = [cloud(20, size, radius, kept, Streams((s,)).torch("cloud", 3)) for s in range(3000)]
    points = torch.stack(clouds).double()[:, 5]  # one point, over seeds
    at = torch.linspace(0.1, radius, 10, dtype=torch.float64)[5]
    expected = kept * at**2 / size + 1 - kept
    assert points.mean(dim=0).abs().max() < 5 * math.sqrt(float(expected) / 3000)
    covariance = torch.cov(points.T)
    wanted = expected * torch.eye(size, dtype=torch.float64)
    assert (covariance - wanted).abs().max() < 6 * float(expected) * math.sqrt(2 / 3000)


# --- the step ------------------------------------------------------------------------------------


def guided(double, card, modes, watch, method=SMALL, sampling=DDPM, latents=None):
    hook = watch(ManifoldGuidance(method, modes, latents))
    latents_of(double, card, hook, sampling)
    return hook.guided


def own(step, modes):
    rows = [modes.of_class(job.label)[job.k] for job in step.jobs]
    return torch.from_numpy(np.stack(rows)).to(step.x.dtype)


def by_definition(step, mode, points, method):
    """The term of one row, from absolute points `[K, D]` and a covariance matrix."""
    state = step.reshape(-1)
    gaps = (points - state).norm(dim=1)
    near = points[gaps.argsort()[: method.neighbours]]
    size = len(state)
    covariance = torch.cov(near.T) + method.ridge * torch.eye(size, dtype=state.dtype)
    columns = torch.linalg.eigh(covariance)[1][:, -method.rank :]
    off = state - near.mean(dim=0)
    way = -(off - columns @ (columns.T @ off))
    weight = method.manifold * math.tanh(float(gaps.min()) / method.bandwidth)
    return (weight * way / (way.norm() + 1e-8)).reshape(step.shape)


@pytest.mark.parametrize("draws", ["shared", "own"])
def test_both_terms_are_what_their_definitions_give(double, tiny_real, some_modes, watch, draws):
    method = replace(SMALL, draws=draws)
    steps = guided(double, tiny_real.card, some_modes, watch, method)
    rngs = [Streams((0,)).torch("guidance", job.class_id, job.k) for job in steps[0][0].jobs]
    for step, delta in steps[:2]:
        modes, kept = own(step, some_modes), step.level.kept
        radius = 0.1 * widened(step.level.u, 25 / 49, 5 / 49, 2.0, "exp")
        for row, mode in enumerate(modes):
            shared = Streams((0,)).torch("cloud", step.level.i)
            rng = shared if draws == "shared" else rngs[row]
            offsets = cloud(40, 256, radius, kept, rng).double()
            points = math.sqrt(kept) * mode.reshape(-1) + offsets
            expected = by_definition(step.x[row], mode, points, method)
            torch.testing.assert_close(delta.terms["manifold"][row], expected, rtol=1e-6, atol=1e-9)
        pull = 0.1 * step.sigma * (modes - step.clean)
        torch.testing.assert_close(delta.terms["mode"], pull, rtol=1e-12, atol=0)
        torch.testing.assert_close(delta.mean, pull + delta.terms["manifold"], rtol=1e-12, atol=0)


def test_the_pull_towards_the_plane_has_the_stated_length(double, tiny_real, some_modes, watch):
    for bandwidth in (0.2, 50.0):
        method = replace(SMALL, bandwidth=bandwidth)
        step, delta = guided(double, tiny_real.card, some_modes, watch, method)[0]
        lengths = delta.terms["manifold"].flatten(1).norm(dim=1)
        off = (step.x - math.sqrt(step.level.kept) * own(step, some_modes)).flatten(1)
        factor = widened(1.0, 25 / 49, 5 / 49, 2.0, "exp")
        rng = Streams((0,)).torch("cloud", step.level.i)
        points = cloud(40, 256, 0.1 * factor, step.level.kept, rng).double()
        expected = 0.025 * torch.tanh(torch.cdist(off, points).amin(dim=1) / bandwidth)
        torch.testing.assert_close(lengths, expected, rtol=1e-6, atol=0)


def test_the_published_bandwidth_has_no_effect(double, tiny_real, some_modes, watch):
    _, delta = guided(double, tiny_real.card, some_modes, watch)[0]
    lengths = delta.terms["manifold"].flatten(1).norm(dim=1)
    assert lengths.tolist() == pytest.approx([0.025] * len(lengths), rel=1e-7)


def test_ddim_adds_both_terms_to_the_clean_latent(double, tiny_real, some_modes, watch):
    step, delta = guided(double, tiny_real.card, some_modes, watch, sampling=DDIM)[0]
    pull = 0.1 * (own(step, some_modes) - step.clean)
    torch.testing.assert_close(delta.clean, pull + delta.terms["manifold"])
    assert delta.mean is delta.x is delta.noise is None


@pytest.mark.parametrize("sampling", [DDPM, DDIM], ids=["ddpm", "ddim"])
def test_without_the_plane_images_are_those_of_mgd3(generator, tiny_real, some_modes, sampling):
    method = replace(SMALL, manifold=0.0)
    hooks = (
        ManifoldGuidance(method, some_modes, None),
        ModeGuidance(some_modes, 0.1, 25 / 49, "clean"),
    )
    one, other = (latents_of(generator, tiny_real.card, hook, sampling) for hook in hooks)
    assert torch.equal(one, other)


@pytest.mark.parametrize("sampling", [DDPM, DDIM], ids=["ddpm", "ddim"])
@pytest.mark.parametrize("changes", [{"strength": 0.0, "manifold": 0.0}, {"stop": 1.0}])
@pytest.mark.parametrize("projection", ["normal", "tangent"])
def test_without_strengths_or_window_images_are_those_of_dit(
    generator, tiny_real, some_modes, sampling, changes, projection
):
    method = replace(SMALL, projection=projection, **changes)
    hook = ManifoldGuidance(method, some_modes, None)
    one, other = (latents_of(generator, tiny_real.card, h, sampling) for h in (None, hook))
    assert torch.equal(one, other)


def test_the_plane_alone_changes_images(generator, tiny_real, some_modes):
    hook = ManifoldGuidance(replace(SMALL, strength=0.0), some_modes, None)
    one, other = (latents_of(generator, tiny_real.card, h, DDPM) for h in (None, hook))
    assert not torch.equal(one, other)


@pytest.mark.parametrize("sampling", [DDPM, DDIM], ids=["ddpm", "ddim"])
def test_the_tangent_reading_keeps_the_part_of_the_pull_within_the_plane(
    double, tiny_real, some_modes, watch, sampling
):
    method = replace(SMALL, projection="tangent", rank=11, neighbours=12, cloud=12)
    step, delta = guided(double, tiny_real.card, some_modes, watch, method, sampling)[0]
    rng = Streams((0,)).torch("cloud", step.level.i)
    points = cloud(12, 256, 0.1 * widened(1, 0.5, 0.1, 2, "exp"), step.level.kept, rng).double()
    columns = torch.linalg.qr((points - points.mean(dim=0)).T[:, :11])[0]
    way = (own(step, some_modes) - step.clean).flatten(1)
    inside = (way @ columns @ columns.T).view_as(step.x)
    if sampling is DDPM:
        torch.testing.assert_close(delta.mean, 0.1 * step.sigma * inside, rtol=1e-6, atol=1e-8)
    else:
        torch.testing.assert_close(delta.clean, 0.1 * inside, rtol=1e-6, atol=1e-8)
    assert set(delta.terms) == {"mode"}


@pytest.mark.parametrize("draws", ["shared", "own"])
def test_real_latents_with_noise_may_be_the_neighbourhood(
    double, tiny_real, some_modes, watch, draws
):
    latents, method = Latents(), replace(SMALL, neighbourhood="latents", draws=draws)
    step, delta = guided(double, tiny_real.card, some_modes, watch, method, latents=latents)[0]
    kept = step.level.kept
    for row, job in enumerate(step.jobs):
        real = torch.from_numpy(latents.of_class(job.label)).double().flatten(1)
        mode = own(step, some_modes)[row].flatten()
        near = real[(real - mode).norm(dim=1).argsort()[:12]]
        keys = ("cloud", step.level.i) if draws == "shared" else ("guidance", job.class_id, job.k)
        noise = torch.randn(12, 256, generator=Streams((0,)).torch(*keys)).double()
        points = math.sqrt(kept) * near + math.sqrt(1 - kept) * noise
        expected = by_definition(step.x[row], mode, points, method)
        torch.testing.assert_close(delta.terms["manifold"][row], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("sampling", [DDPM, DDIM], ids=["ddpm", "ddim"])
@pytest.mark.parametrize("draws", ["shared", "own"])
def test_the_batch_changes_no_image(double, generator, tiny_real, some_modes, draws, sampling):
    method = replace(SMALL, strength=0.02, draws=draws)
    for model, tolerance in ((double, 1e-8), (generator, 1e-3)):
        one, four, all_at_once = (
            latents_of(
                model,
                tiny_real.card,
                ManifoldGuidance(method, some_modes, None),
                replace(sampling, batch=batch),
                count=3,
            )
            for batch in (1, 4, 64)
        )
        scale = one.square().mean().sqrt()
        assert (one - four).abs().max() < tolerance * scale
        assert (one - all_at_once).abs().max() < tolerance * scale


def test_guidance_moves_no_noise_of_the_sampler(generator, tiny_real, some_modes, watch):
    hooks = [watch(ManifoldGuidance(replace(SMALL, manifold=m), some_modes, None)) for m in (0, 1)]
    for hook in hooks:
        latents_of(generator, tiny_real.card, hook, DDPM)
    for (one, _), (other, _) in zip(hooks[0].seen, hooks[1].seen, strict=True):
        if one.noise is not None:
            assert torch.equal(one.noise, other.noise)


def test_the_trace_holds_both_terms(generator, tiny_real, some_modes, watch):
    hook = watch(ManifoldGuidance(SMALL, some_modes, None))
    jobs = jobs_of(tiny_real.card, 2)
    (batch,) = sample_batches(generator, [jobs], DDPM, Streams((0,)), hook=hook)
    assert {"mode", "manifold"} <= set(batch.traces)
    assert "mean" not in batch.traces
    for row, (_, delta) in enumerate(hook.seen):
        for name in ("mode", "manifold"):
            norms = torch.zeros(6)
            if delta is not None:
                norms = delta.terms[name].flatten(1).norm(dim=1)
            torch.testing.assert_close(batch.traces[name][row], norms, rtol=1e-5, atol=0)
    assert len(hook.guided) == sum(i / 5 > 25 / 49 for i in range(6))


def test_what_is_not_finite_is_passed_on_to_the_sampler(double, tiny_real, some_modes, watch):
    for projection in ("normal", "tangent"):
        method = replace(SMALL, projection=projection)
        hook = watch(ManifoldGuidance(method, some_modes, None))
        latents_of(double, tiny_real.card, hook, DDPM)
        step, _ = hook.guided[0]
        delta = hook.hook(replace(step, x=step.x * math.nan))
        assert delta.mean.isnan().any()


# --- the method ----------------------------------------------------------------------------------


def test_missing_fields_are_those_of_the_scripts(tiny_real):
    def filled(name, **fields):
        card = replace(tiny_real.card, name=name)
        method = ManifoldGD(**fields).resolve(card, 2)
        return method.level, method.radius, method.bandwidth

    assert filled("imagenette") == filled("shapenette") == (6, 0.05, 0.2)
    assert filled("imagewoof") == filled("shapewoof") == (6, 0.1, 0.2)
    assert filled("imagenet100") == filled("imagenet1k") == filled("tiny") == (1, 0.1, 0.1)
    assert filled("imagenette", level=2, radius=3.0) == (2, 3.0, 0.2)


def test_the_pull_towards_the_plane_moves_every_number_as_far_as_published(tiny_real):
    def manifold(**fields):
        return ManifoldGD(**fields).resolve(tiny_real.card, 2).manifold

    # The tiny latents have 4 x 8 x 8 numbers, the published ones 16 times as many.
    assert manifold() == pytest.approx(0.1 / 4)
    assert manifold(scale="published") == 0.1
    assert manifold(manifold=0.3) == 0.3


def test_the_method_asks_for_latents_and_as_many_modes_as_images(tiny_real):
    card = tiny_real.card
    latents = RealLatents("tiny", "a" * 64, "embedded", "made")
    method = ManifoldGD(level=3, pick="multiscale").resolve(card, 4)
    assert method.needs(card, 4)[1:] == (latents, TreeModes(latents, 4, "sse", 3, "multiscale"))
    flat = ManifoldGD(clusters="ward", represent="closest").resolve(card, 4)
    assert flat.needs(card, 4)[1:] == (latents, Modes(latents, 4, "ward", "closest"))


@pytest.mark.parametrize("neighbourhood", ["cloud", "latents"])
def test_the_hook_is_made_of_the_real_set(tiny_real, make_context, generator, neighbourhood):
    ctx = make_context()
    method = ManifoldGD(neighbourhood=neighbourhood, neighbours=6).resolve(tiny_real.card, 2)
    hook = method.hook(tiny_real.card, 2, ctx)
    assert not hook.sequential
    assert hook.strengths == "`strength` 0.1 and `manifold` 0.025"
    assert latents_of(generator, tiny_real.card, hook, DDPM).isfinite().all()


def test_a_class_too_small_is_one_sentence(make_real):
    card = make_real((20, 9, 20)).card
    with pytest.raises(UsageError, match=r"needs 10 training images .* 'n01' .* has 9: ask for"):
        ManifoldGD().resolve(card, 10)
    with pytest.raises(UsageError) as error:
        ManifoldGD(neighbourhood="latents").resolve(card, 2)
    assert str(error.value) == (
        "`neighbourhood='latents'` needs 12 training images of every class, but class 'n01' of "
        "'tiny' has 9: lower `neighbours`."
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"strength": -1.0}, r"`strength` must be at least 0 \(0 is off\), got -1.0."),
        ({"manifold": -1.0}, r"`manifold` must be at least 0 \(0 is off\), got -1.0."),
        ({"stop": 2.0}, r"`stop` must lie between 0 and 1, got 2.0."),
        ({"clusters": "mixture"}, r"`clusters` must be one of 'tree', .*, got 'mixture'."),
        ({"rank": 12}, r"`rank` must be below `neighbours` \(12\), got 12."),
        ({"neighbours": 301}, r"`neighbours` must be at most `cloud` \(300\), got 301."),
        ({"radius": 0.0}, r"`radius` must be above 0, got 0.0."),
        ({"widen": 0.5}, r"`widen` must be at least 1 \(1 is off\), got 0.5."),
        ({"level": 0}, r"`level` must be at least 1, got 0."),
    ],
)
def test_values_out_of_range_are_refused(fields, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        ManifoldGD(**fields)

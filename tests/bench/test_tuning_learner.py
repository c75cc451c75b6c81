"""Steps of a tuning against a loop written out, NumPy, and themselves after an interruption."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from diffusers import DiTTransformer2DModel
from torch import nn

from bench.generators.card import Betas
from bench.generators.diffusion_transformer import use_original_frequencies
from bench.generators.training.diffusion import Tables
from bench.generators.training.log import read_losses
from bench.generators.training.stage import Batches, Watch, own_streams, train
from bench.generators.training.transformer import dropped
from bench.streams import Streams
from bench.tuning.difference import Difference, tensors_of
from bench.tuning.learner import TuningLearner
from bench.tuning.specs import InversionMatching, Minimax

IMAGES, CLASSES, NULL = 22, 3, 9
STREAMS = Streams((3,))
OFF = {"representative": 0.0, "diverse": 0.0}
COMMON = {"tune_batch": 4, "decay": 0.75, "memory": 2}

PLAIN = Minimax(**COMMON, **OFF)
MINIMAX = Minimax(**COMMON)
MATCHING = InversionMatching(**COMMON)
BOTH = InversionMatching(**COMMON, representative=0.002, diverse=0.008)


def network():
    """Return a tiny transformer with weights that are nowhere 0, always the same."""
    transformer = DiTTransformer2DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=8, num_layers=3,
        sample_size=8, patch_size=4, num_embeds_ada_norm=NULL, norm_eps=1e-6,
    )  # fmt: skip
    use_original_frequencies(transformer)
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in transformer.parameters():
            parameter.copy_(0.2 * torch.randn(parameter.shape, generator=rng))
    return transformer.eval().requires_grad_(False)


@dataclass
class Encoded:
    """A real set of random latents, whose classes the generator knows as 7, 2 and 5."""

    asked: list[tuple[list[int], list[bool]]] = field(default_factory=list)
    numbers = torch.tensor([7, 2, 5])
    labels = torch.arange(IMAGES) % CLASSES

    def __post_init__(self):
        rng = torch.Generator().manual_seed(2)
        self.mean = torch.randn(IMAGES, 4, 8, 8, generator=rng)
        self.std = 0.1 * torch.rand(IMAGES, 4, 8, 8, generator=rng)

    def __len__(self):
        return IMAGES

    def posterior(self, index, mirrored):
        self.asked.append((index.tolist(), mirrored.tolist()))
        flip = mirrored[:, None, None, None]
        return tuple(
            torch.where(flip, part[index].flip(3), part[index]) for part in (self.mean, self.std)
        )


def learner_of(tuning, streams=STREAMS):
    return TuningLearner(network(), tuning, Encoded(), Betas(), streams)


def run(learner, steps, first=0):
    with learner.attached():
        return [learner.step(step) for step in range(first, first + steps)]


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def watched(learner):
    """Return a list that collects what the network is given and gives, and with what gradient."""
    calls = []

    def note(module, args, output):
        calls.append((*args, output.sample.detach(), torch.is_grad_enabled()))

    learner.transformer.register_forward_hook(note)
    return calls


def diffit(steps, streams=STREAMS):
    """Train as DiffFit alone does: no memory, no inversion, an average written out."""
    transformer, source, streams = network(), Encoded(), own_streams(streams, "tuning")
    difference = Difference.of(transformer)
    optimizer = torch.optim.AdamW(difference.parameters(), lr=1e-3, weight_decay=0, fused=True)
    average = {name: value.clone() for name, value in tensors_of(difference).items()}
    batches, tables = Batches(IMAGES, 4, streams), Tables.of(Betas(), torch.device("cpu"))
    losses = []
    for step in range(steps):
        index = batches.indices(step)
        mirrored = torch.rand(4, generator=streams.torch("mirror", step)) < 0.5
        mean, std = source.posterior(index, mirrored)
        clean = mean + std * torch.randn(mean.shape, generator=streams.torch("posterior", step))
        noise = torch.randn(mean.shape, generator=streams.torch("noise", step))
        t = torch.randint(1000, (4,), generator=streams.torch("timestep", step))
        shown = source.numbers[source.labels[index]]
        shown = dropped(shown, NULL, 0.1, streams.torch("drop", step))
        with difference.attach(transformer):
            output = transformer(tables.noisy(clean, noise, t), t, shown).sample
        errors, bounds = tables.losses(output, clean, noise, t)
        loss = (errors + bounds).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        for name, value in tensors_of(difference).items():
            average[name] = 0.75 * average[name] + 0.25 * value
    return losses, tensors_of(difference), average


@pytest.mark.parametrize(
    "tuning", [PLAIN, InversionMatching(**COMMON, matching=0.0)], ids=["minimax", "im"]
)
def test_weights_of_0_are_plain_difffit_to_the_last_bit(tuning):
    learner = learner_of(tuning)
    losses = run(learner, 7)
    wanted, raw, average = diffit(7)
    assert [step["loss"].item() for step in losses] == wanted
    assert {name for step in losses for name in step} == {"loss", "mse", "bound"}
    same(learner.raw(), raw)
    for name, value in learner.average().items():
        torch.testing.assert_close(value, average[name], rtol=1e-5, atol=1e-9)


def test_all_tunings_of_a_seed_see_the_same_images_timesteps_and_noise():
    seen = []
    for tuning in (PLAIN, MINIMAX, BOTH):
        learner = learner_of(tuning)
        calls = watched(learner)
        run(learner, 2)
        forward = [call for call in calls if call[-1]]
        seen.append((learner.source.asked, [[part.tolist() for part in c[:3]] for c in forward]))
    assert seen[0] == seen[1] == seen[2]
    assert any(any(mirrored) for _, mirrored in seen[0][0])
    assert not all(all(mirrored) for _, mirrored in seen[0][0])


def test_equal_seeds_give_equal_losses_and_other_seeds_others():
    one, again, other = (
        [step["loss"].item() for step in run(learner_of(BOTH, Streams((seed,))), 3)]
        for seed in (0, 0, 1)
    )
    assert one == again
    assert not set(one) & set(other)


def test_every_class_goes_by_the_generators_number_and_null_comes_of_dropping():
    for drop, allowed in ((0.0, {7, 2, 5}), (1.0, {NULL})):
        learner = learner_of(Minimax(**COMMON, drop=drop))
        calls = watched(learner)
        run(learner, 5)
        assert {number for call in calls for number in call[2].tolist()} == allowed
        index = [i for asked, _ in learner.source.asked for i in asked]
        if drop == 0.0:
            assert [n for call in calls for n in call[2].tolist()] == [
                [7, 2, 5][i % 3] for i in index
            ]
        # Memories go by the class, dropped or not.
        assert learner.memories.filled.tolist() == [2, 2, 2]


def test_the_first_batch_adds_nothing_and_later_ones_the_weighted_terms():
    learner = learner_of(Minimax(**COMMON, representative=0.5, diverse=0.25))
    first, *later = run(learner, 6)
    assert first["representative"] == first["diverse"] == 0
    assert first["loss"].item() == diffit(1)[0][0]
    for step in later:
        terms = 0.5 * step["representative"] + 0.25 * step["diverse"]
        torch.testing.assert_close(step["loss"], step["mse"] + step["bound"] + terms)
        assert 0 < step["representative"] <= 2
    assert any(step["diverse"] != 0 for step in later)


def test_only_terms_that_are_on_are_reported():
    names = set(run(learner_of(Minimax(**COMMON, representative=0.0)), 1)[0])
    assert names == {"loss", "mse", "bound", "diverse"}
    names = set(run(learner_of(BOTH), 1)[0])
    terms = {"representative", "diverse", "matching", "matching_gradient"}
    assert names == {"loss", "mse", "bound"} | terms


def by_numpy(calls, clean, tuning):
    """Return what IMS3's step lowers: 1 minus the mean cosine, in float64 by its formulas."""
    (noisy, t, _, output, _), (_, _, _, second, _) = calls
    x, e, z, f = (part.double().numpy() for part in (noisy, output[:, :4], clean, second[:, :4]))
    beta = np.linspace(1e-4, 0.02, 1000)
    kept = np.concatenate([np.cumprod(1 - beta), [0.0, 1.0]])  # item -1 is the clean latent
    cosines = []
    for b, now in enumerate(t.tolist()):
        a, before, after = kept[now], kept[now - 1], kept[now - 1 + tuning.offset]
        guess = (x[b] - math.sqrt(1 - a) * e[b]) / math.sqrt(a)
        p = (math.sqrt(before) * beta[now] * guess
             + math.sqrt(1 - beta[now]) * (1 - before) * x[b]) / (1 - a)  # fmt: skip
        start = (z[b] - math.sqrt(1 - a) * f[b]) / math.sqrt(a)
        noise = f[b]
        if tuning.clip:
            start = start.clip(-1, 1)
            noise = (z[b] - math.sqrt(a) * start) / math.sqrt(1 - a)
        q = math.sqrt(after) * start + math.sqrt(1 - after) * noise
        cosines.append((p * q).sum() / np.linalg.norm(p) / np.linalg.norm(q))
    return 1 - np.mean(cosines)


@pytest.mark.parametrize("offset", [0, 2])
@pytest.mark.parametrize("clip", [False, True])
def test_the_matching_is_that_of_its_formulas(offset, clip):
    tuning = InversionMatching(**COMMON, matching=0.5, offset=offset, clip=clip)
    learner = learner_of(tuning)
    calls = watched(learner)
    for step in range(3):
        calls.clear()
        [losses] = run(learner, 1, step)
        assert losses["matching"].item() == pytest.approx(
            by_numpy(calls, calls[1][0], tuning), rel=1e-3
        )
        torch.testing.assert_close(
            losses["loss"], losses["mse"] + losses["bound"] + 0.5 * losses["matching"]
        )


def test_q_comes_of_the_changed_network_the_clean_latents_and_the_true_classes():
    learner = learner_of(InversionMatching(**COMMON, drop=1.0))
    calls = watched(learner)
    run(learner, 2)
    for forward, inverse in zip(calls[::2], calls[1::2], strict=True):
        assert forward[2].tolist() == [NULL] * 4
        assert set(inverse[2].tolist()) <= {7, 2, 5}
        assert torch.equal(inverse[1], forward[1])
    index, _ = learner.source.asked[0]
    assert calls[1][2].tolist() == [[7, 2, 5][i % 3] for i in index]
    x, t, labels, output, _ = calls[-1]
    assert not torch.equal(network()(x, t, labels).sample, output)


def test_no_gradient_goes_through_q():
    learner = learner_of(InversionMatching(**COMMON, matching=10.0))
    calls = watched(learner)
    run(learner, 1)
    assert [with_gradient for *_, with_gradient in calls] == [True, False]
    constant = learner_of(InversionMatching(**COMMON, matching=10.0))
    with constant.attached():
        q = constant._inverted(constant._drawn(0), constant.tuning)
    assert not q.requires_grad
    constant._inverted = lambda *_: q
    run(constant, 1)
    same(learner.raw(), constant.raw())


def test_a_chain_asks_the_network_once_a_step_and_ends_at_the_last_timestep():
    learner = learner_of(
        InversionMatching(**COMMON, inversion="chain", inversion_steps=5, clip=False, offset=0)
    )
    calls = watched(learner)
    [losses] = run(learner, 1)
    assert losses["matching"].isfinite()
    (_, t, *_), *chain = calls
    assert len(chain) == 5
    assert not any(with_gradient for *_, with_gradient in chain)
    assert chain[0][1].tolist() == [0] * 4
    # From the clean latent, timestep -1, to t - 1.
    times = torch.stack([torch.full_like(t, -1), *(now for _, now, *_ in chain[1:]), t - 1])
    assert ((times.diff(dim=0) - t / 5).abs() < 1).all()


@pytest.mark.parametrize("tuning", [MINIMAX, BOTH], ids=["minimax", "ims3"])
def test_the_gradient_reaches_the_difference_and_nothing_else(tuning):
    learner = learner_of(tuning)
    before = {name: value.clone() for name, value in learner.transformer.state_dict().items()}
    run(learner, 3)
    same(before, dict(learner.transformer.state_dict()))
    assert all(parameter.grad is None for parameter in learner.transformer.parameters())
    assert not learner.transformer.training
    assert all(value.any() for value in learner.raw().values())
    optimized = [p for group in learner.parts.optimizer.param_groups for p in group["params"]]
    assert {*map(id, optimized)} == {*map(id, learner.difference.parameters())}


def test_outside_of_its_context_the_network_is_as_it_was():
    learner = learner_of(PLAIN)
    run(learner, 2)
    x, t, labels = torch.ones(1, 4, 8, 8), torch.tensor([10]), torch.tensor([2])
    assert torch.equal(learner.transformer(x, t, labels).sample, network()(x, t, labels).sample)


def test_the_share_of_the_matching_s_gradient_grows_with_its_weight():
    weak, strong = (
        run(learner_of(InversionMatching(**COMMON, matching=weight)), 1)[0]
        for weight in (0.002, 0.2)
    )
    ratio = strong["matching_gradient"] / weak["matching_gradient"]
    assert ratio.item() == pytest.approx(100, rel=1e-4)
    assert 0 < weak["matching_gradient"] < 1


def test_the_representative_term_pulls_guesses_towards_real_latents():
    def unlike(weight):
        tuning = Minimax(
            tune_batch=4, decay=0.0, memory=8, lr=3e-2, diverse=0.0, representative=weight
        )
        learner = learner_of(tuning)
        learner.source.mean += 1.0  # so that real latents have a direction in common
        return np.mean([step["representative"].item() for step in run(learner, 24)[12:]])

    assert unlike(3.0) < unlike(1e-9) - 0.05


def state(learner):
    tensors = {f"model {name}": value for name, value in learner.parts.model.state_dict().items()}
    for number, entries in learner.parts.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer {number} {name}": value for name, value in entries.items()}
    return tensors | {f"average {name}": value for name, value in learner.average().items()}


@pytest.mark.parametrize("tuning", [MINIMAX, BOTH], ids=["minimax", "ims3"])
def test_a_stopped_and_resumed_tuning_ends_in_the_same_bits_memories_included(tuning, tmp_path):
    whole = learner_of(tuning)
    with whole.attached():
        train(whole, tmp_path / "whole", 9, {}, Watch())
    for stop in (4, 7, None):
        resumed = learner_of(tuning)
        with resumed.attached():
            train(resumed, tmp_path / "parts", 9, {}, Watch(stop_after=stop))
    same(state(whole), state(resumed))
    assert whole.memories.filled.tolist() == [2, 2, 2]
    curves = [read_losses(tmp_path / part / "losses.jsonl") for part in ("whole", "parts")]
    assert curves[0] == curves[1]
    assert len(curves[0]) == 9


def test_the_learned_parts_are_named_as_in_the_original_layout():
    learner = learner_of(PLAIN)
    run(learner, 1)
    names = set(Difference.of(network()).names())
    assert set(learner.raw()) == set(learner.average()) == names
    for name, value in learner.average().items():
        torch.testing.assert_close(value, 0.25 * learner.raw()[name])
    assert not any(isinstance(part, nn.Linear) for part in learner.parts.model.modules())

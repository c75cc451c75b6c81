"""Training of the embedded generator: seeded, resumable, and with the losses of the papers."""

from __future__ import annotations

import itertools
import json
import math
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
import typer
from diffusers import AutoencoderKL, DiTTransformer2DModel
from PIL import Image
from safetensors.torch import load_file
from scipy import stats
from scipy.spatial.distance import pdist
from torch import nn
from typer.testing import CliRunner

from bench.backbones import ConvNet
from bench.cli.train_generator import train_generator
from bench.errors import BenchError, UsageError
from bench.generators import architecture
from bench.generators.autoencoder import LatentCodec
from bench.generators.card import Betas, GeneratorCard
from bench.generators.embedded import Embedded
from bench.generators.interface import Cond, Prediction
from bench.generators.training import figures, stages
from bench.generators.training.autoencoder import AutoencoderSettings, train_autoencoder
from bench.generators.training.diffusion import Tables
from bench.generators.training.features import FeatureSettings, train_features
from bench.generators.training.gates import GateSettings, measure
from bench.generators.training.images import of_set, rendered
from bench.generators.training.latents import decode, encode, standardise
from bench.generators.training.log import read_losses
from bench.generators.training.result import half_weights, load_weights
from bench.generators.training.stage import Batches, Watch, learning_rate, train
from bench.generators.training.transformer import (
    TransformerLearner,
    TransformerSettings,
    dropped,
    moving_average,
    train_transformer,
)
from bench.shipped import CLASS_IDS, SETS, ShippedWeights
from bench.streams import Streams
from bench.training.checkpoint import Parts

CPU = torch.device("cpu")


def fake_render(name, split, class_index, start, count):
    """Stripes whose direction and colour follow from the class, in noise."""
    kind = 10 * SETS.index(name) + class_index
    rng = np.random.default_rng([kind, split == "test"])
    y, x = np.mgrid[:32, :32]
    angle = math.pi * kind / 20
    wave = np.sin(0.9 * (math.cos(angle) * x + math.sin(angle) * y))
    tint = np.array([math.cos(kind), math.cos(kind + 2), math.cos(kind + 4)])
    shade = rng.uniform(0.5, 1.0, (start + count, 1, 1, 1))
    image = 127 + 90 * shade * wave[..., None] * tint + rng.normal(0, 8, (start + count, 32, 32, 3))
    return image.clip(0, 255).astype(np.uint8)[start:]


def tiny_autoencoder():
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 8, 8),
        norm_num_groups=4,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )


def tiny_transformer():
    network = DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=4,
        out_channels=8,
        num_layers=2,
        sample_size=8,
        patch_size=4,
        num_embeds_ada_norm=20,
    )
    architecture.keep_labels(network)
    architecture.initialise(network)
    return network


def tiny_features():
    return ConvNet(3, width=8, norm="batch").build(20, 32, "batch")


@pytest.fixture(scope="module")
def images():
    return rendered(fake_render, "train", 3)


@pytest.fixture(scope="module")
def tests():
    return rendered(fake_render, "test", 2)


@pytest.fixture(scope="module")
def coder():
    return architecture.seeded(tiny_autoencoder, 0), "no file"


AUTOENCODER = AutoencoderSettings(steps=4, decoder_steps=3, batch=4, warmup=1)
TRANSFORMER = TransformerSettings(steps=6, batch=8, warmup=2)
FEATURES = FeatureSettings(steps=3, batch=20)


@pytest.fixture
def stage_of(images, tests, coder):
    """Return a function that trains one stage on tiny networks, and the settings to give it."""

    def autoencoder(folder, settings, watch=None):
        return train_autoencoder(images, tests, settings, folder, CPU, watch, tiny_autoencoder)

    def transformer(folder, settings, watch=None):
        return train_transformer(images, coder, settings, folder, CPU, watch, tiny_transformer)

    def features(folder, settings, watch=None):
        return train_features(images, tests, settings, folder, CPU, watch, tiny_features)

    return {
        "autoencoder": (autoencoder, AUTOENCODER),
        "transformer": (transformer, TRANSFORMER),
        "features": (features, FEATURES),
    }


def curves(folder):
    paths = sorted(folder.rglob("losses.jsonl"))
    return {str(path.relative_to(folder)): read_losses(path) for path in paths}


def losses_of(folder):
    return [line["loss"] for line in read_losses(folder / "losses.jsonl")]


# The networks.


@pytest.mark.parametrize(
    ("build", "millions"),
    [(architecture.embedded_autoencoder, 0.77), (architecture.embedded_transformer, 4.62)],
)
def test_the_networks_have_the_sizes_that_were_asked_for(build, millions):
    count = sum(parameter.numel() for parameter in build().parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.006)


def test_all_weights_fit_into_the_package():
    builds = (architecture.embedded_autoencoder, architecture.embedded_transformer)
    generator = sum(len(half_weights(build())) for build in builds)
    features = len(half_weights(architecture.feature_network()))
    assert generator + features <= 12_000_000
    assert features <= 700_000


def test_an_image_becomes_a_latent_of_four_channels_and_an_eighth_of_the_numbers():
    coder = architecture.embedded_autoencoder()
    latents = encode(coder, torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    assert latents.mean.shape == (2, 4, 8, 8)
    assert decode(coder, latents.mean).shape == (2, 3, 32, 32)
    assert coder.config.scaling_factor == 1.0


def test_an_untrained_transformer_answers_zero_through_blocks_that_change_nothing():
    network = architecture.embedded_transformer()
    x, t, y = torch.randn(2, 4, 8, 8), torch.tensor([3, 900]), torch.tensor([0, 20])
    tokens = network.pos_embed(x)
    for block in network.transformer_blocks:
        assert torch.equal(block(tokens, timestep=t, class_labels=y), tokens)
    assert network(x, t, y).sample.abs().max() == 0.0
    assert tokens.std() > 0.1


def test_the_transformer_has_no_label_dropout_of_its_own():
    network = architecture.embedded_transformer().train()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    x, t, y = torch.randn(64, 4, 8, 8), torch.full((64,), 500), torch.arange(64) % 20
    assert torch.equal(network(x, t, y).sample, network.eval()(x, t, y).sample)


def test_timesteps_become_the_frequencies_of_the_original_code():
    network = architecture.embedded_transformer()
    t = torch.tensor([0, 17, 999])
    angles = t[:, None] * 10000.0 ** (-torch.arange(128, dtype=torch.float64) / 128)
    for block in network.transformer_blocks:
        found = block.norm1.emb.time_proj(t).double()
        torch.testing.assert_close(
            found, torch.cat([angles.cos(), angles.sin()], 1), atol=1e-4, rtol=0
        )


def test_weights_follow_from_the_seed_and_leave_the_global_state_alone():
    before = torch.get_rng_state()
    one, same, other = (architecture.seeded(tiny_transformer, seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(one.pos_embed.proj.weight, same.pos_embed.proj.weight)
    assert not torch.equal(one.pos_embed.proj.weight, other.pos_embed.proj.weight)


# The losses.


def reference_losses(output, clean, noise, t):
    """Return squared error and bound of one image in float64, by the formulas of the papers."""
    beta = np.linspace(1e-4, 0.02, 1000)
    kept = np.cumprod(1 - beta)
    before = np.append(1.0, kept[:-1])
    seen, between = output[:4], output[4:]
    x = math.sqrt(kept[t]) * clean + math.sqrt(1 - kept[t]) * noise

    def mean_from(x0):
        clean_part = math.sqrt(before[t]) * beta[t] * x0
        return (clean_part + math.sqrt(1 - beta[t]) * (1 - before[t]) * x) / (1 - kept[t])

    guessed = (x - math.sqrt(1 - kept[t]) * seen) / math.sqrt(kept[t])
    lowest = max(t, 1)
    least = math.log(beta[lowest] * (1 - before[lowest]) / (1 - kept[lowest]))
    log_variance = (between + 1) / 2 * math.log(beta[t]) + (1 - between) / 2 * least
    mean, std = mean_from(guessed), np.exp(log_variance / 2)
    if t == 0:
        upper = np.where(clean > 0.999, np.inf, clean + 1 / 255)
        lower = np.where(clean < -0.999, -np.inf, clean - 1 / 255)
        probability = stats.norm.cdf(upper, mean, std) - stats.norm.cdf(lower, mean, std)
        nats = -np.log(np.maximum(probability, 1e-12))
    else:
        true_variance = math.exp(least)
        nats = (
            np.log(std / math.sqrt(true_variance))
            + (true_variance + (mean_from(clean) - mean) ** 2) / (2 * std**2)
            - 0.5
        )
    return ((seen - noise) ** 2).mean(), (nats / math.log(2)).mean()


@pytest.mark.parametrize("t", [0, 1, 2, 30, 500, 999])
def test_both_losses_agree_with_the_formulas_in_float64(t):
    rng = np.random.default_rng(t)
    clean, noise = rng.normal(size=(2, 4, 8, 8))
    close = 0.01 if t == 0 else 0.3
    output = np.concatenate(
        [noise + close * rng.normal(size=clean.shape), rng.uniform(-1, 1, clean.shape)]
    )
    as_floats = [torch.tensor(part, dtype=torch.float32)[None] for part in (output, clean, noise)]
    error, bound = Tables.of(Betas(), CPU).losses(*as_floats, torch.tensor([t]))
    wanted_error, wanted_bound = reference_losses(output, clean, noise, t)
    assert error.item() == pytest.approx(wanted_error, rel=1e-5)
    assert bound.item() == pytest.approx(wanted_bound, rel=1e-3, abs=1e-5)


def test_the_bound_is_zero_for_the_right_noise_and_the_lower_variance():
    clean, noise = torch.randn(2, 3, 4, 8, 8).unbind()
    output = torch.cat([noise, torch.full_like(noise, -1.0)], 1)
    error, bound = Tables.of(Betas(), CPU).losses(output, clean, noise, torch.tensor([1, 400, 999]))
    assert error.abs().max() == 0.0
    assert bound.abs().max() < 1e-5


def test_the_bound_teaches_the_variance_and_never_the_noise():
    clean, noise = torch.randn(2, 2, 4, 8, 8).unbind()
    output = torch.randn(2, 8, 8, 8, requires_grad=True)
    Tables.of(Betas(), CPU).losses(output, clean, noise, torch.tensor([0, 700]))[1].sum().backward()
    assert output.grad[:, :4].abs().max() == 0.0
    assert output.grad[1, 4:].abs().min() > 0.0


def test_noisy_latents_keep_a_variance_of_one():
    tables = Tables.of(Betas(), CPU)
    torch.testing.assert_close(tables.signal**2 + tables.noise**2, torch.ones(1000))
    assert tables.signal[999] < 0.01


# Labels, average, rates and batches.


def test_a_label_is_dropped_as_often_as_asked_and_otherwise_kept():
    labels = torch.arange(20).repeat(2000)
    found = dropped(labels, 20, 0.1, torch.Generator().manual_seed(0))
    share = (found == 20).double().mean().item()
    assert abs(share - 0.1) < 4 * math.sqrt(0.09 / len(labels))
    assert torch.equal(found[found != 20], labels[found != 20])


def test_every_block_sees_the_same_labels_with_null_in_a_tenth_of_them(images, coder):
    network = architecture.seeded(tiny_transformer, 0)
    seen = []
    for block in network.transformer_blocks:
        block.norm1.emb.class_embedder.embedding_table.register_forward_pre_hook(
            lambda _, given: seen.append(given[0].clone())
        )
    settings = replace(TRANSFORMER, steps=40, batch=50)
    learner = TransformerLearner(
        network, encode(coder[0], images.images), images.labels, settings, Streams((0,))
    )
    for step in range(40):
        learner.step(step)
    each = len(seen) // 40
    assert each >= len(network.transformer_blocks)
    for start in range(0, len(seen), each):
        assert all(torch.equal(labels, seen[start]) for labels in seen[start : start + each])
    null = torch.stack(seen[::each]) == 20
    assert abs(null.double().mean().item() - 0.1) < 4 * math.sqrt(0.09 / null.numel())


def test_the_average_follows_its_formula():
    layer = nn.Linear(3, 1, bias=False)
    average, wanted = moving_average(layer, 0.9), None
    rng = np.random.default_rng(0)
    for n in range(1, 120):
        weights = rng.normal(size=3)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weights))
        average.step(layer.parameters())
        kept = 0.0 if n == 1 else min(0.9, n / (9 + n))
        wanted = weights if wanted is None else kept * wanted + (1 - kept) * weights
    np.testing.assert_allclose(average.shadow_params[0].numpy()[0], wanted, rtol=1e-4, atol=1e-6)


def test_the_rate_rises_in_a_line_and_falls_along_half_a_cosine():
    rates = [learning_rate(step, 110, 2.0, 10) for step in range(110)]
    assert rates[:11] == pytest.approx([2.0 * (n + 1) / 11 for n in range(11)])
    assert rates[60] == pytest.approx(1.0)
    assert rates[35] == pytest.approx(1.0 + math.sqrt(0.5))
    assert all(after < before for before, after in itertools.pairwise(rates[10:]))
    assert 0.0 < rates[-1] < 0.001


def test_batches_follow_from_the_step_alone_and_go_through_all_images():
    batches = Batches(10, 3, Streams((0,)))
    forwards = [batches.indices(step).tolist() for step in range(6)]
    assert [batches.indices(step).tolist() for step in reversed(range(6))] == forwards[::-1]
    for epoch in (forwards[:3], forwards[3:]):
        assert len(set(itertools.chain(*epoch))) == 9
    assert forwards[:3] != forwards[3:]
    assert Batches(10, 3, Streams((1,))).indices(0).tolist() != forwards[0]


def test_a_batch_larger_than_all_images_is_refused():
    with pytest.raises(BenchError, match="A batch of 8 needs as many images, got 5"):
        Batches(5, 8, Streams((0,)))


# Training, stopping and going on.


@pytest.mark.parametrize("name", ["autoencoder", "transformer", "features"])
def test_a_training_that_was_stopped_and_resumed_equals_one_that_was_not(name, stage_of, tmp_path):
    stage, settings = stage_of[name]
    assert stage(tmp_path / "whole", settings)
    for stop in (1, 2, 3):
        stage(tmp_path / "parts", settings, Watch(stop_after=stop))
    assert stage(tmp_path / "parts", settings)
    assert curves(tmp_path / "parts") == curves(tmp_path / "whole")
    one, other = (load_file(tmp_path / kind / "weights.safetensors") for kind in ("parts", "whole"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", ["autoencoder", "transformer", "features"])
def test_another_seed_gives_another_curve(name, stage_of, tmp_path):
    stage, settings = stage_of[name]
    for seed in (0, 1):
        stage(tmp_path / str(seed), replace(settings, seed=seed), Watch(stop_after=2))
    assert curves(tmp_path / "0") != curves(tmp_path / "1")


def test_the_transformer_learns(images, coder, tmp_path):
    settings = replace(TRANSFORMER, steps=60, batch=32, lr=5e-3)
    train_transformer(images, coder, settings, tmp_path, CPU, None, tiny_transformer)
    lines = read_losses(tmp_path / "losses.jsonl")
    first, last = (np.mean([line["mse"] for line in part]) for part in (lines[:5], lines[-15:]))
    assert first == pytest.approx(1.0, abs=0.05)  # the variance of the noise: the answer is zero
    assert last < 0.9 * first


def test_both_phases_of_the_autoencoder_learn(images, tests, tmp_path):
    settings = replace(AUTOENCODER, steps=60, decoder_steps=30, batch=8, lr=5e-3)
    train_autoencoder(images, tests, settings, tmp_path, CPU, None, tiny_autoencoder)
    whole, decoder = (losses_of(tmp_path / phase) for phase in ("whole", "decoder"))
    assert np.mean(whole[-10:]) < 0.8 * np.mean(whole[:5])
    assert np.mean(decoder[-10:]) < np.mean(whole[-10:])


def test_the_second_phase_leaves_the_encoder_as_it_is(images, tests, tmp_path):
    train_autoencoder(images, tests, AUTOENCODER, tmp_path, CPU, None, tiny_autoencoder)
    first, second = (
        load_file(tmp_path / phase / "checkpoint.safetensors") for phase in ("whole", "decoder")
    )
    frozen = [key for key in first if key.startswith("model.encoder.")]
    assert frozen
    assert all(torch.equal(first[key], second[key]) for key in frozen)
    moved = "model.decoder.conv_out.weight"
    assert not torch.equal(first[moved], second[moved])


def test_the_feature_network_learns(images, tests, tmp_path):
    settings = replace(FEATURES, steps=40, lr=1e-2, mix_probability=0.0)
    train_features(images, tests, settings, tmp_path, CPU, None, tiny_features)
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert min(facts["measures"].values()) > 30.0  # chance is 5


class Counting:
    """A learner of one number, which does something else at one step."""

    device = CPU

    def __init__(self, at=None, what=None):
        model = nn.Linear(1, 1)
        self.parts = Parts(model, torch.optim.Adam(model.parameters()))
        self.at, self.what, self.steps = at, what, []

    def step(self, step):
        self.steps.append(step)
        if step == self.at:
            changed = self.what()
            if changed is not None:
                return {"loss": changed}
        return {"loss": torch.tensor(float(step))}


def interrupted():
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_ends_the_step_and_keeps_everything(tmp_path):
    handlers = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(Counting(2, interrupted), tmp_path, 5, {}, Watch())
    assert signal.getsignal(signal.SIGINT) is handlers
    assert losses_of(tmp_path) == [0.0, 1.0, 2.0]
    later = Counting()
    trained = train(later, tmp_path, 5, {}, Watch())
    assert (trained.done, trained.finished, later.steps) == (5, True, [3, 4])
    assert losses_of(tmp_path) == [0.0, 1.0, 2.0, 3.0, 4.0]


def fails():
    raise RuntimeError("power cut")


def test_what_came_after_the_last_checkpoint_is_done_again(tmp_path):
    with pytest.raises(RuntimeError, match="power cut"):
        train(Counting(3, fails), tmp_path, 5, {}, Watch(checkpoint_every=2, report_every=1))
    assert losses_of(tmp_path) == [0.0, 1.0, 2.0]
    later = Counting()
    train(later, tmp_path, 5, {}, Watch())
    assert later.steps == [2, 3, 4]
    assert losses_of(tmp_path) == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_finished_training_is_not_touched(tmp_path):
    train(Counting(), tmp_path, 2, {}, Watch())
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    again = Counting()
    assert train(again, tmp_path, 2, {}, Watch()).finished
    assert again.steps == []
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_a_loss_that_is_not_finite_ends_the_training_and_no_checkpoint_has_it(tmp_path):
    watch = Watch(checkpoint_every=2)
    with pytest.raises(BenchError, match=r"became nan in step 4: lower `lr`"):
        train(Counting(3, lambda: torch.tensor(math.nan)), tmp_path, 6, {}, watch)
    later = Counting()
    train(later, tmp_path, 3, {}, Watch())
    assert later.steps == [2]


def test_reports_give_steps_and_mean_losses(tmp_path):
    reports = []
    watch = Watch(report_every=2, report=lambda *given: reports.append(given))
    train(Counting(), tmp_path, 5, {}, watch)
    assert [(done, steps, losses) for done, steps, _, losses in reports] == [
        (2, 5, {"loss": 0.5}),
        (4, 5, {"loss": 2.5}),
        (5, 5, {"loss": 4.0}),
    ]


def test_a_checkpoint_of_other_settings_is_refused_in_one_sentence(stage_of, tmp_path):
    stage, settings = stage_of["transformer"]
    stage(tmp_path, settings, Watch(stop_after=1))
    with pytest.raises(BenchError) as refused:
        stage(tmp_path, replace(settings, lr=0.5))
    sentence = str(refused.value)
    assert "(lr 0.0008 there, 0.5 here)" in sentence
    assert sentence.endswith("give the same settings, or another `--out`.")
    assert "\n" not in sentence


def test_a_checkpoint_of_other_images_is_refused(images, coder, tmp_path):
    other = rendered(fake_render, "test", 3)
    for given, expected in ((images, False), (other, True)):
        watch = Watch(stop_after=1)
        arguments = (given, coder, TRANSFORMER, tmp_path, CPU, watch, tiny_transformer)
        if expected:
            with pytest.raises(BenchError, match=r"of other settings \(images"):
                train_transformer(*arguments)
        else:
            train_transformer(*arguments)


def test_a_damaged_checkpoint_is_named(tmp_path):
    train(Counting(), tmp_path, 2, {}, Watch())
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(BenchError, match=r"cannot be read .*: delete it to train anew"):
        train(Counting(), tmp_path, 2, {}, Watch())


def test_a_log_that_lost_lines_is_named(tmp_path):
    train(Counting(), tmp_path, 2, {}, Watch())
    (tmp_path / "losses.jsonl").unlink()
    with pytest.raises(BenchError, match="holds 0 of the 2 steps of its checkpoint"):
        train(Counting(), tmp_path, 4, {}, Watch())


# Latents and weights.


def test_standardised_latents_have_mean_0_and_variance_1_and_decode_to_the_same(images):
    coder = architecture.seeded(tiny_autoencoder, 3)
    with torch.no_grad():
        coder.quant_conv.bias += 2.0
        coder.quant_conv.bias[4:] -= 4.0
    before = decode(coder, encode(coder, images.images).mean)
    standardise(coder, images.images)
    after = encode(coder, images.images)
    torch.testing.assert_close(decode(coder, after.mean), before, atol=1e-4, rtol=1e-4)
    drawn = torch.stack(
        [after.sample(torch.arange(len(after)), Streams((0,)), step) for step in range(20)]
    )
    channels = drawn.movedim(2, 0).flatten(1).double()
    assert channels.mean(1).abs().max() < 0.02
    assert (channels.var(1) - 1).abs().max() < 0.02


def test_latents_are_those_of_the_codec_that_samples_are_decoded_with(images, coder):
    codec = LatentCodec(coder[0])
    some = images.images[:4]
    wanted = codec.encode(some.double().div(127.5).sub(1).float())
    torch.testing.assert_close(encode(coder[0], some).mean, wanted)


def test_exported_weights_load_back_within_half_precision(tmp_path):
    network = architecture.feature_network()
    (tmp_path / "w.safetensors").write_bytes(half_weights(network))
    other = architecture.feature_network()
    load_weights(other, tmp_path / "w.safetensors")
    for one, two in zip(network.state_dict().values(), other.state_dict().values(), strict=True):
        assert one.dtype == two.dtype
        # Half precision has 11 bits; below its smallest normal number, steps of 2^-24.
        torch.testing.assert_close(two, one, rtol=2**-11, atol=2**-25)


def test_weights_that_are_missing_or_of_another_network_are_named(tmp_path):
    with pytest.raises(BenchError, match="There are no weights at"):
        load_weights(tiny_features(), tmp_path / "none.safetensors")
    path = tmp_path / "w.safetensors"
    path.write_bytes(half_weights(tiny_autoencoder()))
    with pytest.raises(BenchError, match="does not hold the weights of ConvolutionalNetwork"):
        load_weights(tiny_features(), path)


# Figures and gates.


def test_psnr_is_that_of_a_constant_difference():
    images = torch.full((2, 3, 4, 4), 100, dtype=torch.uint8)
    assert figures.psnr(images, images + 10) == pytest.approx(20 * math.log10(25.5))
    assert figures.psnr(images, images) == math.inf


def test_recognised_counts_by_class():
    answers, labels = torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1])
    assert figures.recognised(answers, labels, 2) == (50.0, 100.0)


def test_spread_agrees_with_scipy_and_is_0_for_one_blob():
    rows = np.random.default_rng(0).normal(size=(7, 5))
    assert figures.spread(torch.from_numpy(rows)) == pytest.approx(pdist(rows).mean())
    assert figures.spread(torch.ones(4, 3)) == 0.0


class Copying:
    """A generator whose every latent is an image and whose samples are copies of given ones."""

    device, dtype = CPU, torch.float32

    def __init__(self, targets):
        self.targets = targets
        self.card = GeneratorCard("copying", "", "class", CLASS_IDS, 32, (3, 32, 32), (), False)
        self.kept = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64).neg().add(1).cumprod(0)

    def condition(self, classes, prompts=None):
        given = torch.tensor(self.card.labels(classes))
        return Cond(given, torch.full_like(given, 20))

    def encode(self, images, rng=None):
        return images

    def posterior(self, images):
        return images, torch.zeros_like(images)

    def decode(self, latents):
        return latents

    def predict(self, x, t, cond, cfg, layer=None):
        kept = self.kept[int(t[0])].item()
        target = self.targets(cond.given, len(x)).float().div(127.5).sub(1)
        noise = (x - math.sqrt(kept) * target) / math.sqrt(1 - kept)
        return Prediction(noise, torch.zeros_like(noise), noise, noise)


GATES = GateSettings(
    images_per_class=10, classifier_width=8, classifier_epochs=15, samples_per_class=6,
    sampling_steps=2, ipc=4, student_epochs=6, students=1,
)  # fmt: skip


def gates_of(generator, folder):
    train_images, test_images = (rendered(fake_render, s, 10) for s in ("train", "test"))
    report = measure(generator, train_images, test_images, GATES, {}, folder)
    return report, {gate["name"]: gate for gate in report["gates"]}


def test_a_generator_that_copies_one_image_a_class_is_recognised_and_called_one_blob(tmp_path):
    copies = rendered(fake_render, "train", 1).images
    report, gates = gates_of(Copying(lambda labels, _: copies[labels]), tmp_path)
    for name in SETS:
        assert gates[f"{name}: points lost on reconstructions"]["value"] == 0.0
        blob = gates[f"{name}: least spread of a class, share of real"]
        assert blob["value"] < 0.05
        assert not blob["reached"]
        judged = report["per_class"][name]
        # Copies of real images are recognised where real images are.
        assert np.mean(judged["samples"]) >= np.mean(judged["real"]) - 15
        assert np.mean(judged["real"]) > 50
    assert report["psnr_db"] == math.inf
    with Image.open(tmp_path / "samples.png") as sheet:
        assert sheet.size == (6 * 64, 20 * 64)
    assert json.loads((tmp_path / "gates.json").read_text())["gates"] == report["gates"]


def test_a_generator_of_noise_is_not_recognised(tmp_path):
    rng = torch.Generator().manual_seed(0)

    def noise(labels, count):
        return torch.randint(256, (count, 3, 32, 32), generator=rng)

    _, gates = gates_of(Copying(noise), tmp_path)
    for name in SETS:
        gate = gates[f"{name}: samples recognised, %"]
        assert gate["value"] < 40
        assert not gate["reached"]


# The stages together.


SMALL = {
    "autoencoder": {"steps": "2", "decoder_steps": "1", "batch": "2", "images_per_class": "1"},
    "transformer": {"steps": "3", "batch": "2", "images_per_class": "1"},
    "features": {"steps": "1", "batch": "20", "images_per_class": "1"},
    "gates": {
        "images_per_class": "2", "classifier_width": "4", "classifier_epochs": "1", "ipc": "1",
        "samples_per_class": "2", "sampling_steps": "2", "student_epochs": "1", "students": "1",
    },
}  # fmt: skip


def test_the_stages_end_in_files_that_the_generator_opens(tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "TEST_IMAGES_PER_CLASS", 2)

    def run(stage, out, **more):
        fields = () if more.get("like") else tuple(SMALL.get(stage, {}).items())
        return stages.run_stage(stages.Request(stage, out, CPU, fields, **more), fake_render)

    out, weights = tmp_path / "out", tmp_path / "weights"
    with pytest.raises(BenchError, match="holds no finished training"):
        run("export", out)
    for stage in ("autoencoder", "transformer", "features", "gates", "export"):
        run(stage, out, to=weights)
    card = json.loads((weights / "card.json").read_text())
    assert card["classes"] == list(CLASS_IDS)
    assert card["stages"]["transformer"]["decided"]["steps"] == 3
    assert card["bytes"] <= 12_000_000

    generator = Embedded("", ShippedWeights(weights)).open(CPU)
    x, t = torch.randn(1, 4, 8, 8), torch.tensor([10])
    assert generator.predict(x, t, generator.condition(["boat"]), 4.0).noise.isfinite().all()

    like = weights / "card.json"
    said = run("transformer", tmp_path / "again", like=like, watch=Watch(stop_after=2))
    assert any("all 2 recorded losses came out again" in line for line in said)
    card["stages"]["transformer"]["runs"][""]["losses"][1][1] += 0.5
    like.write_text(json.dumps(card))
    with pytest.raises(BenchError, match="The loss of step 2 is"):
        run("transformer", tmp_path / "again", like=like, watch=Watch(stop_after=2))

    (out / "autoencoder" / "weights.safetensors").write_bytes(b"changed")
    with pytest.raises(BenchError, match=r"is not the file its facts\.json describes"):
        run("export", out)


def test_unknown_stages_and_settings_are_answered_with_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match=r"Unknown stage 'transformr'. Did you mean 'transformer'"):
        stages.run_stage(stages.Request("transformr", tmp_path, CPU), fake_render)
    with pytest.raises(UsageError, match="Unknown field 'lrr' of 'features'"):
        stages.run_stage(stages.Request("features", tmp_path, CPU, (("lrr", "1"),)), fake_render)


def test_labels_go_from_the_first_set_to_the_second(images):
    assert len(CLASS_IDS) == len(set(CLASS_IDS)) == 20
    own = of_set(images, 1)
    wanted = np.concatenate([fake_render("shapewoof", "train", c, 0, 3) for c in range(10)])
    assert np.array_equal(own.images.permute(0, 2, 3, 1).numpy(), wanted)
    assert own.labels.tolist() == [label for label in range(10) for _ in range(3)]


@pytest.fixture
def command():
    app = typer.Typer()
    app.command()(train_generator)
    return lambda *arguments: CliRunner().invoke(app, [str(part) for part in arguments])


def test_the_command_trains_reports_and_goes_on(command, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.data.shapes.render", fake_render)
    monkeypatch.setattr(stages, "TEST_IMAGES_PER_CLASS", 1)
    options = ("--out", tmp_path, "--device", "cpu", "--steps", "2", "--set", "batch=20",
               "--set", "images_per_class=2")  # fmt: skip
    first = command("features", *options, "--stop-after", "1")
    assert first.exit_code == 0
    assert "features 1/2: loss" in first.output
    assert "is not finished: run the same command again" in first.output
    second = command("features", *options)
    assert "weights.safetensors is finished." in second.output
    assert len(losses_of(tmp_path / "features")) == 2


def test_a_setting_without_a_value_is_wrong_usage(command, tmp_path):
    answer = command("features", "--out", tmp_path, "--set", "batch")
    assert answer.exit_code == 2
    assert "expects name=value, got 'batch'" in answer.output

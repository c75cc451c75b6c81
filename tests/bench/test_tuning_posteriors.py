from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_set import SIZES, Source, real_set

from bench.artefacts import ArtefactStore, key, title
from bench.context import Context
from bench.generators import GENERATORS
from bench.generators.card import GeneratorCard
from bench.generators.text import TextDiffusion
from bench.streams import Streams
from bench.tuning.posteriors import Posteriors

CPU = torch.device("cpu")
WANTED = Posteriors("tiny", "a" * 64, "tiny", "made", numerics="fp32")


def scaled(generator, factor):
    """Change what the latents are multiplied with, as the autoencoder's configuration says it."""
    generator.codec.autoencoder.register_to_config(scaling_factor=factor)
    generator.codec = type(generator.codec)(generator.codec.autoencoder)
    return generator


@pytest.fixture
def start(tmp_path, make_generator, monkeypatch):
    generator = scaled(make_generator(), 0.25)
    monkeypatch.setitem(GENERATORS, "tiny", Source(generator))

    def make(real, folder="cache"):
        store = ArtefactStore(tmp_path / folder)
        return Context(CPU, Streams((7,)), tmp_path, store, {"tiny": real}.__getitem__)

    return make, generator


def pixels_of(real, label):
    """Return the images of a class as the encoder wants them, `[n, 3, S, S]`."""
    images = [real.train.images.pixels[index] for index in real.train.of_class(label)]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) / 127.5 - 1


def test_a_posterior_is_that_of_diffusers_times_the_scaling_factor(make_generator):
    generator = scaled(make_generator(), 0.25)
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        mean, std = generator.posterior(images)
        theirs = generator.codec.autoencoder.encode(images).latent_dist
        assert torch.equal(mean, generator.encode(images))
    assert torch.allclose(mean, 0.25 * theirs.mean)
    assert torch.allclose(std, 0.25 * theirs.var.sqrt())
    assert std.min() > 0


def test_a_sample_is_the_mean_and_noise_times_the_standard_deviation(make_generator):
    generator = scaled(make_generator(), 0.25)
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    noise = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        mean, std = generator.posterior(images)
        sample = generator.encode(images, torch.Generator().manual_seed(5))
    assert torch.allclose(sample, mean + std * noise, atol=1e-5)


def test_generators_conditioned_on_text_have_posteriors_too(make_generator):
    codec = make_generator().codec
    card = GeneratorCard("text", "", "text", (), 16, (4, 8, 8), (), False)
    generator = TextDiffusion(card, codec, torch.nn.Identity(), lambda prompts: torch.zeros(1))
    images = torch.zeros(1, 3, 16, 16)
    with torch.no_grad():
        found, expected = generator.posterior(images), codec.posterior(images)
    assert all(torch.equal(one, two) for one, two in zip(found, expected, strict=True))


def test_every_image_is_encoded_as_it_is_and_mirrored_in_order(start):
    make, generator = start
    real = real_set()
    found = make(real).get(WANTED)
    for label, size in enumerate(SIZES):
        of_class = found.of_class(label)
        assert of_class.dtype == np.float16
        assert of_class.shape == (size, 2, 2, 4, 8, 8)
        images = pixels_of(real, label)
        for mirrored, shown in enumerate((images, torch.flip(images, [3]))):
            with torch.no_grad():
                mean = generator.encode(shown)
                std = 0.25 * generator.codec.autoencoder.encode(shown).latent_dist.std
            kept = torch.tensor(of_class[:, mirrored]).float()
            assert torch.allclose(kept[:, 0], mean, rtol=2e-3, atol=2e-3)
            assert torch.allclose(kept[:, 1], std, rtol=1e-3, atol=1e-4)
        assert np.abs(of_class[:, 0] - of_class[:, 1]).max() > 0.01


def test_rows_are_those_of_the_wanted_images(start):
    make, _ = start
    found = make(real_set()).get(WANTED)
    wanted = [(2, 3, True), (0, 4, False), (0, 4, True), (1, 0, False)]
    labels, places, mirrored = (torch.tensor(one) for one in zip(*wanted, strict=True))
    mean, std = found.rows(labels, places, mirrored)
    assert mean.dtype == std.dtype == torch.float32
    assert mean.shape == std.shape == (4, 4, 8, 8)
    for row, (label, place, mirror) in enumerate(wanted):
        image = torch.tensor(found.of_class(label)[place, 1 if mirror else 0]).float()
        assert torch.equal(mean[row], image[0])
        assert torch.equal(std[row], image[1])


def test_what_changes_the_posteriors_changes_their_key():
    others = [
        replace(WANTED, **{name: value})
        for name, value in [
            ("train_revision", "c" * 64),
            ("weights", "other"),
            ("crop", "resize"),
            ("numerics", "bf16"),
        ]
    ]
    assert len({key(one) for one in (WANTED, *others)}) == 5


def test_the_title_says_whose_posteriors_they_are():
    assert title(WANTED) == "posteriors of the training images of 'tiny' from 'tiny'"

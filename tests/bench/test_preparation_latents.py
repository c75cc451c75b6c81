from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_set import SIZES, Source, real_set

from bench.artefacts import ArtefactStore, key, title
from bench.context import Context
from bench.generators import GENERATORS
from bench.preparation import encoding as room
from bench.preparation.latents import RealLatents
from bench.streams import Streams

CPU = torch.device("cpu")
WANTED = RealLatents("tiny", "a" * 64, "tiny", "made", numerics="fp32")


@pytest.fixture
def start(tmp_path, make_generator, monkeypatch):
    generator = make_generator()
    monkeypatch.setitem(GENERATORS, "tiny", Source(generator))

    def make(real, folder="cache"):
        store = ArtefactStore(tmp_path / folder)
        return Context(CPU, Streams((7,)), tmp_path, store, {"tiny": real}.__getitem__)

    return make, generator


def by_hand(generator, real, label, flipped):
    """Encode every image of a class by itself."""
    found = []
    for index in real.train.of_class(label):
        image = torch.from_numpy(real.train.images.pixels[index].copy()).permute(2, 0, 1)
        both = [image, image.flip(2)] if flipped else [image]
        with torch.no_grad():
            found.append([generator.encode(one[None].float() / 127.5 - 1)[0] for one in both])
    return found


def test_the_latents_of_a_class_are_its_encoded_images_in_order(start):
    make, generator = start
    real = real_set()
    found = make(real).get(replace(WANTED, flip=False))
    for label, size in enumerate(SIZES):
        of_class = found.of_class(label)
        assert of_class.dtype == np.float16
        assert of_class.shape == (size, 4, 8, 8)
        expected = torch.stack([one for (one,) in by_hand(generator, real, label, False)])
        assert torch.allclose(torch.tensor(of_class).float(), expected, rtol=2e-3, atol=2e-3)


def test_a_flipped_latent_is_that_of_the_image_or_of_its_mirror_image(start):
    make, generator = start
    real = real_set()
    found, mirrored = make(real).get(WANTED), 0
    for label in range(3):
        pairs = by_hand(generator, real, label, True)
        for latent, (plain, mirror) in zip(found.of_class(label), pairs, strict=True):
            off = [
                float((torch.tensor(latent).float() - one).abs().max()) for one in (plain, mirror)
            ]
            assert min(off) < 5e-3 < max(off)
            mirrored += off[1] < off[0]
    assert 0 < mirrored < sum(SIZES)


def test_few_images_are_in_memory_at_a_time(start, monkeypatch):
    make, generator = start
    monkeypatch.setitem(room.ENCODE_PIXELS, "cpu", 2 * 16 * 16)
    real, ahead, encoded = real_set(), [], []

    def encode(images, rng=None, of=generator.encode):
        encoded.extend(images)
        ahead.append(len(real.train.images.seen) - len(encoded))
        return of(images)

    monkeypatch.setattr(generator, "encode", encode)
    make(real).get(WANTED)
    assert len(encoded) == sum(SIZES)
    assert max(ahead) <= 2  # the next block of two


def test_what_changes_the_latents_changes_their_key():
    others = [
        replace(WANTED, **{name: value})
        for name, value in [
            ("train_revision", "c" * 64),
            ("weights", "other"),
            ("crop", "resize"),
            ("flip", False),
            ("numerics", "bf16"),
            ("seed", 1),
        ]
    ]
    assert len({key(one) for one in (WANTED, *others)}) == 7


def test_the_title_says_whose_latents_they_are():
    assert title(WANTED) == "latents of the training images of 'tiny' from 'tiny'"

import contextlib
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench import artefacts
from bench.artefacts import ArtefactStore, key, title
from bench.context import Context
from bench.errors import BenchError
from bench.generators import GENERATORS
from bench.images import ArrayImages
from bench.preparation import encoding as room
from bench.preparation.latents import RealLatents
from bench.preparation.per_class import ClassFiles
from bench.sets import DatasetCard, ImageSet, RealSet
from bench.streams import Streams

CPU = torch.device("cpu")
SIZES = (5, 3, 4)
WANTED = RealLatents("tiny", "a" * 64, "tiny", "made", numerics="fp32")


@dataclass(frozen=True)
class Source:
    generator: object
    classes: tuple[str, ...] = ()

    def weights(self):
        return "made"

    def fetch(self):
        return ()

    def open(self, device):
        return self.generator


class Counted(ArrayImages):
    """Images that count how many were decoded, and may be at their end."""

    def __init__(self, pixels, last=999):
        super().__init__(pixels)
        object.__setattr__(self, "seen", [])
        object.__setattr__(self, "last", last)

    def decode(self, index):
        if len(self.seen) >= self.last:
            raise KeyboardInterrupt
        self.seen.append(index)
        return super().decode(index)


def real_set(last=999, side=16):
    rng = np.random.default_rng(0)
    # The images of the classes are mixed, as in a folder that was shuffled.
    labels = rng.permutation(np.repeat(np.arange(3), SIZES))
    images = Counted(rng.integers(0, 256, (len(labels), side, side, 3), dtype=np.uint8), last)
    card = DatasetCard(
        name="tiny",
        classes=("c2", "c0", "c1"),
        class_names=("x", "y", "z"),
        train_split="made",
        test_split="made",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=SIZES,
        resolution=side,
        features="convnet1[width=4]@8",
    )
    train = ImageSet(images, labels, card.train_revision)
    return RealSet(card, train, ImageSet(images, labels, card.test_revision))


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


def test_block_sizes_change_rounding_alone(start, monkeypatch):
    make, _ = start
    whole = make(real_set(), "one").get(WANTED)
    monkeypatch.setitem(room.ENCODE_PIXELS, "cpu", 2 * 16 * 16)
    parts = make(real_set(), "two").get(WANTED)
    for label in range(3):
        one, two = whole.of_class(label), parts.of_class(label)
        assert np.allclose(one.astype(np.float32), two.astype(np.float32), atol=5e-3)


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


def test_a_kill_costs_one_class_and_changes_nothing(start, tmp_path):
    make, _ = start
    killed = make(real_set(last=6))
    with contextlib.suppress(KeyboardInterrupt):
        killed.get(WANTED)
    real = real_set()
    again = make(real)
    again.get(WANTED)
    undisturbed = make(real_set(), "other")
    undisturbed.get(WANTED)
    assert len(real.train.images.seen) == SIZES[1] + SIZES[2]
    one, two = (ClassFiles(ctx.artefacts.path(WANTED)) for ctx in (again, undisturbed))
    assert [one.path(i).read_bytes() for i in range(3)] == [
        two.path(i).read_bytes() for i in range(3)
    ]
    assert {path.name for path in again.artefacts.path(WANTED).iterdir()} == {
        artefacts.META,
        "0000.npy",
        "0001.npy",
        "0002.npy",
    }


def test_images_of_any_size_are_cropped_for_the_generator(start):
    make, _ = start
    for crop in ("adm", "resize"):
        found = make(real_set(side=40), crop).get(replace(WANTED, crop=crop))
        assert found.of_class(0).shape == (5, 4, 8, 8)


def test_a_full_disk_is_told_before_an_image_is_read(start, monkeypatch):
    make, _ = start
    real = real_set()
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10))
    with pytest.raises(BenchError, match=r"^The latents of 'tiny' need 0.0 MB in"):
        make(real).get(WANTED)
    assert real.train.images.seen == []


def test_another_training_set_is_refused(start):
    make, _ = start
    with pytest.raises(BenchError, match="start the run again"):
        make(real_set()).get(replace(WANTED, train_revision="c" * 64))


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

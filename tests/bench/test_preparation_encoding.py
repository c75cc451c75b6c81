"""What both artefacts that encode a real set keep, whatever they make of an image."""

import contextlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_set import SIZES, Source, real_set

from bench import artefacts
from bench.artefacts import ArtefactStore
from bench.context import Context
from bench.errors import BenchError
from bench.generators import GENERATORS
from bench.preparation import encoding
from bench.preparation.latents import RealLatents
from bench.preparation.per_class import ClassFiles
from bench.streams import Streams
from bench.tuning.posteriors import Posteriors

WHOSE = ("tiny", "a" * 64, "tiny", "made")
pytestmark = pytest.mark.parametrize(
    ("wanted", "noun", "shape"),
    [
        (RealLatents(*WHOSE, numerics="fp32"), "latents", (4, 8, 8)),
        (Posteriors(*WHOSE, numerics="fp32"), "posteriors", (2, 2, 4, 8, 8)),
    ],
    ids=["latents", "posteriors"],
)


@pytest.fixture
def make(tmp_path, make_generator, monkeypatch):
    """Return a function that makes a context with the set and a cache folder of that name."""
    monkeypatch.setitem(GENERATORS, "tiny", Source(make_generator()))

    def make(real, folder="cache"):
        store = ArtefactStore(tmp_path / folder)
        cpu = torch.device("cpu")
        return Context(cpu, Streams((7,)), tmp_path, store, {"tiny": real}.__getitem__)

    return make


def test_block_sizes_change_rounding_alone(make, monkeypatch, wanted, noun, shape):
    whole = make(real_set(), "one").get(wanted)
    monkeypatch.setitem(encoding.ENCODE_PIXELS, "cpu", 2 * 16 * 16)
    parts = make(real_set(), "two").get(wanted)
    for label in range(3):
        one, two = (each.of_class(label).astype(np.float32) for each in (whole, parts))
        assert np.allclose(one, two, atol=5e-3)


def test_a_kill_costs_one_class_and_changes_nothing(make, wanted, noun, shape):
    killed = make(real_set(last=6))
    with contextlib.suppress(KeyboardInterrupt):
        killed.get(wanted)
    real = real_set()
    again = make(real)
    again.get(wanted)
    undisturbed = make(real_set(), "other")
    undisturbed.get(wanted)
    assert len(real.train.images.seen) == SIZES[1] + SIZES[2]
    one, two = (ctx.artefacts.path(wanted) for ctx in (again, undisturbed))
    for label in range(3):
        assert ClassFiles(one).path(label).read_bytes() == ClassFiles(two).path(label).read_bytes()
    names = {path.name for path in one.iterdir()}
    assert names == {artefacts.META, "0000.npy", "0001.npy", "0002.npy"}


def test_images_of_any_size_are_cropped_for_the_generator(make, wanted, noun, shape):
    found = [
        make(real_set(side=40), crop).get(replace(wanted, crop=crop)).of_class(0)
        for crop in ("adm", "resize")
    ]
    assert found[0].shape == found[1].shape == (SIZES[0], *shape)
    assert not np.allclose(*found, atol=1e-2)


def test_a_full_disk_is_told_before_an_image_is_read(make, monkeypatch, wanted, noun, shape):
    real, needed = real_set(), 2 * sum(SIZES) * int(np.prod(shape))  # numbers of two bytes
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=needed - 1))
    with pytest.raises(BenchError, match=rf"^The {noun} of 'tiny' need 0.0 MB in"):
        make(real).get(wanted)
    assert real.train.images.seen == []
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=needed))
    assert make(real).get(wanted).of_class(0).shape == (SIZES[0], *shape)


def test_another_training_set_is_refused(make, wanted, noun, shape):
    with pytest.raises(BenchError, match="start the run again"):
        make(real_set()).get(replace(wanted, train_revision="c" * 64))

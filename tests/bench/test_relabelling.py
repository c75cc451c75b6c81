from __future__ import annotations

import re
import shutil
from collections import namedtuple
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench import artefacts
from bench.artefacts import ArtefactStore
from bench.context import Context, artefact_streams
from bench.data.prefix import Prefix
from bench.errors import BenchError
from bench.images import ArrayImages
from bench.relabelling import Relabelling, StoredLabels
from bench.sets import DatasetCard, DistilledSet, ImageSet, RealSet
from bench.streams import Streams
from bench.teachers.specs import Trained
from bench.training.recipe import Recipe
from bench.training.sight import draw_sight, seen
from bench.training.targets import FromStore

CPU, SIDE, NUM, CLASSES, EPOCHS = torch.device("cpu"), 12, 10, 3, 3
RECIPE = Recipe(
    resolution=8, crop_from="stored", jitter=0.0, lighting=0.0, lr=0.1, weight_decay=0.0,
    epochs=EPOCHS, batch=4, evaluations=1,
)  # fmt: skip


def image_set(num, seed, revision):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(256, size=(num, SIDE, SIDE, 3), dtype=np.uint8)
    return ImageSet(ArrayImages(pixels), np.sort(np.arange(num) % CLASSES), revision)


@pytest.fixture
def real():
    names = ("ant", "bee", "cat")
    card = DatasetCard(
        "tiny", names, names, "folder", "folder", "a", "b", (20, 20, 20), 8, "convnet3@32"
    )
    return RealSet(card, image_set(60, 0, "a"), image_set(30, 1, "b"))


@pytest.fixture
def context(real, tmp_path):
    def make(num=NUM, cache="cache", revision="r"):
        chosen = image_set(num, 2, revision)
        distilled = DistilledSet(chosen.images, chosen.labels, real.card.classes)
        return Context(
            CPU, Streams((0, 0)), tmp_path, ArtefactStore(tmp_path / cache), lambda name: real,
            distilled=distilled, distilled_revision=revision,
        )  # fmt: skip

    return make


def stored(real, recipe=RECIPE, seed=0, revision="r"):
    weights = Trained(network="convnet1[width=2]", epochs=1).weights_of(real.card, 8)
    relabelling = Relabelling.of(recipe, Prefix(None, None))
    return StoredLabels(revision, weights, "tiny", relabelling, seed)


def test_labels_are_the_logits_of_the_mixed_views_by_row_of_the_set(real, context):
    ctx, artefact = context(), stored(real)
    labels = ctx.get(artefact)
    teacher = ctx.get(artefact.weights).answering(real.card, "teacher")
    images = torch.from_numpy(ctx.distilled.images.pixels.transpose(0, 3, 1, 2).copy())
    sizes = torch.tensor([[SIDE, SIDE]]).expand(NUM, 2)
    for epoch in range(EPOCHS):
        sight = draw_sight(RECIPE, sizes, artefact_streams(0), epoch)
        assert labels.digest(epoch) == sight.digest()
        found = torch.from_numpy(labels.logits(epoch))
        assert (found.shape, found.dtype) == ((NUM, CLASSES), torch.float16)
        for batch in seen(sight, images, RECIPE, CPU, epoch):
            assert batch.mixing is not None
            expected = teacher(batch.images)
            torch.testing.assert_close(found[batch.index].float(), expected, rtol=1e-3, atol=1e-3)


def test_labels_are_mapped_and_their_size_is_that_of_the_files(real, context, tmp_path):
    ctx, artefact = context(), stored(real)
    labels = ctx.get(artefact)
    assert isinstance(labels.logits(0), np.memmap)
    arrays = [labels.logits(epoch) for epoch in range(EPOCHS)]
    header, digests = 128, EPOCHS * 32  # that of NumPy's format fills up to 128 bytes
    content = sum(array.nbytes for array in arrays) + digests
    assert labels.size == content + (EPOCHS + 1) * header
    assert sum(array.nbytes for array in arrays) == EPOCHS * NUM * CLASSES * 2
    assert (labels.num_images, labels.num_classes) == (NUM, CLASSES)


def test_every_epoch_has_views_of_its_own(real, context):
    labels = context().get(stored(real))
    assert len({labels.digest(epoch) for epoch in range(EPOCHS)}) == EPOCHS
    assert not np.array_equal(labels.logits(0), labels.logits(1))


@pytest.mark.parametrize(
    "change",
    [{"lr": 1.0}, {"weight_decay": 0.5}, {"optimizer": "adamw"}, {"schedule": "cosine"},
     {"norm": "batch"}, {"evaluations": 3}, {"passes": 2}, {"norm_updates": 2},
     {"test_resize": "8/7"}],
)  # fmt: skip
def test_what_no_teacher_sees_makes_no_other_labels(change, real):
    other = stored(real, replace(RECIPE, **change))
    assert artefacts.key(other) == artefacts.key(stored(real))


@pytest.mark.parametrize(
    "change",
    [{"resolution": 7}, {"epochs": 4}, {"batch": 5}, {"patches": 2}, {"crop_scale": (0.08, 1.0)},
     {"crop_rounding": True}, {"flip": 0.0}, {"mix": "mixup"}, {"mix_probability": 0.5},
     {"mix_alpha": 0.8}, {"crop_from": "prefix"}, {"jitter": 0.4}, {"numerics": "fp32"}],
)  # fmt: skip
def test_what_a_teacher_sees_makes_other_labels(change, real):
    assert artefacts.key(stored(real, replace(RECIPE, **change))) != artefacts.key(stored(real))


def test_set_seed_teacher_and_stored_size_are_part_of_the_key(real):
    first = stored(real)
    other_teacher = Trained(network="convnet1[width=3]", epochs=1).weights_of(real.card, 8)
    resized = Relabelling.of(RECIPE, Prefix(16, 16))
    others = [
        stored(real, revision="s"), stored(real, seed=1), replace(first, weights=other_teacher),
        replace(first, relabelling=resized),
    ]  # fmt: skip
    assert len({artefacts.key(artefact) for artefact in (first, *others)}) == 5


@pytest.mark.parametrize("prefix", [Prefix(None, None), Prefix(16, 16)])
def test_a_relabelling_remembers_how_images_were_prepared(prefix):
    relabelling = Relabelling.of(RECIPE, prefix)
    assert relabelling.prefix() == prefix
    recipe = replace(RECIPE, crop_from="prefix")
    assert Relabelling.of(recipe, Prefix(8, 8)).prefix() == Prefix(8, 8)


def test_a_killed_build_goes_on_with_the_epoch_it_was_at(real, context, monkeypatch):
    ctx, artefact = context(), stored(real)
    asked, answers = [], StoredLabels._answers

    def killed_in_the_last(self, teacher, num_classes, sight, examples, epoch, ctx):
        asked.append(epoch)
        if asked == [0, 1, 2]:
            raise KeyboardInterrupt
        return answers(self, teacher, num_classes, sight, examples, epoch, ctx)

    monkeypatch.setattr(StoredLabels, "_answers", killed_in_the_last)
    with pytest.raises(KeyboardInterrupt):
        ctx.get(artefact)
    resumed = context().get(artefact)
    assert asked == [0, 1, 2, 2]

    monkeypatch.undo()
    whole = context(cache="other").get(artefact)
    for epoch in range(EPOCHS):
        assert resumed.digest(epoch) == whole.digest(epoch)
        assert np.array_equal(resumed.logits(epoch), whole.logits(epoch))


def test_labels_of_other_views_and_of_other_sets_are_refused(real, context):
    labels = context().get(stored(real))
    targets = FromStore(labels, 20.0, False)
    sizes = torch.tensor([[SIDE, SIDE]])
    targets.begin(0, draw_sight(RECIPE, sizes.expand(NUM, 2), artefact_streams(0), 0))
    with pytest.raises(BenchError, match="made for other views"):
        targets.begin(0, draw_sight(RECIPE, sizes.expand(NUM, 2), artefact_streams(1), 0))
    with pytest.raises(BenchError, match="for 10 images, but the set has 12"):
        targets.begin(0, draw_sight(RECIPE, sizes.expand(12, 2), artefact_streams(0), 0))


def test_what_is_advised_for_labels_of_other_views_removes_them(
    real, context, bench, tmp_path, monkeypatch
):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    ctx, artefact = context(), stored(real)
    targets = FromStore(ctx.get(artefact), 20.0, False)
    other = draw_sight(RECIPE, torch.tensor([[SIDE, SIDE]] * NUM), artefact_streams(1), 0)
    with pytest.raises(BenchError) as caught:
        targets.begin(0, other)
    (command,) = re.findall(r"`bench (.*)` removes them, then run again", str(caught.value))
    assert ctx.artefacts.has(artefact)
    done = bench(*command.split())
    assert done.status == 0, done.err
    assert not ctx.artefacts.has(artefact)


def test_labels_need_room_before_the_teacher_is_asked(real, context, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10**9, 10**9 - 100, 100))
    monkeypatch.setattr(StoredLabels, "_answers", lambda *a: pytest.fail("asked the teacher"))
    with pytest.raises(BenchError, match=r"need 0\.0 MB .* take `labels=fresh`"):
        context().get(stored(real))


def test_a_teacher_whose_numbers_float16_cannot_hold_is_refused(real, context, monkeypatch):
    from bench.training.targets import FromTeacher

    monkeypatch.setattr(
        FromTeacher, "answers", lambda self, images: torch.full((len(images), CLASSES), 1e6)
    )
    with pytest.raises(BenchError, match="not finite or above 65,504"):
        context().get(stored(real))


def test_labels_are_made_of_the_set_that_is_evaluated_only(real, context):
    with pytest.raises(ValueError, match="only where that set is evaluated"):
        context(revision="another").get(stored(real))


def test_a_damaged_epoch_is_named(real, context):
    ctx, artefact = context(), stored(real)
    labels = ctx.get(artefact)
    (ctx.artefacts.path(artefact) / "epoch-001.npy").write_bytes(b"no array")
    with pytest.raises(BenchError, match=r"epoch-001\.npy cannot be read"):
        labels.logits(1)

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from bench.data.prefix import Prefix
from bench.errors import UsageError
from bench.images import ArrayImages
from bench.sets import DatasetCard, DistilledSet, ImageSet, RealSet
from bench.streams import Streams
from bench.training import probe
from bench.training.compiling import Compiling
from bench.training.schedule import evaluation_epochs
from protocols import ALIASES, PROTOCOLS
from protocols.hard import HardLabel

HARD = PROTOCOLS["hard/minimax"]


@dataclass(frozen=True)
class TinyStudent:
    """A student of a few dozen parameters."""

    family: str = "tiny"
    revision: ClassVar[int] = 1

    def build(self, num_classes, image_size, norm):
        if image_size < 4:
            raise UsageError(f"`tiny` needs at least 4 pixels, got {image_size}.")
        normed = nn.GroupNorm(4, 4) if norm == "instance" else nn.BatchNorm2d(4)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), normed, nn.AvgPool2d(image_size - 2), nn.Flatten(),
            nn.Linear(4, num_classes),
        )  # fmt: skip


STUDENT = TinyStudent()


def card(num_classes=10, resolution=224):
    names = tuple(f"n{k:08d}" for k in range(num_classes))
    return DatasetCard(
        name="tiny",
        classes=names,
        class_names=names,
        train_split="folder",
        test_split="folder",
        train_revision="a",
        test_revision="b",
        class_sizes=(20,) * num_classes,
        resolution=resolution,
        features="convnet3@32",
    )


def image_set(num_classes, per_class, side, seed, revision):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), per_class)
    pixels = rng.integers(100, size=(len(labels), side, side, 3))
    pixels += 120 * labels[:, None, None, None]
    return ImageSet(ArrayImages(pixels.clip(0, 255).astype(np.uint8)), labels, revision)


def real_set(side=16):
    sets = (image_set(2, 20, side, 0, "a"), image_set(2, 15, side, 1, "b"))
    return RealSet(card(2, side), *sets)


def distilled_set(real, per_class=5, **options):
    chosen = np.concatenate([real.train.of_class(label)[:per_class] for label in (0, 1)])
    return replace(DistilledSet.of_indices(real, chosen), **options)


@dataclass
class FakeContext:
    seeds: tuple[int, ...] = (0, 0)
    asked: list[tuple[str, Prefix]] = field(default_factory=list)
    kept: Path | None = None
    compiling: Compiling = field(default_factory=Compiling)
    distilled_revision: str = "c"

    @property
    def streams(self):
        return Streams(self.seeds)

    @property
    def device(self):
        return torch.device("cpu")

    def pixels(self, images, prefix):
        self.asked.append((images.revision, prefix))
        made = [prefix.apply(images.images.decode(k)) for k in range(len(images))]
        return np.stack(made).transpose(0, 3, 1, 2)

    def progress(self, done, total):
        pass


def short(**options):
    return HardLabel(**{"epochs": 12, "lr": 0.05, "mix": "none", **options})


def evaluated(protocol=None, real=None, distilled=None, ctx=None):
    real = real or real_set()
    protocol = (protocol or short()).resolve(real.card, 5, STUDENT)
    return protocol.evaluate(distilled or distilled_set(real), real, STUDENT, ctx or FakeContext())


@pytest.mark.parametrize("table", ["minimax", "idc", "d3hr"])
@pytest.mark.parametrize("ipc", [1, 10, 50, 100, None])
@pytest.mark.parametrize("num_classes", [10, 100, 1000])
def test_resolving_leaves_nothing_open_and_does_nothing_twice(table, ipc, num_classes):
    resolved = HardLabel(table=table, norm=None).resolve(card(num_classes), ipc, STUDENT)
    values = dataclasses.asdict(resolved)
    assert None not in values.values()
    assert resolved.resolve(card(num_classes), ipc, STUDENT) == resolved


def test_the_card_gives_the_resolution_and_explicit_fields_stay():
    assert HARD.resolve(card(resolution=32), 10, STUDENT).resolution == 32
    asked = HardLabel(resolution=64, epochs=300, batch=8, lr=0.5, weight_decay=0.0, evaluations=2)
    resolved = asked.resolve(card(1000), 10, STUDENT)
    assert resolved == replace(asked, resolution=64)


def test_full_data_is_tested_every_epoch_however_many_there_are():
    resolved = HardLabel(epochs=7).resolve(card(), None, STUDENT)
    assert evaluation_epochs(resolved) == tuple(range(1, 8))


def test_scaled_epochs_are_the_published_ones_times_the_factor_and_name_the_same_result():
    short = HardLabel(epochs_scale=0.05)
    resolved = [short.resolve(card(), ipc, STUDENT) for ipc in (1, 10, 50, None)]
    assert [protocol.epochs for protocol in resolved] == [150, 100, 75, 15]
    assert resolved[1] == HardLabel(epochs=100).resolve(card(), 10, STUDENT)
    with pytest.raises(ValueError, match="leave one of them out"):
        HardLabel(epochs=100, epochs_scale=0.5)


@pytest.mark.parametrize(("resolution", "resize"), [(32, 32), (64, 72), (128, 144), (224, 256)])
def test_eight_sevenths_are_rounded_as_published(resolution, resize):
    resolved = HardLabel(test_resize="8/7").resolve(card(resolution=resolution), 10, STUDENT)
    assert resolved.test_prefix() == Prefix(resize, resolution)


def test_a_student_too_deep_for_the_images_is_refused_before_training():
    fits, small = (HARD.resolve(card(resolution=side), 10, STUDENT) for side in (4, 3))
    fits.check(card(), STUDENT)
    with pytest.raises(UsageError, match="needs at least 4 pixels, got 3"):
        small.check(card(), STUDENT)


def test_a_resolution_that_eight_sevenths_cannot_serve_is_refused():
    resolved = HardLabel(test_resize="8/7", resolution=20).resolve(card(), 10, STUDENT)
    with pytest.raises(UsageError, match="resolution // 7 \\* 8 = 16"):
        resolved.check(card(), STUDENT)


def test_a_missing_student_is_refused():
    with pytest.raises(UsageError, match="name one"):
        HARD.resolve(card(), 10, None).check(card(), None)


@pytest.mark.parametrize(("name", "value"), [("table", "rded"), ("epochs", 0), ("mix", "x")])
def test_wrong_fields_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        HardLabel(**{name: value})


def test_hard_is_minimax_and_all_defaults():
    assert ALIASES["hard"] == "hard/minimax"
    assert HARD == HardLabel()


def test_an_outcome_holds_last_and_best_accuracy_with_the_whole_curve():
    outcome = evaluated(short(evaluations=4))
    epochs, top1 = outcome.series["epoch"], outcome.series["top1"]
    assert epochs == (3.0, 6.0, 9.0, 12.0)
    assert len(top1) == len(outcome.series["train_loss"]) == 4
    assert outcome.scores == {"top1_last": top1[-1], "top1_best": max(top1)}
    assert np.mean(outcome.per_class["top1_last"]) == pytest.approx(top1[-1])
    assert outcome.facts["updates"] == 12
    assert outcome.facts["norm"] == "instance"
    assert outcome.facts["parameters"] == 3 * 4 * 9 + 4 + 8 + 4 * 2 + 2


def test_a_student_learns_bright_from_dark():
    outcome = evaluated(short(epochs=60, jitter=0.1, norm="batch"))
    assert outcome.scores["top1_last"] >= 90.0


def test_equal_seeds_give_equal_outcomes_and_others_do_not():
    first, second = evaluated(), evaluated()
    assert first == second
    other = evaluated(ctx=FakeContext((0, 1)))
    assert first.series["train_loss"] != other.series["train_loss"]


@pytest.mark.parametrize("num_classes", [10, 100, 1000])
def test_any_number_of_classes_is_evaluated(num_classes):
    labels = np.arange(num_classes)
    pixels = np.random.default_rng(0).integers(256, size=(num_classes, 8, 8, 3), dtype=np.uint8)
    images = ImageSet(ArrayImages(pixels), labels, "a")
    real = RealSet(card(num_classes, 8), images, images)
    protocol = HardLabel(epochs=1).resolve(real.card, 1, STUDENT)
    outcome = protocol.evaluate(DistilledSet.of_indices(real, labels), real, STUDENT, FakeContext())
    assert len(outcome.per_class["top1_last"]) == num_classes
    assert outcome.facts["updates"] == math.ceil(num_classes / (128 if num_classes > 100 else 64))


def test_few_distilled_images_are_not_cached_and_many_and_the_real_ones_are(monkeypatch):
    ctx, real = FakeContext(), real_set()
    evaluated(real=real, ctx=ctx)
    evaluated(real=real, ctx=ctx, distilled=DistilledSet(
        real.train.images, real.train.labels, real.card.classes, whole=True
    ))  # fmt: skip
    assert [revision for revision, _ in ctx.asked] == ["", "b", "a", "b"]
    monkeypatch.setattr("bench.data.pixels.CACHED_FROM", 10)
    many = FakeContext()
    evaluated(real=real, ctx=many)
    assert [revision for revision, _ in many.asked] == ["c", "b"]


def test_crops_may_come_from_the_stored_images():
    ctx = FakeContext()
    protocol = short(crop_from="stored", resolution=8, test_resize="8/7")
    evaluated(protocol, ctx=ctx)
    assert [prefix for _, prefix in ctx.asked] == [Prefix(None, None), Prefix(8, 8)]


def test_weights_enter_the_loss_and_soft_labels_do_not():
    real = real_set()
    plain = evaluated(real=real)
    soft = np.full((10, 2), 0.5, np.float32)
    assert evaluated(real=real, distilled=distilled_set(real, soft=soft)) == plain
    weights = np.linspace(0.1, 1.9, 10, dtype=np.float32)
    weighted = evaluated(real=real, distilled=distilled_set(real, weights=weights))
    assert weighted.series["train_loss"] != plain.series["train_loss"]


def test_the_estimate_grows_with_the_epochs(monkeypatch):
    monkeypatch.setattr(probe, "BUDGET", 0.02)
    few, many = (
        short(epochs=epochs, resolution=16).resolve(card(2), 5, STUDENT) for epochs in (1, 10_000)
    )
    seconds = [p.seconds(card(2), 10, STUDENT, 30, torch.device("cpu")) for p in (few, many)]
    assert 0.0 < seconds[0] < seconds[1]

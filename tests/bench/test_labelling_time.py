"""The time of labels that a teacher gives to distilled sets: each set's once, if it is to come."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
from idle import CARD, Idle, registry_of
from torch import nn

from bench.artefacts import META, ArtefactStore
from bench.errors import BenchError
from bench.estimate import estimate
from bench.labelling_time import labelling_times
from bench.plan import planned
from bench.request import RunSpec
from bench.training import probe
from bench.training.recipe import Recipe
from bench.units import Workshop

CPU = torch.device("cpu")
FAILURES = {
    "told": BenchError("The weights cannot be had."),
    "cuda": torch.OutOfMemoryError("CUDA out of memory."),
    "cpu": RuntimeError("DefaultCPUAllocator: can't allocate memory"),
}


@dataclass(frozen=True)
class Labels:
    """What a teacher says of a set; the images were brought to one size first, or not."""

    distilled: str
    views: int
    resized: bool
    revision: ClassVar[int] = 1

    def needs(self):
        return ()


@dataclass(frozen=True)
class Labelling(Idle):
    """A protocol of ten seconds a label and two a student; it counts how often it is asked."""

    views: int = 1
    rate: float = 0.1
    """Of the students, which decides no label."""
    fails: str = ""
    asked: ClassVar[list[int]] = []

    def labels_of(self, card, distilled):
        return tuple(Labels(distilled, self.views, resized) for resized in (False, True))

    def labelling_seconds(self, card, num_images, device):
        self.asked.append(num_images)
        if self.fails:
            raise FAILURES[self.fails]
        return 10.0 * num_images

    def seconds(self, card, num_images, student, num_test, device):
        return 2.0


@pytest.fixture
def workshop(tmp_path):
    Labelling.asked.clear()
    real = SimpleNamespace(card=CARD, test=range(4), train=range(18))
    return Workshop({"tiny": real}, ArtefactStore(tmp_path), CPU)


def evaluations(*protocols):
    """Return evaluations of two random sets of 3 images, two of 6, and the real one of 18."""
    run = RunSpec(
        methods=("random", "full"),
        datasets=("tiny=folder:x",),
        ipc=(1, 2),
        protocols=protocols,
        students=("convnet1", "convnet2"),
        seeds=2,
    )
    units = planned(run, registry_of(labelling=Labelling()), [CARD])
    return [unit for unit in units if unit.kind == "evaluation"]


def test_all_students_of_a_set_share_the_time_of_its_labels(workshop):
    units = evaluations("fake/labelling", "fake/labelling[rate=0.2]")
    found = estimate(units, units, {}, workshop)
    labels = 10.0 * (2 * 3 + 2 * 6 + 18)
    assert found.total_seconds == 2.0 * len(units) + labels
    assert found.artefacts == ()


def test_other_views_are_labelled_too_and_sets_of_one_size_are_probed_once(workshop):
    units = evaluations("fake/labelling", "fake/labelling[views=2]")
    times = labelling_times(units, {}, workshop)
    assert sorted(times) == sorted(2 * [30.0, 30.0, 60.0, 60.0, 180.0])
    assert sorted(Labelling.asked) == [3, 3, 6, 6, 18, 18]


@pytest.mark.parametrize("resized", [False, True])
def test_labels_that_are_there_take_no_time(workshop, resized):
    units = evaluations("fake/labelling")
    whole = next(unit for unit in units if unit.ipc is None)
    known = {whole.distillation: SimpleNamespace(distilled="r")}
    assert len(labelling_times(units, known, workshop)) == 5
    folder = workshop.artefacts.path(Labels("r", 1, resized))
    folder.mkdir(parents=True)
    (folder / META).touch()
    assert sorted(labelling_times(units, known, workshop)) == [30.0, 30.0, 60.0, 60.0]


@pytest.mark.parametrize("reason", FAILURES)
def test_labels_whose_time_cannot_be_told_are_named(workshop, reason):
    units = evaluations(f"fake/labelling[fails={reason}]")
    found = estimate(units, units, {}, workshop)
    assert found.total_seconds == 2.0 * len(units)
    assert found.artefacts == ("stored labels (once for every distilled set)",)


def test_the_probe_counts_every_image_in_every_epoch(monkeypatch):
    seen = []

    class Watching(nn.Linear):
        def forward(self, images):
            seen.append((self.training, torch.is_grad_enabled(), tuple(images.shape)))
            return super().forward(images.flatten(1))

    monkeypatch.setattr(probe, "_seconds", lambda work: work() or 0.25)
    recipe = Recipe(
        resolution=8, jitter=0.0, lighting=0.0, lr=0.1, weight_decay=0.0, epochs=6, batch=4,
        evaluations=1,
    )  # fmt: skip
    found = probe.estimate_labelling(Watching(3 * 8 * 8, 5), recipe, 10, 5, CPU)
    assert found == 10 / 4 * 6 * 0.25
    assert seen == [(False, False, (4, 3, 8, 8))]

"""What a training takes: beside torch's own count of a real step, and by hand."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
from idle import CARD, Idle, registry_of
from torch import nn
from torch.profiler import ProfilerActivity, profile

from bench.artefacts import ArtefactStore
from bench.data.pixels import CACHED_FROM
from bench.estimate import estimate, footprint
from bench.footprint import (
    DECODED,
    LABELS,
    TEACHER,
    TESTS,
    Footprint,
    activation_bytes,
    device_bytes,
    state_bytes,
    training_footprint,
)
from bench.plan import planned
from bench.request import RunSpec
from bench.training.loss import make_optimizer
from bench.training.recipe import Recipe
from bench.units import Workshop

RECIPE = Recipe(resolution=16, lr=0.1, weight_decay=0.0, epochs=1, batch=8, evaluations=1)


def network(width: int = 8) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(width * 64, 10),
    )


def kept_by_torch(model: nn.Module, batch: int, side: int) -> int:
    """Return by how much torch's allocator has grown after a real forward pass."""
    images = torch.randn(batch, 3, side, side)
    model(images)  # what is allocated once for all is not counted
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        logits = model(images)
    assert logits.requires_grad
    return sum(event.self_cpu_memory_usage for event in seen.key_averages())


@pytest.mark.parametrize("batch", [4, 16])
def test_activations_are_what_torch_keeps_after_a_forward_pass(batch):
    logits = batch * 10 * 4  # kept by whoever called, not for the backward pass
    expected = kept_by_torch(network(), batch, 16) - logits
    assert activation_bytes(network(), batch, 16) == pytest.approx(expected, rel=0.02)


def test_activations_of_a_residual_network_are_torchs_too():
    import torchvision

    model = torchvision.models.resnet18(num_classes=10)
    assert activation_bytes(model, 4, 32) == pytest.approx(kept_by_torch(model, 4, 32), rel=0.05)


def test_activations_by_hand():
    plain = nn.Sequential(nn.Linear(3 * 4 * 4, 5), nn.ReLU(), nn.Linear(5, 2))
    model = nn.Sequential(nn.Flatten(), *plain)
    # The images themselves are counted with the batch; ReLU and the last layer keep one tensor.
    assert activation_bytes(model, 7, 4) == 7 * 5 * 4


def test_counting_leaves_the_network_as_it_was():
    model = network().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    activation_bytes(model, 4, 16)
    assert not model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_parameters_gradients_and_moments_are_those_of_a_real_update(optimizer):
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer)
    model = network()
    made = make_optimizer(model, recipe)
    model(torch.randn(8, 3, 16, 16)).sum().backward()
    made.step()
    tensors = [*model.parameters(), *model.buffers()]
    tensors += [p.grad for p in model.parameters()]
    tensors += [
        value
        for state in made.state.values()
        for value in state.values()
        if torch.is_tensor(value) and value.ndim  # the count of steps is none of it
    ]
    held = sum(tensor.nbytes for tensor in tensors)
    pixels = 8 * 3 * 16 * 16 * 4
    found = device_bytes(model, recipe, 8, 16)
    assert found - activation_bytes(model, 8, 16) - pixels == held


def test_a_teacher_adds_its_state_and_no_gradients():
    alone, taught = (device_bytes(network(), RECIPE, 8, 16, t) for t in (None, network(16)))
    assert taught - alone == state_bytes(network(16))


def test_two_passes_keep_the_activations_of_half_a_batch():
    halves = dataclasses.replace(RECIPE, passes=2)
    saved = device_bytes(network(), RECIPE, 8, 16) - device_bytes(network(), halves, 8, 16)
    assert saved == activation_bytes(network(), 8, 16) - activation_bytes(network(), 4, 16)


def test_many_images_lie_on_the_disk_and_few_in_memory():
    few = training_footprint(network(), RECIPE, 30, 40, stored_size=20)
    many = training_footprint(network(), RECIPE, CACHED_FROM, CACHED_FROM, stored_size=20)
    assert few.disk == {}
    assert few.memory >= 30 * 3 * 20 * 20 + 40 * 3 * 16 * 16
    assert many.disk == {DECODED: CACHED_FROM * 3 * 20 * 20, TESTS: CACHED_FROM * 3 * 16 * 16}
    assert many.memory < CACHED_FROM * 1000


# Of a whole plan ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sized(Idle):
    """A protocol that says what it takes, and does nothing."""

    device: int = 5

    def seconds(self, card, num_images, student, num_test, device):
        return 2.0

    def footprint(self, card, num_images, student, num_test):
        disk = {DECODED: num_images, TESTS: 10 * num_test, TEACHER: 7, LABELS: 100}
        return Footprint(disk, memory=num_images, device=self.device)


@dataclass(frozen=True)
class Slow:
    """An artefact that says how long it takes, or that it cannot."""

    told: float | None
    revision: ClassVar[int] = 1

    def needs(self):
        return ()

    def seconds(self, ctx):
        return self.told


def units_of(*protocols: str):
    run = RunSpec(
        methods=("first", "full"),
        datasets=("tiny=folder:x",),
        ipc=(1, 2),
        protocols=protocols,
        students=("convnet1", "convnet2"),
        seeds=2,
    )
    return planned(run, registry_of(sized=Sized()), [CARD])


@pytest.fixture
def workshop(tmp_path):
    real = SimpleNamespace(card=CARD, test=range(4), train=range(18))
    return Workshop({"tiny": real}, ArtefactStore(tmp_path), torch.device("cpu"))


def test_a_plan_counts_every_file_once_and_the_largest_memory(workshop):
    evaluations = [unit for unit in units_of("fake/sized") if unit.kind == "evaluation"]
    found = footprint(evaluations, workshop)
    # Three sets: 3 and 6 images, and the real one of 18; two students and two seeds share them.
    assert found.disk == {DECODED: 3 + 6 + 18, TESTS: 40, TEACHER: 7, LABELS: 300}
    assert (found.memory, found.device) == (18, 5)


def test_a_protocol_that_cannot_tell_leaves_the_others_to_be_counted(workshop):
    evaluations = [u for u in units_of("fake/sized[device=9]", "hard") if u.kind == "evaluation"]
    assert footprint(evaluations, workshop).device >= 9
    assert footprint([], workshop) == Footprint()


def test_artefacts_that_tell_their_time_are_counted_and_the_others_named(workshop):
    units = [unit for unit in units_of("fake/sized") if unit.kind == "evaluation"]
    without = estimate(units, units, {}, workshop)
    found = estimate(units, units, {}, workshop, [Slow(30.0), Slow(None)])
    assert without.total_seconds == 2.0 * len(units)
    assert found.total_seconds == without.total_seconds + 30.0
    assert found.artefacts == ("Slow (None)",)

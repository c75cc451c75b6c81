from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench.augment.colour import normalised
from bench.streams import Streams
from bench.training.examples import Examples
from bench.training.learner import Training
from bench.training.norms import update_more
from bench.training.recipe import Recipe

CPU = torch.device("cpu")
# One batch that is the same in every epoch.
CONSTANT = Recipe(
    resolution=8, crop_scale=(1.0, 1.0), flip=0.0, jitter=0.0, lighting=0.0, mix="none",
    schedule="cosine", weight_decay=0.0, batch=6, epochs=5, evaluations=1, lr=1e-30,
)  # fmt: skip


def examples():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (6, 3, 8, 8), generator=generator, dtype=torch.uint8)
    return Examples(images, torch.arange(6) % 2)


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.BatchNorm2d(3),
            nn.Conv2d(3, 4, 3, bias=False),
            nn.BatchNorm2d(4, momentum=0.3),
            nn.Flatten(),
            nn.Linear(144, 2),
        )


def training(model, **fields):
    recipe = Recipe(**{**vars(CONSTANT), **fields})
    return Training(model, examples(), recipe, Streams((0, 0)), CPU)


@pytest.mark.parametrize("times", [1, 2])
def test_after_k_steps_the_running_mean_holds_that_many_updates(times):
    model = network()
    learning = training(model, norm_updates=times)
    mean = normalised(examples().images).mean(dim=(0, 2, 3))
    for k in range(1, 6):
        learning.epoch(k - 1)
        expected = (1 - 0.9 ** (times * k)) * mean
        torch.testing.assert_close(model[0].running_mean, expected, rtol=1e-5, atol=1e-6)


def test_two_updates_in_one_pass_are_those_of_two_passes():
    model, plain = network(), network()
    learning = training(model, norm_updates=2, lr=0.05, momentum=0.0, schedule="multistep")
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.05)
    inputs, labels = normalised(examples().images), examples().labels
    for epoch in range(3):
        learning.epoch(epoch)
        with torch.no_grad():
            plain.train()(inputs)
        optimizer.zero_grad()
        functional.cross_entropy(plain(inputs), labels).backward()
        optimizer.step()
    for name, value in plain.state_dict().items():
        if "num_batches" not in name:
            torch.testing.assert_close(model.state_dict()[name], value, rtol=1e-4, atol=1e-6)


def test_only_batch_norms_of_a_momentum_are_changed():
    model = nn.Sequential(
        nn.BatchNorm2d(3, momentum=None), nn.InstanceNorm2d(3), nn.GroupNorm(1, 3)
    )
    before = [copy.copy(vars(module)) for module in model]
    update_more(model, 3)
    assert [vars(module) for module in model] == before


def test_one_update_leaves_the_momentum_alone_to_the_last_bit():
    model = network()
    update_more(model, 1)
    assert (model[0].momentum, model[2].momentum) == (0.1, 0.3)

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from bench.augment.colour import normalised
from bench.augment.mix import Mixing
from bench.errors import BenchError
from bench.streams import Streams
from bench.training import probe
from bench.training.examples import Examples
from bench.training.learner import Training
from bench.training.loop import train
from bench.training.recipe import Recipe
from bench.training.sight import Batch, draw_sight, seen
from bench.training.targets import FromStore, FromTeacher, OneHot, soft_loss

CPU = torch.device("cpu")
STREAMS, OTHERS = Streams((0, 0)), Streams((9, 9))
RECIPE = Recipe(
    resolution=8, lr=0.05, weight_decay=0.01, optimizer="adamw", decay_on="matrices",
    schedule="half-cosine", epochs=6, batch=4, evaluations=1, jitter=0.0, lighting=0.0,
)  # fmt: skip
PLAIN = replace(RECIPE, crop_scale=(1.0, 1.0), flip=0.0, mix="none")


def network(seed=0, norm=nn.BatchNorm2d, classes=3):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, bias=False), norm(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(4, classes),
        )  # fmt: skip


def groups(channels):
    return nn.GroupNorm(1, channels)


def teacher(seed=5):
    """Return a network whose answers differ from image to image."""
    made = network(seed).eval().requires_grad_(False)
    made[5].weight *= 20
    return made


def examples(num=6, weights=None):
    images = torch.randint(256, (num, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    return Examples(images.byte(), torch.arange(num) % 3, weights)


def from_teacher(asked=None, weights=None):
    return FromTeacher(asked or teacher(), 4.0, False, "fp32", weights)


def run(model, targets, recipe=RECIPE, data=None, streams=STREAMS, **options):
    data = data or examples()
    return train(model, data, examples(9), recipe, streams, CPU, targets=targets, **options)


def state(model):
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])


def divergence(logits, wanted, temperature):
    """Return KL(q || p) of every row, by its definition in float64."""
    p, q = ((values.double() / temperature).exp() for values in (logits, wanted))
    p, q = (values / values.sum(dim=1, keepdim=True) for values in (p, q))
    return (q * (q.log() - p.log())).sum(dim=1)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_the_loss_is_the_mean_divergence_and_has_no_square_unless_asked(temperature):
    logits, wanted = 5 * torch.randn(2, 7, 4).double()
    expected = divergence(logits, wanted, temperature).mean()
    loss = soft_loss(logits, wanted, temperature, False, None)
    torch.testing.assert_close(loss, expected)
    pair = (logits / temperature).log_softmax(1), (wanted / temperature).softmax(1)
    torch.testing.assert_close(loss, nn.KLDivLoss(reduction="batchmean")(*pair))
    squared = soft_loss(logits, wanted, temperature, True, None)
    torch.testing.assert_close(squared, temperature**2 * expected)


def test_the_gradient_is_the_difference_over_temperature_and_batch():
    logits, wanted = torch.randn(2, 7, 4).double()
    logits.requires_grad_()
    soft_loss(logits, wanted, 20.0, False, None).backward()
    expected = ((logits / 20).softmax(1) - (wanted / 20).softmax(1)) / (20 * 7)
    torch.testing.assert_close(logits.grad, expected.detach())


def test_a_mixed_image_weighs_what_its_parts_do_by_their_shares():
    partner, logits = torch.tensor([2, 0, 1]), torch.randn(3, 3)
    batch = Batch(torch.randn(3, 3, 8, 8), torch.tensor([4, 0, 2]), None, 0, 0)
    weights = torch.tensor([0.5, 9.0, 2.0, 9.0, 1.0])
    asked, whole = teacher(), slice(None)
    each = divergence(logits, asked(batch.images), 4.0).float()
    targets = from_teacher(asked, weights)
    expected = (torch.tensor([1.0, 0.5, 2.0]) * each).mean()
    torch.testing.assert_close(targets.ask(batch)(logits, whole), expected)
    mixed = replace(batch, mixing=Mixing(partner, 0.75, (0, 4, 0, 4)))
    shares = torch.tensor([0.75 + 0.5, 0.375 + 0.25, 1.5 + 0.125])
    torch.testing.assert_close(targets.ask(mixed)(logits, whole), (shares * each).mean())


def test_teacher_and_student_get_the_same_mixed_images():
    asked, student, seen_by = teacher(), network(), {"teacher": [], "student": []}
    for name, model in (("teacher", asked), ("student", student)):
        model.register_forward_pre_hook(
            lambda _, given, name=name: seen_by[name].append((given[0].data_ptr(), given[0] + 0))
        )
    recipe, data = replace(PLAIN, mix="cutmix"), examples()
    training = Training(student, data, recipe, STREAMS, CPU, targets=from_teacher(asked))
    training.epoch(0)
    sight = draw_sight(recipe, torch.full((6, 2), 8), STREAMS, 0)
    assert len(seen_by["teacher"]) == len(seen_by["student"]) == 2
    for number, index in enumerate(sight.indices()):
        (place, images), (same, also) = (seen_by[name][number] for name in seen_by)
        assert place == same
        assert torch.equal(images, also)
        mixing, own = sight.mixings[number], normalised(data.images[index])
        inside = torch.zeros(8, 8, dtype=torch.bool)
        inside[mixing.box[0] : mixing.box[1], mixing.box[2] : mixing.box[3]] = True
        expected = torch.where(inside, own[mixing.partner], own)
        torch.testing.assert_close(images, expected, rtol=0.0, atol=1e-5)


def test_a_student_of_a_teacher_equals_a_plain_loop():
    model, plain, asked = network(norm=groups), network(norm=groups), teacher()
    run(model, from_teacher(asked), replace(PLAIN, batch=6))
    decayed = [plain[0].weight, plain[5].weight]
    others = [*plain[1].parameters(), plain[5].bias]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    )
    inputs = normalised(examples().images)
    for epoch in range(6):
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * (1 + math.cos(math.pi * epoch / 12)) / 2
        optimizer.zero_grad()
        p, q = (plain(inputs) / 4).log_softmax(1), (asked(inputs) / 4).softmax(1)
        nn.KLDivLoss(reduction="batchmean")(p, q).backward()
        optimizer.step()
    torch.testing.assert_close(state(model), state(plain), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("hard", [True, False])
def test_two_passes_add_up_and_a_short_batch_takes_one_of_them(hard):
    model, plain, asked, data = network(), network(), teacher(), examples()
    recipe = replace(PLAIN, optimizer="sgd", momentum=0.0, weight_decay=0.0, passes=2, epochs=3)
    run(model, None if hard else from_teacher(asked), recipe)
    optimizer = torch.optim.SGD(plain.parameters())
    for epoch in range(3):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * epoch / 6)) / 2
        order = torch.randperm(6, generator=STREAMS.torch("order", epoch))
        for parts in ((order[:2], order[2:4]), (order[4:],)):
            optimizer.zero_grad()
            for part in parts:
                inputs = normalised(data.images[part])
                log_p = plain(inputs).log_softmax(1)
                if hard:
                    loss = -log_p[torch.arange(2), data.labels[part]].mean()
                else:
                    loss = divergence(log_p, asked(inputs), 4.0).mean()
                (loss / 2).backward()
            optimizer.step()
    torch.testing.assert_close(state(model), state(plain), rtol=1e-4, atol=1e-5)


def test_the_loss_of_an_epoch_is_the_mean_over_images_however_many_passes_there_are():
    fields = {"lr": 1e-30, "weight_decay": 0.0, "optimizer": "sgd"}
    losses = []
    for passes in (1, 2, 4):
        recipe = replace(PLAIN, passes=passes, **fields)
        training = Training(network(norm=groups), examples(), recipe, STREAMS, CPU)
        losses.append(training.epoch(0))
    assert losses[1:] == pytest.approx([losses[0]] * 2, rel=1e-5)


def test_the_teacher_is_left_as_it_was():
    asked = teacher().train()
    before = state(asked)
    run(network(), from_teacher(asked))
    assert torch.equal(state(asked), before)
    assert not asked.training
    assert all(parameter.grad is None for parameter in asked.parameters())


def test_the_labels_of_the_set_do_not_matter_to_a_student_of_a_teacher():
    first, second, data = network(), network(), examples()
    run(first, from_teacher())
    run(second, from_teacher(), data=Examples(data.images, data.labels.flip(0)))
    assert torch.equal(state(first), state(second))


def with_dropout(channels):
    return nn.Sequential(nn.BatchNorm2d(channels), nn.Dropout(0.5))


def test_order_and_views_may_come_from_streams_of_their_own_and_dropout_does_not():
    def trained(streams, seeing=None, norm=nn.BatchNorm2d):
        model = network(norm=norm)
        run(model, None, streams=streams, seeing=seeing)
        return state(model)

    assert torch.equal(trained(STREAMS, OTHERS), trained(OTHERS))
    assert not torch.equal(trained(STREAMS), trained(OTHERS))
    dropping = trained(STREAMS, OTHERS, with_dropout)
    assert not torch.equal(dropping, trained(OTHERS, None, with_dropout))


class Kept:
    """Answers to the epochs of some streams, in float16."""

    entry = "artefacts/Kept-0"

    def __init__(self, asked, recipe, streams, data):
        self._recipe, self._streams, self._data, self._asked = recipe, streams, data, asked

    def _sight(self, epoch):
        sizes = torch.full((len(self._data), 2), 8)
        return draw_sight(self._recipe, sizes, self._streams, epoch)

    def logits(self, epoch):
        rows = torch.empty(len(self._data), 3, dtype=torch.float16)
        for batch in seen(self._sight(epoch), self._data.images, self._recipe, CPU, epoch):
            rows[batch.index] = self._asked(batch.images).half()
        return rows.numpy()

    def digest(self, epoch):
        return self._sight(epoch).digest()


class Rounded(nn.Module):
    """Gives the answers of a teacher as float16 holds them."""

    def __init__(self, asked):
        super().__init__()
        self.asked = asked

    def forward(self, images):
        return self.asked(images).half().float()


@pytest.mark.parametrize("mix", ["cutmix", "mixup"])
def test_a_replay_of_stored_labels_is_the_training_beside_the_teacher(mix):
    recipe, data = replace(RECIPE, mix=mix, patches=2), examples(7)
    labels = FromStore(Kept(teacher(), recipe, OTHERS, data), 4.0, False)
    stored, fresh = network(), network()
    first = run(stored, labels, recipe, data, seeing=OTHERS)
    second = run(fresh, from_teacher(Rounded(teacher())), recipe, data, seeing=OTHERS)
    assert first == second
    assert torch.equal(state(stored), state(fresh))


def test_stored_labels_of_other_views_are_refused_and_not_learned():
    model, data = network(), examples()
    before = state(model)
    labels = FromStore(Kept(teacher(), RECIPE, OTHERS, data), 4.0, False)
    words = (
        r"other views \(epoch 1\): `bench cache prune artefacts/Kept-0 --yes` removes them, then"
    )
    with pytest.raises(BenchError, match=words):
        run(model, labels, seeing=STREAMS)
    assert torch.equal(state(model), before)


def test_stored_labels_of_another_number_of_images_are_refused():
    labels = FromStore(Kept(teacher(), RECIPE, STREAMS, examples(5)), 4.0, False)
    with pytest.raises(BenchError, match="made for 5 images, but the set has 6"):
        run(network(), labels)


class Reads(TorchDispatchMode):
    """Counts how often a number is read from a tensor, which waits for the device."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", ["hard", "teacher", "stored"])
def test_an_epoch_reads_one_number_from_the_device(kind):
    data = examples(12)
    targets = {
        "hard": OneHot(data.labels, None),
        "teacher": from_teacher(weights=torch.ones(12)),
        "stored": FromStore(Kept(teacher(), RECIPE, STREAMS, data), 4.0, False),
    }[kind]
    training = Training(network(), data, RECIPE, STREAMS, CPU, targets=targets)
    with Reads() as reads:
        training.epoch(0)
    assert reads.count == 1


def test_the_estimate_counts_what_is_asked(monkeypatch):
    asked, given = teacher(), []
    asked.register_forward_hook(lambda *_: given.append(1))
    monkeypatch.setattr(probe, "_seconds", lambda work: (work(), 1.0)[1])

    def targets(noise):
        assert len(noise) == RECIPE.batch
        return from_teacher(asked)

    probe.estimate_seconds(network(), RECIPE, 10, 20, 3, CPU, targets)
    assert given == [1]  # by the one step that is timed here


def test_stored_logits_may_be_a_file_that_cannot_be_written(tmp_path):
    kept = Kept(teacher(), RECIPE, STREAMS, examples())
    np.save(tmp_path / "epoch.npy", kept.logits(0))
    kept.logits = lambda epoch: np.load(tmp_path / "epoch.npy", mmap_mode="r")
    training = Training(network(), examples(), RECIPE, STREAMS, CPU)
    training.targets = FromStore(kept, 4.0, False)
    assert math.isfinite(training.epoch(0))

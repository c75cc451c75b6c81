from __future__ import annotations

import itertools
import math
import random
from dataclasses import fields, replace

import pytest
import torch
from torch import nn
from torchvision import transforms

from bench.augment import augment, draw_views
from bench.augment.mix import Mixing
from bench.backbones import ConvNet
from bench.streams import Streams
from bench.training.examples import Examples
from bench.training.learner import Training
from bench.training.loop import train
from bench.training.schedule import evaluation_epochs
from bench.training.targets import FromTeacher
from benchmarks import reference_soft, soft_cases, soft_speed
from benchmarks.cases import Case
from benchmarks.clock import Deadline
from benchmarks.reference_images import Photos
from benchmarks.reference_mix import paste_at
from benchmarks.reference_soft import (
    ALSO,
    FREE,
    ShuffledPatches,
    SoftReferenceTraining,
    is_tested,
    plain_view,
    require_known,
    train_soft_reference,
    training_view,
)
from benchmarks.soft_cases import protocol_of
from benchmarks.soft_speed import COMPILED, EAGER, REFERENCE, Rates, cells, take_turns
from protocols import PROTOCOLS
from protocols.soft import SoftLabel

CPU = torch.device("cpu")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PROTOCOL = SoftLabel(
    resolution=8, patches=2, crop_scale=(0.5, 1.0), mix_alpha=1.0, lr=0.05, weight_decay=0.01,
    epochs=4, batch=4, evaluations=4, evaluate_after=0, temperature=4.0, numerics="fp32",
)  # fmt: skip


def noise(num, height=8, width=8):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (num, 3, height, width), generator=generator, dtype=torch.uint8)


def network(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(4, 3),
        )  # fmt: skip


def teacher(seed=5):
    """Return a network whose answers differ from image to image."""
    made = network(seed)
    with torch.no_grad():
        made[5].weight *= 20
    return made.eval()


def photos(num=10):
    return Photos.of(noise(num), torch.arange(num) % 3)


def reference(protocol=PROTOCOL, model=None, num=10):
    made = model or network()
    return SoftReferenceTraining(made, teacher(), photos(num), photos(4), protocol, CPU, workers=0)


def engine(protocol=PROTOCOL, num=10):
    examples = Examples(noise(num), torch.arange(num) % 3)
    targets = FromTeacher(teacher(), protocol.temperature, False, "fp32")
    return Training(network(), examples, protocol, Streams((0,)), CPU, targets=targets)


def state(model):
    return {name: value.double() for name, value in model.state_dict().items() if value.ndim}


def batches_seen(training):
    """Let a training note every batch that its student learns, as the student gets it."""
    seen = []
    training.model.register_forward_pre_hook(lambda _, given: seen.append(given[0].clone()))
    return seen


def follow(loop, batches):
    """Let a reference loop learn given batches in place of its own."""
    loop._batches = ((images.clone(), torch.zeros(len(images))) for images in batches)


@pytest.mark.parametrize(
    "change",
    [{"patches": 1, "crop_scale": (1.0, 1.0), "flip": 0.0, "mix": "none"}, {}],
    ids=["not augmented", "augmented and mixed"],
)
def test_loss_and_student_agree_with_those_of_the_engine_on_the_same_batches(change):
    ours, losses = engine(replace(PROTOCOL, **change)), []
    seen = batches_seen(ours)
    for epoch in range(4):
        losses.append(ours.epoch(epoch))
    theirs = reference(replace(PROTOCOL, mix="none"))
    follow(theirs, seen)
    assert [len(images) for images in seen] == [4, 4, 2] * 4
    assert [theirs.epoch() for _ in range(4)] == pytest.approx(losses, rel=1e-5)
    start, end = state(network()), state(ours.model)
    torch.testing.assert_close(state(theirs.model), end, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(start["0.weight"], end["0.weight"], atol=1e-2)


def test_the_loss_is_the_mean_divergence_at_the_temperature_and_has_no_square():
    loop, images = reference(replace(PROTOCOL, mix="none")), torch.randn(4, 3, 8, 8)
    p, q = (
        (model(images).detach().double() / 4.0).softmax(dim=1)
        for model in (network().train(), teacher())
    )
    expected = (q * (q.log() - p.log())).sum(dim=1).mean().item()
    loop.model.train()
    assert loop._step(images) == pytest.approx(expected, rel=1e-4)


def test_every_batch_moves_running_statistics_twice_and_the_teacher_stays_as_it_was():
    loop, images = reference(replace(PROTOCOL, mix="none", lr=1e-30)), torch.randn(4, 3, 8, 8)
    before = state(loop.teacher)
    mean = loop.model[0](images).mean(dim=(0, 2, 3)).detach()
    loop.model.train()
    for steps in (1, 2, 3):
        loop._step(images)
        expected = (1.0 - 0.9 ** (2 * steps)) * mean
        torch.testing.assert_close(loop.model[1].running_mean, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(state(loop.teacher), before, rtol=0.0, atol=0.0)


def test_teacher_and_student_answer_the_same_mixed_images(monkeypatch):
    loop, seen, paste = reference(), [], paste_at(0.5, 2, 5, 8)
    monkeypatch.setattr(reference_soft, "draw_paste", lambda *given: paste)
    for model in (loop.model, loop.teacher):
        model.register_forward_pre_hook(lambda _, given: seen.append(given[0].clone()))
    images = torch.randn(4, 3, 8, 8)
    torch.manual_seed(7)
    partner = torch.randperm(4)
    box = (paste.rows.start, paste.rows.stop, paste.columns.start, paste.columns.stop)
    expected = Mixing(partner, paste.ratio, box).apply(images.clone())
    torch.manual_seed(7)
    loop._step(images)
    assert len(seen) == 3  # the student a second time
    assert all(torch.equal(given, expected) for given in seen)
    assert not torch.equal(seen[0], torch.randn(4, 3, 8, 8))


def tiles(x, strips):
    """Return the tiles of `[C, H, W]` as bytes."""
    rows = [part for row in x.tensor_split(strips, dim=1) for part in row.tensor_split(strips, 2)]
    return [tile.numpy().tobytes() for tile in rows]


@pytest.mark.parametrize("strips", [1, 2, 3])
def test_shuffled_patches_are_a_permutation_of_the_tiles(strips):
    x = torch.arange(3 * 12 * 12).reshape(3, 12, 12)
    arrangements = set()
    random.seed(0)
    for _ in range(40 * strips):
        shuffled = ShuffledPatches(strips)(x)
        assert sorted(tiles(shuffled, strips)) == sorted(tiles(x, strips))
        arrangements.add(tuple(tiles(shuffled, strips)))
    assert tuple(tiles(x, strips)) in arrangements  # the given order is one of them
    if strips < 3:
        assert len(arrangements) == math.factorial(strips) ** 2


def test_four_arrangements_of_two_strips_are_equally_likely():
    random.seed(1)
    x = torch.arange(4).reshape(1, 2, 2)
    counts = {}
    for _ in range(2000):
        key = tuple(ShuffledPatches(2)(x).flatten().tolist())
        counts[key] = counts.get(key, 0) + 1
    assert sorted(counts) == [(0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0)]
    assert all(400 < count < 600 for count in counts.values())


def test_the_last_strip_takes_the_lines_that_are_left_over():
    x = torch.arange(7 * 7).reshape(1, 7, 7)
    random.seed(0)
    columns = {tuple((ShuffledPatches(3)(x)[0, 0] % 7).tolist()) for _ in range(300)}
    strips = ((0, 1), (2, 3), (4, 5, 6))
    assert columns == {tuple(itertools.chain(*p)) for p in itertools.permutations(strips)}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("height", "width"), [(16, 16), (13, 18)])
def test_engine_and_reference_make_the_same_view_of_the_same_parameters(seed, height, width):
    pixels, sizes = noise(1, height, width), torch.tensor([[height, width]])
    (image,) = Photos.of(pixels, torch.tensor([0])).images
    torch.manual_seed(seed)
    random.seed(seed)
    view = training_view(PROTOCOL)(image)
    torch.manual_seed(seed)
    random.seed(seed)
    columns, rows = [0, 1], [0, 1]
    random.shuffle(columns)
    random.shuffle(rows)
    box = transforms.RandomResizedCrop.get_params(
        torch.empty(3, height, width), [0.5, 1.0], [3 / 4, 4 / 3]
    )
    drawn = replace(
        draw_views(PROTOCOL, sizes, Streams((0,)), 0),
        orders=torch.tensor([[rows, columns]]),
        boxes=torch.tensor([box]),
        flips=torch.rand(1) < 0.5,
    )
    ours = augment(pixels, drawn, torch.tensor([0]), PROTOCOL)
    torch.testing.assert_close(ours[0], view, rtol=0.0, atol=2e-5)


def test_a_test_image_is_resized_to_eight_sevenths_and_cut_at_the_centre():
    (image,) = Photos.of(noise(1, 40, 40), torch.tensor([0])).images
    protocol = replace(PROTOCOL, resolution=14)
    small = transforms.functional.to_tensor(image.resize((16, 16), 2))[:, 1:15, 1:15]
    expected = (small - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    torch.testing.assert_close(plain_view(protocol)(image), expected)


@pytest.mark.parametrize("name", ["soft/rded", "soft/vlcp"])
@pytest.mark.parametrize("published", [True, False])
def test_the_last_fifth_of_the_epochs_is_tested_once_in_ten(name, published):
    epochs = {"soft/rded": 300, "soft/vlcp": 500}[name]
    protocol = replace(PROTOCOL, epochs=epochs, evaluations=epochs // 10)
    protocol = replace(protocol, evaluate_after=epochs * 8 // 10 + 1 if published else 0)
    tested = tuple(epoch for epoch in range(1, epochs + 1) if is_tested(epoch, protocol))
    assert tested == evaluation_epochs(protocol)
    if published:
        assert tested == tuple(range(epochs * 8 // 10 + 10, epochs + 1, 10))


def test_the_rate_falls_along_half_a_cosine_from_epoch_to_epoch():
    loop, rates = reference(), []
    for _ in range(4):
        rates.append(loop.optimizer.param_groups[0]["lr"])
        loop.epoch()
    expected = [0.05 * (1 + math.cos(math.pi * epoch / 8)) / 2 for epoch in range(4)]
    assert rates == pytest.approx(expected)


def test_only_weights_of_more_than_one_dimension_decay():
    decaying, others = reference().optimizer.param_groups
    assert [tuple(p.shape) for p in decaying["params"]] == [(4, 3, 3, 3), (3, 4)]
    assert [tuple(p.shape) for p in others["params"]] == [(4,), (4,), (3,)]
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.01, 0.0)


def coloured(num):
    """Return red, green and blue images of the classes 0, 1 and 2."""
    labels = torch.arange(num) % 3
    pixels = noise(num) // 3
    pixels[torch.arange(num), labels] += 150
    return pixels, labels


class Oracle(nn.Module):
    """Answers with the mean of every colour, so that its labels are those of the images."""

    def forward(self, images):
        return 20.0 * images.mean(dim=(2, 3))


def test_engine_and_reference_both_learn_what_the_teacher_knows():
    protocol = replace(PROTOCOL, epochs=10, lr=0.05, evaluations=1)
    made, tests = coloured(36), coloured(15)
    run = train_soft_reference(
        network(), Oracle(), Photos.of(*made), Photos.of(*tests), protocol, CPU, workers=0
    )
    targets = FromTeacher(Oracle(), 4.0, False, "fp32")
    curves = train(
        network(), Examples(*made), Examples(*tests), protocol, Streams((0,)), CPU, targets=targets
    )
    assert run.epochs == curves.epochs == (10,)
    assert min(run.last, curves.accuracy[-1]) >= 90.0
    assert run.images_per_second > 0.0


def test_equal_seeds_give_equal_students():
    def weights(seed):
        model = network()
        train_soft_reference(
            model, teacher(), photos(), photos(4), PROTOCOL, CPU, seed=seed, workers=0
        )
        return nn.utils.parameters_to_vector(model.parameters())

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "sgd"},
        {"mix": "mixup"},
        {"crop_from": "prefix"},
        {"crop_rounding": True},
        {"norm_updates": 1},
        {"passes": 2},
        {"labels": "stored"},
        {"loss_scale": "squared"},
        {"numerics": "bf16"},
        {"schedule": "cosine"},
    ],
)
def test_a_protocol_that_the_scripts_do_not_know_is_refused_by_its_field(change):
    (name,) = change
    with pytest.raises(ValueError, match=f"`{name}`"):
        require_known(replace(PROTOCOL, **change))


def test_of_the_published_protocols_those_of_one_script_are_known():
    require_known(PROTOCOLS["soft/rded"])
    require_known(PROTOCOLS["soft/vlcp"])
    with pytest.raises(ValueError, match="compare with another protocol"):
        require_known(PROTOCOLS["soft/fkd"])
    assert {field.name for field in fields(SoftLabel)} >= FREE | set(ALSO)


@pytest.mark.parametrize(
    ("case", "batch", "patches", "stored"),
    [
        *((case, size, 1, 32) for case, size in zip(soft_cases.SMALL, (50, 100), strict=True)),
        (soft_cases.LARGE[0], 100, 2, 256),
    ],
)
def test_a_case_is_the_published_protocol_and_the_reference_knows_it(case, batch, patches, stored):
    protocol = protocol_of(case, "fp32")
    require_known(protocol)
    assert (protocol.epochs, protocol.batch, protocol.patches) == (300, batch, patches)
    assert protocol.stored_side == stored
    assert (protocol.lr, protocol.temperature) == (1e-3, 20.0)


def test_the_large_case_is_chosen_on_a_gpu_and_the_small_ones_elsewhere():
    assert soft_cases.chosen("auto", CPU) == soft_cases.SMALL
    assert soft_cases.chosen("auto", torch.device("cuda")) == soft_cases.LARGE
    assert soft_cases.chosen("large", CPU) == soft_cases.LARGE


def test_arms_take_turns_and_ratios_are_those_of_a_round():
    order = []
    rates = {EAGER: [20.0, 10.0], COMPILED: [40.0, 40.0], REFERENCE: [10.0, 10.0]}
    given = {arm: itertools.cycle(values) for arm, values in rates.items()}

    def turn(arm):
        def measured(budget):
            order.append((arm, budget))
            return next(given[arm])

        return measured

    measured = take_turns({arm: turn(arm) for arm in rates}, 30.0)
    assert order == [(arm, 2.0) for _ in range(5) for arm in rates]
    assert measured.ratios(EAGER) == [2.0, 1.0, 2.0, 1.0, 2.0]
    row = cells(soft_cases.SMALL[0], measured)
    assert (row["eager / reference"], row["reference"]) == ("2.00 (1.00 to 2.00)", "10")
    assert row["compiled / reference"] == "4.00 (4.00 to 4.00)"


def test_when_time_is_out_one_round_is_still_whole():
    turns = {arm: lambda budget: 1.0 for arm in (EAGER, REFERENCE)}
    rates = take_turns(turns, -1.0, Deadline(-1.0))
    assert [len(values) for values in rates.turns.values()] == [1, 1]
    notes = []
    assert soft_speed.measure(soft_cases.SMALL, CPU, notes, deadline=Deadline(0.0)) == {}
    assert notes == ["Out of time before convnet3 width 64 @ 32, IPC 10."]


def test_time_is_given_in_one_way_and_what_it_did_not_allow_is_told(capsys):
    assert soft_speed.main(["--device", "cpu", "--cases", "small", "--minutes", "0"]) == 0
    said = capsys.readouterr().out
    assert "Nothing was measured." in said
    assert "Out of time before convnet3 width 64 @ 32, IPC 10." in said
    with pytest.raises(SystemExit, match="2"):
        soft_speed.main(["--seconds", "1", "--minutes", "1"])


def test_an_arm_that_was_not_measured_is_left_out_of_the_table():
    row = cells(soft_cases.SMALL[1], Rates({EAGER: [1500.0], REFERENCE: [500.0]}))
    assert (row[COMPILED], row["compiled / reference"]) == ("-", "-")
    assert (row[EAGER], row["eager / reference"]) == ("1,500", "3.00 (3.00 to 3.00)")
    assert "Nothing was measured." in soft_speed.page({}, [], CPU)


def test_engine_and_reference_are_given_the_same_networks_and_images():
    case = Case(ConvNet(1, width=2), 8, ipc=1)
    protocol = protocol_of(case, "fp32")
    ours = soft_cases.engine_training(case, protocol, CPU)
    theirs = soft_cases.reference_training(case, protocol, CPU)
    theirs.close()
    teachers = state(ours.targets._teacher), state(theirs.teacher)
    for one, other in ((state(ours.model), state(theirs.model)), teachers):
        torch.testing.assert_close(one, other, rtol=0.0, atol=0.0)
    assert torch.equal(ours.examples.images, soft_cases.noise(case, protocol)[0])

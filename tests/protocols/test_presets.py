"""Every registered protocol has the numbers of the paper it is named after.

All of them are written down from the papers' code, none from what this project prints.
"""

from __future__ import annotations

import math

import pytest
from torch import nn, optim

from bench.backbones import STUDENTS, find_student
from bench.data.prefix import Prefix
from bench.training.loss import make_optimizer
from bench.training.schedule import evaluation_epochs, learning_rate, milestones
from protocols import PROTOCOLS
from protocols.hard import HardLabel

ALL = tuple(name for name in PROTOCOLS if name.startswith("hard/"))
LIKE_MINIMAX = ("hard/minimax", "hard/igd", "hard/ims3", "hard/coda")
"""Those that keep Minimax's epochs, batches and tests."""


@pytest.fixture
def resolved(make_card):
    def resolve(name, ipc=10, num_classes=10, student="resnetap10"):
        card = make_card(num_classes)
        return PROTOCOLS[name].resolve(card, ipc, find_student(student))

    return resolve


# IPC, classes: epochs, milestones, distance of tests
TABLE = [
    (1, 10, 3000, (2000, 2500), 30),
    (10, 10, 2000, (1333, 1666), 20),
    (20, 10, 1500, (1000, 1250), 15),
    (50, 10, 1500, (1000, 1250), 15),
    (70, 10, 1000, (666, 833), 10),
    (100, 10, 1000, (666, 833), 10),
    (200, 10, 1000, (666, 833), 10),
    (500, 10, 500, (333, 416), 5),
    (501, 10, 300, (200, 250), 3),
    (None, 10, 300, (200, 250), 1),
    (1, 100, 2000, (1333, 1666), 20),
    (10, 100, 1300, (866, 1083), 13),
    (20, 100, 1000, (666, 833), 10),
    (50, 100, 1000, (666, 833), 10),
    (70, 100, 600, (400, 500), 6),
    (100, 100, 600, (400, 500), 6),
    (200, 100, 600, (400, 500), 6),
    (500, 100, 300, (200, 250), 3),
    (None, 100, 300, (200, 250), 1),
    (1, 1000, 3000, (2000, 2500), 30),
    (10, 1000, 2000, (1333, 1666), 20),
    (20, 1000, 1500, (1000, 1250), 15),
    (50, 1000, 1500, (1000, 1250), 15),
    (500, 1000, 500, (333, 416), 5),
    (None, 1000, 300, (200, 250), 1),
]


@pytest.mark.parametrize("name", LIKE_MINIMAX)
@pytest.mark.parametrize(("ipc", "num_classes", "epochs", "cuts", "every"), TABLE)
def test_epochs_milestones_and_tests_follow_ipc_and_class_count(
    name, ipc, num_classes, epochs, cuts, every, resolved
):
    protocol = resolved(name, ipc, num_classes)
    assert protocol.epochs == epochs
    assert (protocol.schedule, protocol.gamma) == ("multistep", 0.2)
    assert milestones(epochs, protocol.milestones) == cuts
    assert evaluation_epochs(protocol) == (*range(every, epochs, every), epochs)


@pytest.mark.parametrize(("ipc", "num_classes", "epochs", "cuts", "every"), TABLE)
def test_idc_trains_as_long_and_is_tested_four_times(
    ipc, num_classes, epochs, cuts, every, resolved
):
    protocol = resolved("hard/idc", ipc, num_classes)
    assert (protocol.epochs, milestones(epochs, protocol.milestones)) == (epochs, cuts)
    quarter = 1 if ipc is None else epochs // 4
    assert evaluation_epochs(protocol) == tuple(range(quarter, epochs + 1, quarter))


@pytest.mark.parametrize(
    ("ipc", "epochs", "batch", "updates"),
    [(1, 1000, 15, 1000), (10, 2000, 50, 4000), (20, 1000, 50, 4000), (50, 1500, 100, 7500),
     (100, 1000, 100, 10_000)],
)  # fmt: skip
@pytest.mark.parametrize("num_classes", [10, 100])
def test_d3hr_has_epochs_of_its_own_and_tests_the_last_99(
    ipc, epochs, batch, updates, num_classes, resolved
):
    protocol = resolved("hard/d3hr", ipc, num_classes)
    assert (protocol.epochs, protocol.batch) == (epochs, batch)
    assert evaluation_epochs(protocol) == tuple(range(epochs - 98, epochs + 1))
    if num_classes == 10:
        assert math.ceil(ipc * 10 / batch) * epochs == updates


SMALL, FORCED = (0.01, 5e-4, 64), (0.1, 1e-4, 128)


@pytest.mark.parametrize(
    ("name", "by_classes"),
    [
        ("hard/minimax", {10: SMALL, 99: SMALL, 100: SMALL, 101: FORCED, 1000: FORCED}),
        ("hard/coda", {10: SMALL, 99: SMALL, 100: SMALL, 101: FORCED, 1000: FORCED}),
        ("hard/idc", {10: SMALL, 99: SMALL, 100: FORCED, 101: FORCED, 1000: FORCED}),
        ("hard/ims3", {10: (0.1, 5e-4, 64), 100: (0.1, 5e-4, 64), 1000: FORCED}),
        ("hard/igd", {10: (1e-3, 0.01, 64), 100: (1e-3, 0.01, 64), 1000: (1e-3, 0.01, 128)}),
        ("hard/d3hr", {10: (1e-3, 0.01, 50), 100: (1e-3, 0.01, 50)}),
    ],
)
def test_rate_decay_and_batch_follow_the_class_count(name, by_classes, resolved):
    for num_classes, expected in by_classes.items():
        protocol = resolved(name, 10, num_classes)
        assert (protocol.lr, protocol.weight_decay, protocol.batch) == expected


@pytest.mark.parametrize("name", LIKE_MINIMAX)
@pytest.mark.parametrize(
    ("ipc", "num_classes", "updates"),
    [(10, 10, 4_000), (50, 10, 12_000), (100, 10, 16_000), (10, 100, 20_800),
     (10, 1000, 158_000), (50, 1000, 586_500)],
)  # fmt: skip
def test_the_number_of_updates_is_as_published(name, ipc, num_classes, updates, resolved):
    protocol = resolved(name, ipc, num_classes)
    assert math.ceil(ipc * num_classes / protocol.batch) * protocol.epochs == updates


@pytest.mark.parametrize(
    ("name", "rate"),
    [("hard/minimax", 0.01), ("hard/igd", 1e-3), ("hard/ims3", 0.1), ("hard/coda", 0.01),
     ("hard/idc", 0.01)],
)  # fmt: skip
def test_the_rate_is_cut_to_a_fifth_at_two_thirds_and_at_five_sixths(name, rate, resolved):
    rates = [learning_rate(resolved(name), e) for e in (0, 1332, 1333, 1665, 1666, 1999)]
    factors = [1, 1, 1 / 5, 1 / 5, 1 / 25, 1 / 25]
    assert rates == pytest.approx([rate * factor for factor in factors])


def test_the_rate_of_d3hr_falls_along_half_a_cosine(resolved):
    rates = [learning_rate(resolved("hard/d3hr", 100), e) for e in (0, 500, 999)]
    assert rates == pytest.approx([1e-3, 0.8536e-3, 0.5008e-3], abs=5e-8)


@pytest.mark.parametrize("name", ALL)
def test_the_optimizer_is_the_published_one(name, resolved):
    protocol = resolved(name)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    optimizer = make_optimizer(network, protocol)
    if name in ("hard/igd", "hard/d3hr"):
        assert type(optimizer) is optim.AdamW
        assert (optimizer.defaults["betas"], optimizer.defaults["eps"]) == ((0.9, 0.999), 1e-8)
    else:
        assert type(optimizer) is optim.SGD
        expected = {"momentum": 0.9, "dampening": 0, "nesterov": False}
        assert {key: optimizer.defaults[key] for key in expected} == expected
    decayed = {
        id(parameter)
        for group in optimizer.param_groups
        if group["weight_decay"]
        for parameter in group["params"]
    }
    matrices = {id(network[0].weight), id(network[3].weight)}
    everything = {id(parameter) for parameter in network.parameters()}
    assert decayed == (matrices if name == "hard/d3hr" else everything)


OURS = {"convnet6": "instance", "resnetap10": "instance", "resnet18": "instance"}
NATIVE = {"torchvision/resnet18": "native", "torchvision/efficientnet_b0": "native"}
NORMS = {
    **{name: OURS | NATIVE for name in LIKE_MINIMAX},
    "hard/idc": {**OURS, **NATIVE, "resnet18": "batch"},
    "hard/d3hr": dict.fromkeys(OURS, "batch") | NATIVE,
}


@pytest.mark.parametrize("name", ALL)
def test_every_family_of_students_has_its_published_norm(name, resolved):
    used = {
        student: find_student(student).norm_used(resolved(name, student=student).norm)
        for student in NORMS[name]
    }
    assert used == NORMS[name]


@pytest.mark.parametrize("name", ALL)
def test_geometry_is_as_published(name, resolved):
    """What students see, what is done to training images before a crop, and to test images."""
    expected = {
        "hard/coda": (256, Prefix(256, 256), Prefix(256, 256)),
        "hard/d3hr": (224, Prefix(None, None), Prefix(256, 224)),
    }
    protocol = resolved(name)
    found = (protocol.resolution, protocol.train_prefix(), protocol.test_prefix())
    assert found == expected.get(name, (224, Prefix(224, 224), Prefix(224, 224)))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("student", ["convnet6", "resnetap10", "resnet18"])
def test_the_published_students_are_not_refused(name, student, resolved, make_card):
    resolved(name, student=student).check(make_card(), STUDENTS[student])


def test_every_table_says_in_words_what_it_fills():
    words = {
        table: {name: filling.words for name, filling in HardLabel(**fields).fillings().items()}
        for table, fields in {
            "minimax": {"norm": None},
            "idc": {"table": "idc", "norm": None},
            "d3hr": {"table": "d3hr", "norm": None, "evaluate_after": None},
        }.items()
    }
    assert words["minimax"]["lr"] == "0.01, and 0.1 from 101 classes on"
    assert words["idc"]["weight_decay"] == "0.0005, and 0.0001 from 100 classes on"
    assert words["idc"]["batch"] == "64, and 128 from 100 classes on"
    assert words["idc"]["norm"] == "batch for ResNets, else instance"
    assert words["idc"]["epochs"] == words["minimax"]["epochs"]
    for part in ("3000 to IPC 1,", "2000 to IPC 10,", "500 to IPC 500, 300 above", "two thirds"):
        assert part in words["minimax"]["epochs"]
    assert words["d3hr"]["batch"] == "15 to IPC 9, 50 to IPC 49, 100 above and for full data"
    assert words["d3hr"]["evaluate_after"] == "all but the last 99 epochs"


def test_words_are_only_said_of_open_fields_and_follow_the_optimizer():
    assert HardLabel(optimizer="adamw").fillings()["lr"] == ("0.001", "table minimax")
    assert set(HardLabel(lr=1.0, epochs=1, resolution=32).fillings()) == {
        "weight_decay",
        "batch",
        "evaluations",
    }

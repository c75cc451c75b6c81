"""Every soft protocol has the numbers of the paper it is named after.

All of them are written down from the papers' code, none from what this project prints.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from torch import nn, optim

from bench import specs
from bench.backbones import find_student
from bench.data.classes import class_list
from bench.data.prefix import Prefix
from bench.registry import Registry
from bench.teachers.specs import Shipped, TorchvisionWeights, Trained
from bench.training.loss import make_optimizer
from bench.training.schedule import evaluation_epochs, learning_rate
from protocols import ALIASES, PROTOCOLS
from protocols.soft import SoftLabel

ALL = tuple(name for name in PROTOCOLS if name.startswith("soft/"))
CONVNET_TEACHER = Trained(network="convnet3")


@pytest.fixture
def resolved(make_card):
    def resolve(name, ipc=10, num_classes=10, student="resnet18", pixels=224, **fields):
        protocol = replace(PROTOCOLS[name], **fields)
        return protocol.resolve(make_card(num_classes, pixels), ipc, find_student(student))

    return resolve


# protocol, classes, pixels, IPC: epochs, batch, updates, finished epochs of the tests
FIFTH = tuple(range(250, 301, 10))
ROWS = [
    ("soft/rded", 10, 224, 1, 300, 10, 300, FIFTH),
    ("soft/rded", 10, 224, 10, 300, 50, 600, FIFTH),
    ("soft/rded", 10, 224, 50, 300, 100, 1_500, FIFTH),
    ("soft/rded", 100, 224, 1, 300, 20, 1_500, FIFTH),
    ("soft/rded", 100, 224, 10, 300, 100, 3_000, FIFTH),
    ("soft/rded", 100, 224, 50, 300, 200, 7_500, FIFTH),
    ("soft/rded", 1000, 224, 1, 300, 20, 15_000, FIFTH),
    ("soft/rded", 1000, 224, 10, 300, 100, 30_000, FIFTH),
    ("soft/rded", 1000, 224, 50, 300, 200, 75_000, FIFTH),
    ("soft/rded", 200, 64, 1, 300, 100, 600, FIFTH),
    ("soft/rded", 200, 64, 10, 300, 100, 6_000, FIFTH),
    ("soft/rded", 10, 32, 10, 300, 50, 600, FIFTH),
    ("soft/vlcp", 1000, 224, 10, 500, 100, 50_000, tuple(range(410, 501, 10))),
    ("soft/vlcp", 1000, 224, 50, 500, 200, 125_000, tuple(range(410, 501, 10))),
    ("soft/fkd", 1000, 224, 10, 300, 1024, 3_000, (*range(1, 300, 10), 300)),
    ("soft/fkd", 1000, 224, 50, 300, 1024, 14_700, (*range(1, 300, 10), 300)),
    ("soft/d3hr", 1000, 224, 10, 300, 50, 60_000, tuple(range(292, 301))),
    ("soft/d3hr", 1000, 224, 50, 300, 100, 150_000, tuple(range(292, 301))),
    ("soft/d3hr", 10, 32, 10, 400, 50, 800, tuple(range(392, 401))),
    ("soft/d3hr", 100, 32, 50, 400, 200, 10_000, tuple(range(392, 401))),
    ("soft/d3hr", 200, 64, 10, 300, 50, 12_000, tuple(range(292, 301))),
    ("soft/d3hr-five", 1000, 224, 10, 300, 50, 60_000, tuple(range(282, 301))),
]


@pytest.mark.parametrize(
    ("name", "num_classes", "pixels", "ipc", "epochs", "batch", "updates", "tested"), ROWS
)
def test_epochs_batch_updates_and_tests_are_as_published(
    name, num_classes, pixels, ipc, epochs, batch, updates, tested, resolved
):
    protocol = resolved(name, ipc, num_classes, pixels=pixels)
    assert (protocol.epochs, protocol.batch) == (epochs, batch)
    assert math.ceil(ipc * num_classes / protocol.batch) * epochs == updates
    assert evaluation_epochs(protocol) == tested


def test_d4m_tests_seven_times(resolved):
    protocol = resolved("soft/fkd", evaluations=6)
    assert evaluation_epochs(protocol) == (1, 51, 101, 151, 201, 251, 300)


# protocol: patches at 32, 64 and 224 pixels, crop scale at 224, rounded crops
SEEN = {
    "soft/rded": ((1, 1, 2), (0.5, 1.0), False),
    "soft/vlcp": ((1, 2, 2), (0.5, 1.0), False),
    "soft/fkd": ((1, 1, 1), (0.08, 1.0), True),
    "soft/d3hr": ((1, 1, 1), (0.08, 1.0), True),
    "soft/d3hr-five": ((1, 1, 1), (0.08, 1.0), True),
}


@pytest.mark.parametrize("name", ALL)
def test_patches_and_crops_follow_the_pixels_of_the_set(name, resolved):
    patches, scale, rounded = SEEN[name]
    found = [resolved(name, pixels=pixels) for pixels in (32, 64, 224)]
    assert tuple(protocol.patches for protocol in found) == patches
    assert (found[-1].crop_scale, found[-1].crop_rounding) == (scale, rounded)
    assert found[-1].crop_from == "stored"


def test_without_a_shuffle_rded_crops_the_whole_image_and_explicit_patches_set_the_scale(resolved):
    assert resolved("soft/rded", pixels=32).crop_scale == (1.0, 1.0)
    assert resolved("soft/rded", patches=4).crop_scale == (0.25, 1.0)


@pytest.mark.parametrize("name", ALL)
def test_there_is_no_colour_augmentation_and_the_shorter_side_of_tests_is_256(name, resolved):
    protocol = resolved(name)
    assert (protocol.jitter, protocol.lighting, protocol.randaugment_ops) == (0.0, 0.0, 0)
    assert (protocol.flip, protocol.norm) == (0.5, "batch")
    assert protocol.test_prefix() == Prefix(256, 224)
    assert protocol.train_prefix() == Prefix(None, None)


@pytest.mark.parametrize("name", ALL)
def test_temperature_and_mixing_are_those_of_the_kind_of_mixing(name, resolved):
    cut, blended = resolved(name), resolved(name, mix="mixup")
    assert (cut.mix, cut.mix_probability, cut.mix_alpha, cut.temperature) == ("cutmix", 1, 1, 20)
    assert (blended.mix_alpha, blended.temperature) == (0.8, 4.0)
    assert (cut.loss_scale, blended.loss_scale) == ("none", "none")


RATES = {
    **dict.fromkeys(("convnet3", "convnet4", "convnet5", "convnet6"), 1e-3),
    **dict.fromkeys(("resnet18", "torchvision/resnet18", "resnet50", "resnet101"), 1e-3),
    "efficientnet_b0": 2e-3,
    "mobilenet_v2": 2.5e-3,
    "vgg11": 5e-4,
    **dict.fromkeys(("alexnet", "vit_b_16", "swin_v2_t"), 1e-4),
}
HALF = ("soft/rded", "soft/vlcp", "soft/d3hr", "soft/d3hr-five")


@pytest.mark.parametrize("name", HALF)
@pytest.mark.parametrize("student", RATES)
def test_every_listed_student_has_its_rate_on_half_a_cosine(name, student, resolved):
    protocol = resolved(name, 50, student=student)
    epochs = protocol.epochs
    rates = [learning_rate(protocol, e) for e in (0, epochs // 2, epochs - 1)]
    last = {300: 0.5026, 500: 0.5016}[epochs]
    assert rates == pytest.approx(
        [RATES[student] * share for share in (1.0, 0.8536, last)], rel=1e-4
    )


@pytest.mark.parametrize("student", ["resnet18", "resnet50", "mobilenet_v2", "swin_v2_t"])
def test_fkd_has_one_rate_for_all_students_on_a_whole_cosine(student, resolved):
    protocol = resolved("soft/fkd", student=student)
    rates = [learning_rate(protocol, e) for e in (0, 150, 299)]
    expected = [1e-3, 0.5e-3, 1e-3 * 0.5 * (1 + math.cos(math.pi * 299 / 300))]
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize(
    ("student", "rate"),
    [("swin_t", 1e-4), ("timm/deit_tiny_patch16_224", 1e-4), ("densenet121", 1e-3),
     ("resnetap10", 1e-3), ("timm/test_resnet", 1e-3)],
)  # fmt: skip
def test_students_that_the_code_gives_a_rate_of_0_learn(student, rate, resolved):
    assert resolved("soft/rded", student=student).lr == rate


@pytest.mark.parametrize("name", ALL)
def test_the_optimizer_is_adamw_that_decays_matrices_only(name, resolved):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    optimizer = make_optimizer(network, resolved(name))
    assert type(optimizer) is optim.AdamW
    assert (optimizer.defaults["betas"], optimizer.defaults["eps"]) == ((0.9, 0.999), 1e-8)
    decays = {
        id(parameter): group["weight_decay"]
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    matrices = {id(network[0].weight), id(network[3].weight)}
    assert {key for key, decay in decays.items() if decay} == matrices
    assert {decays[key] for key in matrices} == {0.01}


@pytest.mark.parametrize(
    ("name", "lr", "decay"),
    [("soft/rded", 0.1, 1e-4), ("soft/d3hr", 0.1, 1e-4), ("soft/fkd", 1.024, 3e-5)],
)
def test_sgd_is_the_published_alternative(name, lr, decay, resolved):
    protocol = resolved(name, optimizer="sgd")
    assert (protocol.lr, protocol.weight_decay) == (lr, decay)


def test_statistics_of_batch_norm_are_updated_twice_but_in_fkd_which_has_two_passes(resolved):
    found = {name: (resolved(name).norm_updates, resolved(name).passes) for name in ALL}
    assert found.pop("soft/fkd") == (1, 2)
    assert set(found.values()) == {(2, 1)}


def test_only_fkd_trains_in_plain_float32():
    assert {name for name in ALL if PROTOCOLS[name].numerics == "fp32"} == {"soft/fkd"}


def test_only_fkd_stores_its_labels():
    assert {name for name in ALL if PROTOCOLS[name].labels == "stored"} == {"soft/fkd"}


@pytest.mark.parametrize(
    ("ipc", "batch"), [(2, 10), (9, 10), (11, 50), (20, 50), (49, 50), (51, 100), (None, 100)]
)
def test_an_ipc_that_rded_crashes_at_takes_the_batch_of_the_next_lower_one(ipc, batch, resolved):
    assert resolved("soft/rded", ipc).batch == batch


def test_a_batch_is_never_larger_than_the_set_but_in_fkd(resolved):
    assert resolved("soft/rded", 1, num_classes=3).batch == 3
    assert resolved("soft/d3hr", 1, num_classes=10).batch == 10
    assert resolved("soft/fkd", 1, num_classes=10).batch == 1024


def test_convnet3_taught_by_convnet3_on_cifar100_has_numbers_of_its_own(resolved):
    cell = {"num_classes": 100, "student": "convnet3", "pixels": 32}
    own = resolved("soft/rded", **cell, teacher=CONVNET_TEACHER)
    assert (own.batch, own.lr) == (25, 2e-3)
    other = resolved("soft/rded", **cell)
    assert (other.batch, other.lr) == (100, 1e-3)


@pytest.mark.parametrize(
    ("num_classes", "student", "pixels", "seen"),
    [(10, "convnet5", 224, 128), (100, "convnet6", 224, 128), (1000, "convnet5", 224, 224),
     (10, "convnet4", 224, 224), (10, "resnet18", 224, 224), (10, "convnet5", 64, 64)],
)  # fmt: skip
def test_deep_convnets_see_128_pixels_of_the_smaller_sets(
    num_classes, student, pixels, seen, resolved
):
    assert resolved("soft/rded", 10, num_classes, student, pixels).resolution == seen


def test_a_teacher_that_is_a_deep_convnet_halves_the_pixels_too(resolved):
    assert resolved("soft/rded", teacher=Trained(network="convnet5")).resolution == 128


def test_the_teacher_is_the_one_meant_for_the_set(make_card, resolved):
    imagenet = replace(make_card(1000), classes=class_list("imagenet1k"))
    shapes = replace(make_card(10, 32), features="embedded")
    student = find_student("resnet18")
    soft, five = PROTOCOLS["soft/rded"], PROTOCOLS["soft/d3hr-five"]
    assert soft.resolve(imagenet, 10, student).teacher == TorchvisionWeights()
    assert TorchvisionWeights().weights == "ResNet18_Weights.IMAGENET1K_V1"
    assert soft.resolve(shapes, 10, student).teacher == Shipped()
    assert resolved("soft/rded").teacher == Trained(network="resnet18", members=1)
    assert five.resolve(imagenet, 10, student).teacher.members == 5


def test_a_teacher_stands_in_the_identity_and_can_be_asked_for_again(make_card):
    request = "soft[teacher=trained[network=convnet3[width=8],epochs=2],epochs=5]"
    (named,) = Registry().protocol(request)
    resolved = named.asked.resolve(make_card(), 10, find_student("resnet18"))
    identity = named.identity(resolved)
    assert identity.startswith("soft/rded+")
    assert "teacher=trained[epochs=2,network=convnet3[width=8]]" in identity
    head, _, fields = identity.partition("+")
    (again,) = Registry().protocol(f"{head}[{fields}]")
    assert again.asked == resolved


def test_soft_is_rded_and_all_defaults():
    assert ALIASES["soft"] == "soft/rded"
    assert PROTOCOLS["soft/rded"] == SoftLabel()
    assert PROTOCOLS["soft/rded"].controls == ("random",)


def test_scaled_epochs_name_the_same_result_and_are_tested_at_their_end(resolved):
    short = resolved("soft/rded", epochs_scale=0.1)
    assert short == resolved("soft/rded", epochs=30)
    assert evaluation_epochs(short) == (30,)
    assert evaluation_epochs(resolved("soft/d3hr", epochs=3)) == (1, 2, 3)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("temperature", 0.0, "must be above 0, got 0.0"), ("temperature", -1.0, "must be above 0"),
     ("table", "minimax", "must be one of 'rded'"), ("labels", "hard", "must be one of 'fresh'"),
     ("loss_scale", "t2", "must be one of 'none'"), ("label_seed", -1, "must be at least 0"),
     ("uneven", "pad", "must be one of 'refuse'")],
)  # fmt: skip
def test_wrong_fields_are_refused_by_name(name, value, said):
    with pytest.raises(ValueError, match=f"`{name}` {said}"):
        SoftLabel(**{name: value})


def test_words_say_what_is_filled_and_by_whom():
    words = {name: PROTOCOLS[name].fillings() for name in ALL}
    assert words["soft/rded"]["epochs"] == ("300", "table rded")
    assert words["soft/vlcp"]["patches"].words == "1 to 32 pixels, 2 above"
    assert words["soft/fkd"]["batch"].words == "1024"
    assert words["soft/d3hr"]["evaluate_after"].words == "all but the last 9 epochs"
    assert words["soft/d3hr-five"]["teacher"].words.endswith(
        "else 5 of ResNet-18 trained on the set"
    )
    assert "0.0025 for mobilenet_v2" in words["soft/rded"]["lr"].words
    assert set(SoftLabel(lr=1.0, epochs=1, teacher=Shipped()).fillings()).isdisjoint(
        {"lr", "epochs", "teacher"}
    )


def test_the_identity_of_the_first_preset_is_what_records_hold(resolved):
    assert specs.identity("soft/rded", resolved("soft/rded")) == (
        "soft/rded+batch=50,crop_scale=(0.5,1.0),epochs=300,evaluate_after=241,evaluations=30,"
        "lr=0.001,mix_alpha=1.0,patches=2,resolution=224,teacher=trained,temperature=20.0,"
        "weight_decay=0.01"
    )

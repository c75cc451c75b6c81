"""Our own students: published sizes, published answers, torchvision as the second opinion."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
import torch
from torch import nn
from torchvision import models

from bench.backbones import (
    STUDENTS,
    ConvNet,
    ResNet,
    ResNetAP,
    build_backbone,
    build_student,
    embed,
    find_student,
)
from bench.backbones.students import RESNET_DEPTHS
from bench.errors import UsageError

COUNTS = [
    ("convnet6", 224, 754_570, 858_340, 1_896_040),
    ("convnet6", 256, 763_530, 947_940, 2_792_040),
    ("convnet6", 128, 748_170, 794_340, 1_256_040),
    ("resnetap10", 224, 4_910_922, 4_957_092, 5_418_792),
    ("resnet10", 224, 4_910_922, 4_957_092, 5_418_792),
    ("resnetap10", 128, 4_903_242, 4_949_412, 5_411_112),
    ("resnetap10", 64, 4_903_242, 4_949_412, 5_411_112),
    ("resnet18", 224, 11_181_642, 11_227_812, 11_689_512),
    ("resnetap18", 224, 11_181_642, 11_227_812, 11_689_512),
    ("resnet50", 224, 23_528_522, 23_712_932, 25_557_032),
    ("resnet101", 224, 42_520_650, 42_705_060, 44_549_160),
]
"""Name, image size, parameters for 10, 100 and 1000 classes."""

GOLDEN = {
    ("convnet6", "instance", 224): "-0.027059, 0.239842, 0.470382, 0.718663, 0.959259, 1.082904, "
    "0.983959, 0.658942, 0.222986, -0.173146",
    ("convnet6", "instance", 256): "0.274317, 0.647505, -0.499606, 2.138229, -0.060936, 1.346789, "
    "1.330504, -0.466865, 1.616307, -1.059455",
    ("convnet6", "instance", 128): "-0.641585, -0.082496, 0.707576, 1.307070, 1.398686, 1.007777, "
    "0.467674, 0.142493, 0.137002, 0.232163",
    ("resnetap10", "instance", 224): "-1.529735, -0.753299, 0.422832, 1.277322, 1.351196, "
    "0.794101, 0.211925, 0.145759, 0.616062, 1.110372",
    ("resnetap10", "instance", 256): "-1.577845, -0.820924, 0.391659, 1.308399, 1.418804, "
    "0.842286, 0.200809, 0.084541, 0.555407, 1.100477",
    ("resnetap10", "instance", 128): "-1.688576, -1.044893, 0.239810, 1.354342, 1.624516, "
    "1.037518, 0.223986, -0.083519, 0.335198, 1.010366",
    ("resnetap10", "batch", 224): "-48.800438, -123.522104, -96.239636, 10.719815, 109.083969, "
    "117.656654, 29.487882, -82.393895, -125.428730, -64.123888",
    ("resnetap18", "instance", 224): "1.005091, -7.391531, -10.359022, -5.367675, 3.608571, "
    "9.359755, 7.377293, -0.448672, -7.427329, -7.633527",
    ("resnet18", "instance", 224): "1.060569, -7.351707, -10.367810, -5.417802, 3.558590, "
    "9.351286, 7.417344, -0.393247, -7.402400, -7.659726",
    ("resnet18", "batch", 224): "-35.822762, -273.710573, -285.761502, -61.928312, 212.699811, "
    "311.057299, 151.993861, -132.598901, -306.975776, -226.671518",
    ("resnet10", "instance", 224): "-1.653982, -1.047035, 0.202705, 1.312982, 1.613131, 1.065531, "
    "0.268212, -0.059680, 0.318919, 0.967443",
    ("resnet50", "instance", 224): "-5.600615, 8.306434, -8.277242, 3.287437, 0.292159, "
    "-7.063143, 7.603127, -8.328545, 3.370471, 1.544668",
    ("resnet101", "instance", 224): "-5.543057, 6.691682, -7.687760, 4.262043, 0.660134, "
    "-4.228995, 8.356199, -6.182777, 5.029761, 1.473120",
}
"""Logits of the published networks for the weights of `_set_sines`, run in float64."""


def _on_meta(name: str, num_classes: int, image_size: int, norm: str = "instance") -> nn.Module:
    with torch.device("meta"):
        return find_student(name).build(num_classes, image_size, norm)


def _count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _set_sines(model: nn.Module) -> None:
    for i, (name, parameter) in enumerate(model.named_parameters()):
        values = torch.sin(0.37 * torch.arange(parameter.numel(), dtype=torch.float64) + i)
        if parameter.dim() > 1:
            values /= parameter[0].numel() ** 0.5
        elif name.endswith("weight"):
            values += 1
        parameter.data = values.float().double().reshape(parameter.shape)


def _names(prefix: str, *layers: str) -> list[str]:
    names = []
    for layer in layers:
        is_norm = layer.startswith("bn") or layer == "downsample.norm"
        layer = layer.replace("downsample.norm", "downsample.1")
        names += [f"{prefix}{layer}.weight"] + ([f"{prefix}{layer}.bias"] if is_norm else [])
    return names


@pytest.mark.parametrize(("name", "size", "ten", "hundred", "thousand"), COUNTS)
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_parameters_are_as_many_as_published(name, size, ten, hundred, thousand, norm):
    counts = [_count(_on_meta(name, classes, size, norm)) for classes in (10, 100, 1000)]
    assert counts == [ten, hundred, thousand]


@pytest.mark.parametrize(
    ("depth", "size", "count"), [(5, 128, 615_690), (4, 64, 467_850), (3, 32, 320_010)]
)
def test_shallower_convnets_have_the_published_number_of_parameters(depth, size, count):
    assert _count(_on_meta(f"convnet{depth}", 10, size, "batch")) == count


@pytest.mark.parametrize(("name", "norm", "size"), GOLDEN)
def test_logits_equal_those_of_the_published_network(name, norm, size):
    model = build_backbone(name, num_classes=10, image_size=size, norm=norm)
    _set_sines(model)
    pixels = torch.sin(0.011 * torch.arange(3 * size * size, dtype=torch.float64))
    with torch.no_grad():
        logits = model.double().eval()(pixels.reshape(1, 3, size, size))
    expected = [float(value) for value in GOLDEN[name, norm, size].split(",")]
    assert logits[0].tolist() == pytest.approx(expected, abs=1e-4)


def test_resnet18_with_batch_norm_is_that_of_torchvision_under_other_names():
    ours = build_backbone("resnet18", num_classes=7, image_size=224, norm="batch", seed=3).eval()
    theirs = models.resnet18(num_classes=7).eval()
    weights = {key.removeprefix("layer0."): value for key, value in ours.state_dict().items()}
    theirs.load_state_dict(weights, strict=True)
    images = torch.randn(2, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))


def test_convnet_lists_all_convolutions_before_all_norms():
    names = [name for name, _ in _on_meta("convnet3", 10, 32).named_parameters()]
    kinds = ["weight", "bias"]
    convs = [f"layers.conv.{d}.{kind}" for d in range(3) for kind in kinds]
    norms = [f"layers.norm.{d}.{kind}" for d in range(3) for kind in kinds]
    assert names == [*convs, *norms, "classifier.weight", "classifier.bias"]


def test_resnetap10_lists_its_parameters_in_the_published_order():
    expected = _names("layer0.", "conv1", "bn1") + _names(
        "layer1.0.", "conv1", "bn1", "conv2", "bn2"
    )
    for stage in (2, 3, 4):
        expected += _names(f"layer{stage}.0.", "conv1", "bn1", "conv2", "bn2", "downsample.0")
        expected += [f"layer{stage}.0.downsample.2.{kind}" for kind in ("weight", "bias")]
    expected += ["fc.weight", "fc.bias"]
    assert [name for name, _ in _on_meta("resnetap10", 10, 224).named_parameters()] == expected


def test_resnet50_lists_its_parameters_in_the_published_order():
    block = ("conv1", "bn1", "conv2", "bn2", "conv3", "bn3")
    expected = _names("layer0.", "conv1", "bn1")
    for stage, count in enumerate((3, 4, 6, 3), start=1):
        for index in range(count):
            shortcut = ("downsample.0", "downsample.norm") if index == 0 else ()
            expected += _names(f"layer{stage}.{index}.", *block, *shortcut)
    expected += ["fc.weight", "fc.bias"]
    assert [name for name, _ in _on_meta("resnet50", 10, 224).named_parameters()] == expected


@pytest.mark.parametrize(
    ("name", "tensors"),
    [("resnetap10", 38), ("resnet18", 62), ("resnet50", 161), ("resnet101", 314)],
)
def test_parameters_come_in_the_published_number_of_tensors(name, tensors):
    assert len(list(_on_meta(name, 10, 224).parameters())) == tensors


@pytest.mark.parametrize("name", ["resnet18", "resnetap18"])
@pytest.mark.parametrize(
    ("size", "kernel"), [(32, 3), (64, 3), (65, 3), (128, 3), (129, 7), (224, 7)]
)
def test_the_stem_of_a_resnet_grows_with_the_image(name, size, kernel):
    stem = _on_meta(name, 10, size).layer0
    assert stem.conv1.kernel_size == (kernel, kernel)
    assert hasattr(stem, "pool") == (size > 64)


@pytest.mark.parametrize(
    ("name", "size", "sides"),
    [
        ("resnet18", 224, [56, 56, 28, 14, 7]),
        ("resnet18", 256, [64, 64, 32, 16, 8]),
        ("resnetap10", 224, [56, 56, 28, 14, 7]),
        ("resnetap10", 256, [64, 64, 32, 16, 8]),
    ],
)
def test_feature_maps_have_the_published_sides(name, size, sides):
    model, seen = _on_meta(name, 10, size), []
    for layer in (model.layer0, model.layer1, model.layer2, model.layer3, model.layer4):
        layer.register_forward_hook(lambda _module, _inputs, output: seen.append(output.shape[-1]))
    model(torch.empty(1, 3, size, size, device="meta"))
    assert seen == sides


def test_weights_of_a_resnet_spread_as_its_paper_says():
    for name, weight in build_backbone(
        "resnet50", num_classes=10, image_size=224, norm="batch"
    ).named_parameters():
        if weight.dim() == 4:
            outputs, _, height, width = weight.shape
            assert weight.std().item() == pytest.approx(
                (2 / (outputs * height * width)) ** 0.5, rel=0.05
            ), name
        elif name.endswith("bias") and not name.startswith("fc"):
            assert not weight.any(), name
        elif "bn" in name or "downsample.1" in name:
            assert weight.eq(1).all(), name


def test_weights_of_a_convnet_stay_within_one_over_the_root_of_their_inputs():
    model = build_backbone("convnet3", num_classes=10, image_size=32)
    for layer in (*model.layers["conv"], model.classifier):
        bound = layer.weight[0].numel() ** -0.5
        for tensor in (layer.weight, layer.bias):
            assert 0.8 * bound < tensor.abs().max().item() <= bound


@pytest.mark.parametrize("name", ["convnet3", "resnet10", "resnetap10"])
def test_equal_seeds_give_equal_weights_and_others_do_not(name):
    first, again, other = (
        nn.utils.parameters_to_vector(
            build_backbone(name, num_classes=4, image_size=32, seed=seed).parameters()
        )
        for seed in (5, 5, 6)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_building_leaves_the_global_random_state_as_it_was():
    before = torch.get_rng_state()
    build_backbone("convnet3", num_classes=4, image_size=32, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_do_not_depend_on_the_global_random_state():
    torch.manual_seed(0)
    first = build_backbone("convnet2", num_classes=4, image_size=16, seed=1).classifier.weight
    torch.manual_seed(1)
    again = build_backbone("convnet2", num_classes=4, image_size=16, seed=1).classifier.weight
    assert torch.equal(first, again)


@pytest.mark.parametrize("spec", [ConvNet, ResNet, ResNetAP])
@pytest.mark.parametrize(
    ("own", "given", "used"),
    [
        (None, "instance", "instance"),
        (None, "batch", "batch"),
        ("batch", "instance", "batch"),
        ("instance", "batch", "instance"),
    ],
)
def test_a_student_with_a_norm_keeps_it_and_one_without_takes_that_of_the_protocol(
    spec, own, given, used
):
    depth = 3 if spec is ConvNet else 10
    student = spec(depth, norm=own)
    model = build_student(student, num_classes=4, image_size=32, norm=given, seed=0)
    kinds = {type(m) for m in model.modules() if isinstance(m, nn.BatchNorm2d | nn.GroupNorm)}
    assert kinds == {{"batch": nn.BatchNorm2d, "instance": nn.GroupNorm}[used]}
    assert student.norm_used(given) == used


def test_instance_norm_has_one_group_per_channel():
    model = build_backbone("convnet3", num_classes=4, image_size=32, norm="instance")
    for norm in model.layers["norm"]:
        assert (norm.num_groups, norm.num_channels, norm.eps, norm.affine) == (128, 128, 1e-5, True)


def test_instance_norm_answers_alike_in_training_and_evaluation():
    model = build_backbone("resnetap10", num_classes=4, image_size=32, norm="instance")
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(model.train()(images), model.eval()(images))


@pytest.mark.parametrize(
    ("name", "size", "features"),
    [
        ("convnet6", 224, 1152),
        ("convnet3", 32, 2048),
        ("resnet10", 32, 512),
        ("resnetap10", 32, 512),
        ("resnet50", 32, 2048),
    ],
)
def test_the_linear_layer_turns_the_embedding_into_the_logits(name, size, features):
    model = build_backbone(name, num_classes=4, image_size=size, norm="batch").eval()
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    head = model.classifier if name.startswith("convnet") else model.fc
    with torch.no_grad():
        embedding = embed(model, images)
        assert embedding.shape == (2, features)
        assert torch.equal(head(embedding), model(images))


def test_embedding_is_that_of_evaluation_mode_and_changes_no_module():
    model = build_backbone("resnet10", num_classes=4, image_size=32, norm="batch").train()
    model.layer1.eval()
    modes = [module.training for module in model.modules()]
    state = {key: value.clone() for key, value in model.state_dict().items()}
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    embedding = embed(model, images)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert torch.equal(embedding, embed(model.eval(), images))


def test_embedding_leaves_gradients_to_the_caller():
    model = build_backbone("convnet3", num_classes=4, image_size=32)
    images = torch.randn(2, 3, 32, 32, requires_grad=True)
    embed(model, images).sum().backward()
    assert images.grad is not None
    with torch.no_grad():
        assert not embed(model, images).requires_grad


@pytest.mark.parametrize("name", STUDENTS)
def test_every_student_is_found_by_its_name_and_survives_pickling(name):
    student = find_student(name)
    assert student.name == name
    assert pickle.loads(pickle.dumps(student)) == student
    assert name.startswith(student.family)
    assert student.revision >= 1


@pytest.mark.parametrize("depth", RESNET_DEPTHS)
def test_a_resnet_has_as_many_layers_as_its_name_says(depth):
    with torch.device("meta"):
        model = ResNet(depth).build(2, 32, "instance")
    weights = [name for name, p in model.named_parameters() if p.dim() > 1]
    assert len([name for name in weights if "downsample" not in name]) == depth


def test_width_multiplies_the_channels():
    assert build_student(ConvNet(3, width=32), num_classes=4, image_size=32, seed=0)(
        torch.zeros(1, 3, 32, 32)
    ).shape == (1, 4)
    wide = build_student(ResNetAP(10, width=0.5), num_classes=4, image_size=32, seed=0)
    assert wide.fc.in_features == 256


@pytest.mark.parametrize(
    ("name", "size", "parts"),
    [
        ("convnet6", 32, ("`convnet6`", "64 pixels", "got 32", "`convnet5`")),
        ("convnet3", 1, ("`convnet3`", "8 pixels", "got 1:", "larger resolution.")),
        ("resnet18", 8, ("`resnet18`", "9 pixels", "got 8", "batch")),
        ("resnetap10", 15, ("`resnetap10`", "16 pixels", "got 15", "batch")),
        ("resnetap10", 7, ("`resnetap10`", "16 pixels", "got 7:", "larger resolution.")),
    ],
)
def test_too_small_images_are_refused_with_student_need_and_size(name, size, parts):
    with pytest.raises(UsageError) as caught:
        build_backbone(name, num_classes=4, image_size=size)
    assert all(part in str(caught.value) for part in parts), caught.value


@pytest.mark.parametrize(
    ("name", "norm", "size"),
    [
        ("convnet5", "instance", 32),
        ("resnet10", "instance", 9),
        ("resnetap10", "instance", 16),
        ("resnet10", "batch", 1),
        ("resnetap10", "batch", 8),
    ],
)
def test_the_smallest_images_that_are_taken_still_make_a_difference(name, norm, size):
    model = build_backbone(name, num_classes=4, image_size=size, norm=norm).eval()
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        first, second = model(images)
    assert not torch.allclose(first, second)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ConvNet(0),
        lambda: ConvNet(3, width=0),
        lambda: ConvNet(3, norm="layer"),
        lambda: ResNet(20),
        lambda: ResNet(18, norm="layer"),
        lambda: ResNetAP(20),
        lambda: ResNetAP(10, width=0.3),
        lambda: ResNetAP(10, norm="layer"),
        lambda: build_backbone("convnet3", num_classes=4, image_size=32, norm="layer"),
        lambda: build_backbone("convnet3", num_classes=0, image_size=32),
        lambda: build_backbone("resnet10", num_classes=4, image_size=0),
    ],
)
def test_values_that_make_no_network_are_refused(wrong):
    with pytest.raises(ValueError, match=r"`(depth|width|norm|num_classes|image_size)` must"):
        wrong()


def test_looking_up_our_own_students_imports_no_library():
    code = (
        "import sys; from bench.backbones import find_student; find_student('convnet3');"
        "sys.exit(bool({'torch', 'torchvision', 'timm', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Students of torchvision and timm: published sizes, refusals, embeddings."""

from __future__ import annotations

import pickle

import pytest
import torch

from bench.backbones import STUDENTS, Library, build_backbone, embed, find_student
from bench.errors import UsageError

COUNTS = {
    "torchvision/resnet18": (11_181_642, 11_689_512),
    "torchvision/resnet50": (23_528_522, 25_557_032),
    "torchvision/resnet101": (42_520_650, 44_549_160),
    "mobilenet_v2": (2_236_682, 3_504_872),
    "efficientnet_b0": (4_020_358, 5_288_548),
    "shufflenet_v2_x0_5": (352_042, 1_366_792),
    "shufflenet_v2_x1_0": (1_263_854, 2_278_604),
    "swin_t": (27_527_044, 28_288_354),
    "swin_v2_t": (27_590_260, 28_351_570),
    "vit_b_16": (85_806_346, 86_567_656),
    "vgg11": (128_807_306, 132_863_336),
    "alexnet": (57_044_810, 61_100_840),
    "densenet121": (6_964_106, 7_978_856),
}
"""Name to parameters for 10 and 1000 classes."""

SMALL = ("mobilenet_v2", "shufflenet_v2_x0_5", "timm/test_resnet", "timm/test_vit")


def _images(size: int) -> torch.Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_as_many_as_published(name):
    student = find_student(name)
    for num_classes, count in zip((10, 1000), COUNTS[name], strict=True):
        with torch.device("meta"):
            model = student.build(num_classes, 224, "instance")
        assert sum(parameter.numel() for parameter in model.parameters()) == count


@pytest.mark.parametrize(
    ("name", "count"),
    [("timm/deit_tiny_patch16_224", 5_717_416), ("timm/swin_tiny_patch4_window7_224", 28_288_354)],
)
def test_transformers_of_timm_have_the_published_number_of_parameters(name, count):
    with torch.device("meta"):
        model = find_student(name).build(1000, 224, "instance")
    assert sum(parameter.numel() for parameter in model.parameters()) == count


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("torchvision/resnet18", Library("torchvision/resnet18")),
        ("mobilenet_v2", Library("torchvision/mobilenet_v2")),
        ("efficientnet_b0", Library("torchvision/efficientnet_b0")),
        ("swin_v2_t", Library("torchvision/swin_v2_t")),
        ("timm/deit_tiny_patch16_224", Library("timm/deit_tiny_patch16_224")),
        ("resnet18", STUDENTS["resnet18"]),
    ],
)
def test_a_name_without_a_prefix_is_ours_first_and_torchvisions_second(name, student):
    assert find_student(name) == student


@pytest.mark.parametrize(
    ("id_", "family"),
    [
        ("torchvision/resnet18", "resnet"),
        ("torchvision/wide_resnet50_2", "resnet"),
        ("torchvision/swin_v2_t", "swin"),
        ("torchvision/efficientnet_b0", "efficientnet"),
        ("timm/tf_efficientnet_b0", "efficientnet"),
        ("timm/deit_tiny_patch16_224", "deit"),
    ],
)
def test_the_family_is_the_word_an_id_begins_with(id_, family):
    assert Library(id_).family == family


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_library_students_keep_their_native_norm(norm):
    student = find_student("mobilenet_v2")
    assert student.norm_used(norm) == "native"
    assert pickle.loads(pickle.dumps(student)) == student
    with torch.device("meta"):
        model = student.build(4, 32, norm)
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules())


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("resnet19", ("Unknown student 'resnet19'", "Did you mean 'resnet1")),
        ("mobilenet_v3_larg", ("Did you mean 'mobilenet_v3_large'?",)),
        ("torchvision/resnet19", ("Did you mean 'torchvision/resnet1",)),
        ("timm/deit_tiny_patch16", ("Did you mean 'timm/deit_tiny_patch16_224'?",)),
        ("timm/resnet18.a1_in1k", ("Did you mean 'timm/resnet18",)),
        ("keras/resnet50", ("Unknown student 'keras/resnet50'", "torchvision/<id>", "timm/<id>")),
        ("torchvision/fasterrcnn_resnet50_fpn", ("not a plain image classifier: choose a",)),
        ("fcn_resnet50", ("not a plain image classifier: choose a",)),
        ("torchvision/quantized_resnet18", ("not a plain image classifier: choose a",)),
    ],
)
def test_a_name_that_is_no_student_is_refused_with_a_way_out(name, parts):
    with pytest.raises(UsageError) as caught:
        find_student(name)
    assert all(part in str(caught.value) for part in parts), caught.value
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("id_", ["resnet18", "keras/resnet50", "timm/", ""])
def test_an_id_without_a_library_is_refused(id_):
    with pytest.raises(ValueError, match="`id` must be"):
        Library(id_)


def test_an_unknown_id_is_refused_when_it_is_built():
    with pytest.raises(UsageError, match="resnet19"):
        Library("torchvision/resnet19").build(4, 32, "instance")


@pytest.mark.parametrize(
    ("name", "size", "parts"),
    [
        (
            "alexnet",
            32,
            ("torchvision/alexnet", "32 x 32", "at least 63", "): choose another resolution or"),
        ),
        ("vit_b_16", 40, ("torchvision/vit_b_16", "40 x 40", "indivisible")),
        ("timm/test_maxvit", 50, ("timm/test_maxvit", "50 x 50", "made for 160")),
    ],
)
def test_images_a_library_student_cannot_take_are_refused_with_its_need(name, size, parts):
    with pytest.raises(UsageError) as caught, torch.device("meta"):
        find_student(name).build(4, size, "instance")
    assert all(part in str(caught.value) for part in parts), caught.value


@pytest.mark.parametrize("name", ["timm/test_vit", "timm/test_maxvit", "vit_b_32"])
def test_networks_made_for_one_size_are_made_for_the_one_asked_for(name):
    with torch.device("meta"):
        model = find_student(name).build(4, 64, "instance")
    assert model(torch.empty(2, 3, 64, 64, device="meta")).shape == (2, 4)


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_networks_with_auxiliary_outputs_train_on_plain_logits(name):
    with torch.device("meta"):
        model = find_student(name).build(4, 96, "instance")
    assert model.training
    assert model(torch.empty(2, 3, 96, 96, device="meta")).shape == (2, 4)


@pytest.mark.parametrize("name", SMALL)
def test_equal_seeds_give_equal_weights_and_leave_the_global_state_alone(name):
    before = torch.get_rng_state()
    first, again, other = (
        torch.nn.utils.parameters_to_vector(
            build_backbone(name, num_classes=4, image_size=64, seed=seed).parameters()
        )
        for seed in (5, 5, 6)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", SMALL)
def test_the_linear_layer_turns_the_embedding_into_the_logits(name):
    model = build_backbone(name, num_classes=4, image_size=64).eval()
    head = [module for module in model.modules() if isinstance(module, torch.nn.Linear)][-1]
    with torch.no_grad():
        embedding = embed(model, _images(64))
        assert embedding.shape == (2, head.in_features)
        torch.testing.assert_close(head(embedding), model(_images(64)))


def test_embedding_a_training_network_drops_nothing_and_keeps_it_in_training():
    model = build_backbone("mobilenet_v2", num_classes=4, image_size=32).train()
    first, again = embed(model, _images(32)), embed(model, _images(32))
    assert torch.equal(first, again)
    assert all(module.training for module in model.modules())


def test_a_network_without_a_linear_layer_has_no_embedding():
    model = build_backbone("squeezenet1_1", num_classes=4, image_size=64)
    with pytest.raises(UsageError, match="SqueezeNet has no linear layer"):
        embed(model, _images(64))

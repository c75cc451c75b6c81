import subprocess
import sys
from dataclasses import dataclass, field, replace

import pytest

from bench import specs
from bench.data.classes import class_list
from bench.errors import UsageError
from bench.sets import DatasetCard
from bench.shipped import CLASS_IDS
from bench.teachers.specs import (
    TEACHERS,
    Shipped,
    Teacher,
    TorchvisionWeights,
    Trained,
    WeightsFile,
    published_teacher,
)
from bench.training.schedule import learning_rate


@dataclass(frozen=True)
class Lesson:
    """Stands for a protocol that has a teacher."""

    teacher: Teacher | None = field(default=None, metadata={"choices": lambda: TEACHERS})


def asked(text: str) -> Teacher | None:
    request = specs.parse(f"lesson[teacher={text}]")
    return specs.override(Lesson(), dict(request.fields), "lesson").teacher


def card(classes=("ant", "bee", "cat"), features="convnet3@32", **changes) -> DatasetCard:
    made = DatasetCard(
        name="tiny",
        classes=tuple(classes),
        class_names=tuple(classes),
        train_split="folder",
        test_split="folder",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=(6,) * len(classes),
        resolution=16,
        features=features,
    )
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("text", "teacher"),
    [
        ("trained", Trained()),
        (
            "trained[network=convnet3[width=64],epochs=8]",
            Trained(network="convnet3[width=64]", epochs=8),
        ),
        ("trained[members=5,seed=3,norm=instance]", Trained(members=5, seed=3, norm="instance")),
        ("embedded", Shipped()),
        ("torchvision", TorchvisionWeights()),
        (
            "torchvision[weights=ResNet50_Weights.IMAGENET1K_V2]",
            TorchvisionWeights("ResNet50_Weights.IMAGENET1K_V2"),
        ),
        (
            "file[path=/x/y.safetensors,classes=dataset]",
            WeightsFile("/x/y.safetensors", classes="dataset"),
        ),
        ("none", None),
    ],
)
def test_a_teacher_is_asked_for_as_it_is_written(text, teacher):
    assert asked(text) == teacher


@pytest.mark.parametrize(
    "teacher",
    [
        Trained(),
        Trained("convnet3[width=64]", "instance", 5, 3, 8, 64, 0.002, 0.0, (0.5, 1.0), 0.0),
        Shipped(),
        TorchvisionWeights("ResNet50_Weights.IMAGENET1K_V2"),
        WeightsFile(network="resnet18", classes="dataset"),
    ],
)
def test_what_the_identity_says_can_be_asked_for(teacher):
    said = specs.identity("lesson", Lesson(teacher)).removeprefix("lesson+teacher=")
    assert asked(said) == teacher


def test_two_teachers_have_two_identities_and_the_path_is_in_none():
    names = {specs.identity("lesson", Lesson(teacher)) for teacher in TEACHERS.values()}
    assert len(names) == len(TEACHERS)
    file = specs.identity("lesson", Lesson(WeightsFile("/secret/x.safetensors")))
    assert file == specs.identity("lesson", Lesson(WeightsFile("elsewhere.safetensors")))
    assert "secret" not in file


def test_a_teacher_becomes_plain_values():
    plain = specs.plain(Lesson(Trained(epochs=8)))["teacher"]
    assert plain["network"] == "resnet18"
    assert plain["epochs"] == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trained[members=0]", "`members` must be at least 1, got 0"),
        ("trained[seed=-1]", "`seed` must be at least 0"),
        ("trained[epochs=0]", "`epochs` must be at least 1"),
        ("trained[lr=0.0]", "`lr` must be above 0"),
        ("trained[crop_scale=(0.5,2.0)]", "`crop_scale` must be"),
        ("trained[mix_probability=2.0]", "`mix_probability` must be at least 0 and at most 1"),
        ("trained[norm=layer]", "norm"),
        ("file[classes=sorted]", "classes"),
        ("embedded[epochs=3]", "Unknown field 'epochs'"),
        ("torchvison", "Did you mean 'torchvision'"),
        (
            "torchvision[weights=ResNet50_Weights.DEFAULT]",
            "must name one version, such as ResNet50_Weights.IMAGENET1K_V1 or IMAGENET1K_V2",
        ),
        ("torchvision[weights=resnet50]", "must name one version"),
    ],
)
def test_a_wrong_request_is_told(text, said):
    with pytest.raises(UsageError) as caught:
        asked(text)
    assert said in str(caught.value)


def test_the_teacher_meant_for_a_set_follows_from_its_classes():
    assert published_teacher(card(features="embedded")) == Shipped()
    assert published_teacher(card()) == Trained("resnet18", members=1)
    assert published_teacher(card(class_list("imagewoof"))) == Trained()
    assert published_teacher(card(class_list("imagenet1k"))) == TorchvisionWeights(
        "ResNet18_Weights.IMAGENET1K_V1"
    )
    assert published_teacher(card(class_list("imagenet1k")), members=5) == Trained(members=5)
    thousand = [f"c{number}" for number in range(1000)]
    assert published_teacher(card(thousand)) == Trained()


def test_the_stated_recipe_is_what_a_member_is_trained_by():
    recipe = Trained(epochs=60).recipe(64)
    assert (recipe.optimizer, recipe.lr, recipe.weight_decay) == ("adamw", 1e-3, 0.01)
    assert (recipe.decay_on, recipe.batch, recipe.resolution) == ("matrices", 128, 64)
    assert (recipe.mix, recipe.mix_probability, recipe.mix_alpha) == ("cutmix", 0.5, 1.0)
    assert (recipe.crop_from, recipe.crop_scale) == ("prefix", (0.25, 1.0))
    assert (recipe.jitter, recipe.lighting, recipe.evaluations) == (0.0, 0.0, 1)
    assert learning_rate(recipe, 0) == pytest.approx(1e-3)
    assert learning_rate(recipe, 30) == pytest.approx(5e-4)
    assert learning_rate(recipe, 59) < 1e-5


def test_a_trained_teacher_is_checked_before_it_is_trained():
    Trained("convnet2[width=4]").check(card(), 16)
    with pytest.raises(UsageError, match=r"`convnet6` halves its images"):
        Trained("convnet6").check(card(), 16)
    with pytest.raises(UsageError, match="Unknown student 'convnet99'"):
        Trained("convnet99").check(card(), 16)
    with pytest.raises(UsageError, match="must name one student"):
        Trained("convnet2[width=4|8]").check(card(), 16)


@pytest.mark.parametrize(
    ("classes", "resolution"), [(CLASS_IDS[:10], 64), (("ant", "bee", "cat"), 32)]
)
def test_the_shipped_teacher_refuses_other_sets_and_sizes(classes, resolution):
    Shipped().check(card(CLASS_IDS[:10]), 32)
    with pytest.raises(UsageError) as caught:
        Shipped().check(card(classes), resolution)
    said = "takes images of 32 x 32 pixels of shapenette and shapewoof, got"
    assert f"{said} {resolution} of 'tiny': write `teacher=trained[...]`" in str(caught.value)


def test_an_untrained_teacher_answers_as_many_classes_as_the_set_has():
    import torch

    images = torch.zeros(2, 3, 32, 32)
    assert Shipped().blank(card(CLASS_IDS[10:]), 32)(images).shape == (2, 10)
    five = Trained("convnet2[width=4]", members=5).blank(card(), 32)
    assert five(images).shape == (2, 3)
    woof = TorchvisionWeights().blank(card(class_list("imagewoof")), 32).eval()
    assert woof(images).shape == (2, 10)


def test_a_trained_teacher_depends_on_the_training_images_and_a_given_one_does_not():
    tiny = card()
    held_out = replace(tiny, train_revision="c" * 64)
    trained = Trained("convnet2[width=4]")
    assert trained.weights_of(tiny, 16) != trained.weights_of(held_out, 16)
    assert trained.weights_of(tiny, 16) != trained.weights_of(tiny, 32)
    shipped = Shipped()
    assert shipped.weights_of(tiny, 32) == shipped.weights_of(replace(held_out, name="x"), 32)


def test_naming_teachers_loads_no_torch():
    code = "import sys, bench.teachers.specs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from bench.artefacts import ArtefactStore, key
from bench.augment.colour import normalised
from bench.backbones import build_student
from bench.backbones.students import ConvNet
from bench.context import Context, artefact_streams
from bench.data import open_real_set
from bench.data.classes import class_list
from bench.errors import BenchError, UsageError
from bench.sets import DatasetCard
from bench.shipped import CLASS_IDS
from bench.streams import Streams
from bench.teachers import training
from bench.teachers.specs import Shipped, TorchvisionWeights, Trained, WeightsFile

CPU = torch.device("cpu")
TINY = Trained("convnet2[width=4]", epochs=2, batch=8)
PLAIN = replace(TINY, norm="instance", epochs=3, crop_scale=(1.0, 1.0), mix_probability=0.0)
"""Training without augmentation but for flips, of which symmetric images know nothing."""


class Killed(Exception):
    pass


@pytest.fixture
def ctx(tiny_set, tmp_path):
    for path in tiny_set.glob("train/*/*.png"):
        left = np.asarray(Image.open(path))[:, :8]
        Image.fromarray(np.concatenate([left, left[:, ::-1]], axis=1)).save(path)
    real = open_real_set(f"tiny=folder:{tiny_set}", data_root=None, cache=tmp_path / "cache")
    store = ArtefactStore(tmp_path / "cache")
    return Context(CPU, Streams((0,)), tmp_path, store, {"tiny": real}.__getitem__)


def weights_of(teacher, ctx):
    return teacher.weights_of(ctx.real("tiny").card, 16)


def built(teacher, ctx, folder):
    folder.mkdir(exist_ok=True)
    weights_of(teacher, ctx).build(ctx.for_artefact(0, folder), folder)
    return folder


def images_of(ctx):
    train = ctx.real("tiny").train
    decoded = np.stack([train.images.decode(index) for index in range(len(train))])
    return torch.tensor(decoded).permute(0, 3, 1, 2), torch.tensor(train.labels)


def fresh(seed, norm="batch"):
    init = artefact_streams(seed).integer("init")
    student = ConvNet(2, width=4)
    return build_student(student, num_classes=3, image_size=16, norm=norm, seed=init)


def safetensors_of(network, path, **header):
    save_file({n: v.contiguous() for n, v in network.state_dict().items()}, path, header or None)
    return path


def stated(*classes):
    return {"classes": json.dumps(classes)}


def test_a_member_is_what_a_plain_loop_of_adamw_along_a_cosine_makes(ctx):
    pixels, labels = images_of(ctx)
    images, streams = normalised(pixels), artefact_streams(0)
    network = fresh(0, "instance").train()
    matrices = [p for n, p in network.named_parameters() if "weight" in n and p.ndim > 1]
    others = [p for p in network.parameters() if all(p is not m for m in matrices)]
    groups = [{"params": matrices, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    for epoch in range(3):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * 0.5 * (1 + np.cos(np.pi * epoch / 3))
        for rows in torch.randperm(18, generator=streams.torch("order", epoch)).split(8):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(images[rows]), labels[rows]).backward()
            optimizer.step()
    answer = ctx.get(weights_of(PLAIN, ctx)).network(images)
    torch.testing.assert_close(answer, network.eval()(images), rtol=1e-4, atol=1e-5)


def test_a_trained_teacher_learns_colours_and_knows_its_classes(ctx):
    teacher = replace(TINY, epochs=25, lr=0.02)
    loaded = ctx.get(weights_of(teacher, ctx))
    pixels, labels = images_of(ctx)
    right = loaded.network(normalised(pixels)).argmax(dim=1) == labels
    assert right.float().mean() > 0.8
    assert loaded.classes == ("ant", "bee", "cat")


def test_it_is_loaded_for_asking_alone(ctx):
    loaded = ctx.get(weights_of(TINY, ctx))
    assert not any(module.training for module in loaded.network.modules())
    assert not any(p.requires_grad for p in loaded.network.parameters())
    folder = ctx.artefacts.path(weights_of(TINY, ctx))
    assert loaded.bytes == (folder / "member-0.safetensors").stat().st_size


def test_it_is_kept_as_safetensors_and_json_alone(ctx, tmp_path):
    folder = built(replace(TINY, members=2), ctx, tmp_path / "made")
    names = {path.name for path in folder.iterdir()}
    assert names == {"member-0.safetensors", "member-1.safetensors", "teacher.json"}
    about = json.loads((folder / "teacher.json").read_text())
    assert about["classes"] == ["ant", "bee", "cat"]
    assert about["updates"] == 2 * 3
    assert about["recipe"]["optimizer"] == "adamw"
    assert about["seconds"] > 0


def test_members_have_seeds_of_their_own_and_the_first_is_the_teacher_alone(ctx, tmp_path):
    both = built(replace(TINY, members=2), ctx, tmp_path / "both")
    first = built(TINY, ctx, tmp_path / "first")
    second = built(replace(TINY, seed=1), ctx, tmp_path / "second")
    for number, alone in enumerate((first, second)):
        together = load_file(both / f"member-{number}.safetensors")
        for name, value in load_file(alone / "member-0.safetensors").items():
            assert torch.equal(value, together[name])
    one, other = (
        load_file(f / "member-0.safetensors")["classifier.weight"] for f in (first, second)
    )
    assert not torch.equal(one, other)


def test_logits_of_members_are_averaged_before_the_softmax(ctx):
    images = torch.rand(5, 3, 16, 16)
    pair = ctx.get(weights_of(replace(TINY, members=2), ctx)).network(images)
    one, other = (
        ctx.get(weights_of(replace(TINY, seed=s), ctx)).network(images).double() for s in (0, 1)
    )
    torch.testing.assert_close(pair.double(), (one + other) / 2, rtol=1e-5, atol=1e-6)


def test_a_kill_is_gone_on_from_and_whole_members_are_kept(ctx, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "KEEP_EVERY", 0.0)
    teacher = replace(TINY, members=2, epochs=3)
    whole, folder = built(teacher, ctx, tmp_path / "whole"), tmp_path / "killed"

    def kill(done, total):
        if done == 15:  # of 18: in the second member
            raise Killed

    with pytest.raises(Killed):
        built(teacher, replace(ctx, progress=kill), folder)
    seen = []
    resumed = replace(ctx, progress=lambda done, total: seen.append((done, total)))
    built(teacher, resumed, folder)
    assert seen[-1] == (18, 18)
    assert seen[0][0] > 12  # neither the first member again nor the first epoch of the second
    assert {p.name for p in folder.iterdir()} == {p.name for p in whole.iterdir()}
    for number in range(2):
        name = f"member-{number}.safetensors"
        for parameter, value in load_file(whole / name).items():
            assert torch.equal(value, load_file(folder / name)[parameter])


def test_another_real_set_of_that_name_is_refused(ctx, tmp_path):
    wrong = replace(weights_of(TINY, ctx), train_revision="c" * 64)
    with pytest.raises(BenchError, match=r"'tiny' .* revision cccc"):
        wrong.build(ctx, tmp_path)


def test_a_damaged_file_is_told_when_it_is_loaded(ctx, tmp_path):
    folder = built(TINY, ctx, tmp_path / "made")
    (folder / "member-0.safetensors").write_bytes(b"short")
    with pytest.raises(BenchError, match=r"cannot be read .*: delete its folder"):
        weights_of(TINY, ctx).load(folder, CPU)


def test_the_time_of_a_training_can_be_told_before_it(ctx):
    seconds = weights_of(TINY, ctx).seconds(ctx)
    assert seconds > 0
    assert Shipped().weights_of(ctx.real("tiny").card, 32).seconds(ctx) is None


def test_the_shipped_teacher_is_the_feature_network_with_twenty_classes(ctx):
    from bench.features.shipped import ShippedNetwork

    card = replace(ctx.real("tiny").card, classes=CLASS_IDS[10:], class_names=CLASS_IDS[10:])
    loaded = ctx.get(Shipped().weights_of(card, 32))
    images = torch.rand(4, 3, 32, 32)
    answer = loaded.answering(card, "embedded")(images)
    assert torch.equal(answer, ctx.get(ShippedNetwork.of())(images)[:, 10:])
    assert loaded.answering(card, "embedded") is loaded.answering(card, "embedded")


def test_a_given_file_answers_as_the_network_it_was_written_from(ctx, tmp_path):
    network = fresh(5).eval()
    path = safetensors_of(network, tmp_path / "x.safetensors", **stated("cat", "ant", "bee"))
    teacher = WeightsFile(str(path), "convnet2[width=4]")
    teacher.check(ctx.real("tiny").card, 16)
    loaded = ctx.get(weights_of(teacher, ctx))
    images = torch.rand(4, 3, 16, 16)
    assert torch.equal(loaded.network(images), network(images))
    answer = loaded.answering(ctx.real("tiny").card, teacher.title)(images)
    assert torch.equal(answer, network(images)[:, [1, 2, 0]])


def test_a_given_file_is_known_by_its_content(ctx, tmp_path):
    one = safetensors_of(fresh(5), tmp_path / "x.safetensors")
    same = safetensors_of(fresh(5), tmp_path / "renamed.safetensors")
    other = safetensors_of(fresh(6), tmp_path / "other.safetensors")
    files = [
        WeightsFile(str(p), "convnet2[width=4]", classes="dataset") for p in (one, same, other)
    ]
    keys = [key(weights_of(teacher, ctx)) for teacher in files]
    assert keys[0] == keys[1] != keys[2]


def test_whoever_vouches_for_the_order_needs_no_class_ids(ctx, tmp_path):
    network = fresh(5).eval()
    path = safetensors_of(network, tmp_path / "x.safetensors", **stated("some", "other", "ids"))
    teacher = WeightsFile(str(path), "convnet2[width=4]", classes="dataset")
    teacher.check(ctx.real("tiny").card, 16)
    loaded = ctx.get(weights_of(teacher, ctx))
    images = torch.rand(4, 3, 16, 16)
    answer = loaded.answering(ctx.real("tiny").card, teacher.title)(images)
    assert torch.equal(answer, network(images))


def test_a_file_that_changes_under_a_run_is_refused(ctx, tmp_path):
    path = safetensors_of(fresh(5), tmp_path / "x.safetensors")
    teacher = WeightsFile(str(path), "convnet2[width=4]", classes="dataset")
    wanted = weights_of(teacher, ctx)
    safetensors_of(fresh(6), path, more="bytes")
    with pytest.raises(BenchError, match="has changed since this run began"):
        ctx.get(wanted)
    assert not ctx.artefacts.has(wanted)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"classes": "stated"}, "does not say which class each output is: import it with"),
        (
            {"network": "convnet2[width=8]"},
            "(its `layers.conv.0.weight` is [4, 3, 3, 3], not [8, 3, 3, 3])",
        ),
        ({"network": "resnet18"}, "try `network=torchvision/resnet18`"),
        ({"path": "nowhere.safetensors"}, "there is no such file"),
        ({"path": ""}, "write `teacher=file[path=x.safetensors]`"),
    ],
)
def test_a_file_that_cannot_teach_is_told_before_a_run(ctx, tmp_path, asked, said):
    path = safetensors_of(fresh(5), tmp_path / "x.safetensors")
    right = WeightsFile(str(path), "convnet2[width=4]", classes="dataset")
    with pytest.raises(UsageError) as caught:
        replace(right, **asked).check(ctx.real("tiny").card, 16)
    assert said in str(caught.value)


def test_layers_of_another_library_are_named(ctx, tmp_path):
    network = build_student(ConvNet(1, 4), num_classes=3, image_size=16, seed=0)
    path = safetensors_of(network, tmp_path / "x.safetensors")
    with pytest.raises(UsageError, match=r"it lacks `fc\.bias`, it has `classifier\.bias`"):
        WeightsFile(str(path), "resnet18", classes="dataset").check(ctx.real("tiny").card, 16)


@pytest.mark.parametrize("classes", ["stated", "dataset"])
def test_a_teacher_of_another_number_of_classes_is_refused(ctx, tmp_path, classes):
    path = safetensors_of(fresh(5), tmp_path / "x.safetensors", **stated("ant", "bee", "cat"))
    ids = tuple(f"c{number}" for number in range(10))
    card = replace(ctx.real("tiny").card, classes=ids, class_names=ids, class_sizes=(6,) * 10)
    with pytest.raises(
        UsageError, match=r"'file:x.safetensors' answers 3 classes, but 'tiny' has 10"
    ):
        WeightsFile(str(path), "convnet2[width=4]", classes=classes).check(card, 16)


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
def test_a_pickle_is_refused_by_its_content_or_name(ctx, tmp_path, name):
    torch.save({"a": torch.zeros(2)}, tmp_path / name)
    with pytest.raises(
        UsageError, match=rf"'{name}' is a pickle, which can run code .* import-teacher"
    ):
        WeightsFile(str(tmp_path / name)).check(ctx.real("tiny").card, 16)


@pytest.mark.parametrize(
    "content", [b"", b"\x10\0\0\0\0\0\0\0{}", b"\x02\0\0\0\0\0\0\0{]", b"x" * 99]
)
def test_a_damaged_header_is_told(ctx, tmp_path, content):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(UsageError, match="is not a whole safetensors file"):
        WeightsFile(str(tmp_path / "x.safetensors")).check(ctx.real("tiny").card, 16)


@pytest.fixture(scope="module")
def resnet18():
    from torchvision.models import resnet18

    with torch.random.fork_rng():
        torch.manual_seed(7)
        return resnet18().eval()


def imagenet_card(make) -> DatasetCard:
    woof = class_list("imagewoof")
    return replace(make, classes=woof, class_names=woof, class_sizes=(6,) * 10)


def test_weights_of_torchvision_are_fetched_from_the_hub_by_their_name(
    ctx, tmp_path, monkeypatch, resnet18
):
    import huggingface_hub

    file, asked = safetensors_of(resnet18, tmp_path / "model.safetensors"), []

    def download(repository, name, local_files_only=False):
        asked.append((repository, name))
        return str(file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    card = imagenet_card(ctx.real("tiny").card)
    loaded = ctx.get(TorchvisionWeights().weights_of(card, 32))
    assert asked == [("timm/resnet18.tv_in1k", "model.safetensors")]
    images = torch.rand(2, 3, 32, 32)
    terrier, border = 193, 182  # ImageNet's indices of the first two classes of ImageWoof
    answer = loaded.answering(card, "it")(images)
    assert answer.shape == (2, 10)
    assert torch.equal(answer[:, :2], resnet18(images)[:, [terrier, border]])
    about = json.loads(
        (ctx.artefacts.path(TorchvisionWeights().weights_of(card, 32)) / "teacher.json").read_text()
    )
    assert len(about["sha256"][0]) == 64


def test_weights_in_a_folder_of_ones_own_are_taken_first(ctx, tmp_path, monkeypatch, resnet18):
    name = "ResNet18_Weights.IMAGENET1K_V1"
    safetensors_of(resnet18, tmp_path / f"{name}.safetensors")
    monkeypatch.setenv("BENCH_TEACHERS", str(tmp_path))
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    teacher, card = TorchvisionWeights(name), imagenet_card(ctx.real("tiny").card)
    teacher.check(card, 32)
    assert teacher.given() == tmp_path / f"{name}.safetensors"
    safetensors_of(resnet18, tmp_path / f"{name}.safetensors", weights="ResNet18_Weights.OTHER")
    with pytest.raises(UsageError, match=r"its header says ResNet18_Weights\.OTHER"):
        teacher.given()


def test_weights_that_cannot_be_had_are_told_before_a_run(ctx, monkeypatch):
    import huggingface_hub

    card = imagenet_card(ctx.real("tiny").card)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    with pytest.raises(
        UsageError, match=r"nothing is fetched offline: .* import-teacher resnet18-f37072fd.pth"
    ):
        TorchvisionWeights().check(card, 32)
    with pytest.raises(UsageError, match="published as a pickle alone"):
        TorchvisionWeights("MNASNet0_5_Weights.IMAGENET1K_V1").check(card, 32)
    with pytest.raises(UsageError, match=r"Did you mean 'ResNet18_Weights.IMAGENET1K_V1'"):
        TorchvisionWeights("ResNet18_Weights.IMAGENET1K_V3").check(card, 32)


def test_weights_of_another_network_are_not_taken(ctx, tmp_path, monkeypatch):
    name = "ResNet18_Weights.IMAGENET1K_V1"
    safetensors_of(fresh(0), tmp_path / f"{name}.safetensors")
    monkeypatch.setenv("BENCH_TEACHERS", str(tmp_path))
    wanted = TorchvisionWeights().weights_of(imagenet_card(ctx.real("tiny").card), 32)
    with pytest.raises(
        BenchError, match=r"does not hold the weights of 'ResNet18.*lacks `bn1.bias`"
    ):
        ctx.get(wanted)
    assert not ctx.artefacts.has(wanted)

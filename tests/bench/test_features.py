import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.models
from PIL import Image
from safetensors.torch import load_file, save_file
from torchvision.transforms import v2

from bench import features
from bench.artefacts import ArtefactStore
from bench.context import Context
from bench.errors import BenchError, UsageError
from bench.features import Embeddings, TrainedNetwork, check_features, imagenet
from bench.images import ArrayImages
from bench.sets import DatasetCard, ImageSet, RealSet
from bench.streams import Streams
from bench.teachers.files import sha256_of

CPU = torch.device("cpu")
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NETWORK = TrainedNetwork("tiny", "a" * 64, "convnet1[width=4]", 1, resolution=8, epochs=2)
EMBEDDINGS = Embeddings("tiny", "a" * 64, "convnet1[width=4]@8")


class Untouchable:
    """Test images that must not be looked at."""

    def __len__(self):
        return 4

    def decode(self, index):
        raise AssertionError("the test set was opened")

    def original(self, index):
        raise AssertionError("the test set was opened")


def bright_and_dark(per_class=20, side=8):
    """Return noise images whose class is their brightness."""
    labels = np.repeat([0, 1], per_class)
    noise = np.random.default_rng(0).integers(100, size=(2 * per_class, side, side, 3))
    return (noise + 150 * labels[:, None, None, None]).astype(np.uint8), labels


def real_set(pixels, labels):
    card = DatasetCard(
        name="tiny",
        classes=("dark", "light"),
        class_names=("dark", "light"),
        train_split="made",
        test_split="made",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=tuple(np.bincount(labels).tolist()),
        resolution=8,
        features="convnet1[width=4]@8",
    )
    train = ImageSet(ArrayImages(pixels), labels, card.train_revision)
    return RealSet(card, train, ImageSet(Untouchable(), np.zeros(4, np.int64), card.test_revision))


def context(tmp_path, real, seed=0):
    store = ArtefactStore(tmp_path / "cache")
    return Context(CPU, Streams((seed,)), tmp_path, store, {"tiny": real}.__getitem__)


@pytest.fixture
def ctx(tmp_path):
    return context(tmp_path, real_set(*bright_and_dark()))


def built(artefact, ctx, folder):
    folder.mkdir()
    artefact.build(ctx.for_artefact(getattr(artefact, "seed", 0), folder), folder)
    return folder


def test_a_network_comes_back_with_the_weights_it_was_trained_to(ctx, tmp_path):
    folder = built(NETWORK, ctx, tmp_path / "network")
    model = NETWORK.load(folder, CPU)
    saved = load_file(folder / "network.safetensors")
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    for name, value in model.state_dict().items():
        assert torch.equal(value, saved[name])


def test_training_learns_to_tell_bright_from_dark_held_out_images(ctx, tmp_path):
    network = replace(NETWORK, epochs=60)
    folder = built(network, ctx, tmp_path / "network")
    facts = json.loads((folder / "network.json").read_text())
    assert facts["held_out_accuracy"] == 100.0


def test_a_tenth_of_every_class_is_held_out_and_the_test_set_never_opened(ctx, tmp_path):
    folder = built(NETWORK, ctx, tmp_path / "network")
    facts = json.loads((folder / "network.json").read_text())
    assert facts["trained_on"] == 36
    assert facts["classes"] == 2


def test_the_same_artefact_is_built_to_the_same_weights_and_another_seed_to_others(ctx, tmp_path):
    first, again, other = (
        load_file(built(network, ctx, tmp_path / name) / "network.safetensors")
        for name, network in (("a", NETWORK), ("b", NETWORK), ("c", replace(NETWORK, seed=1)))
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_the_distillation_seed_changes_no_artefact(tmp_path):
    real = real_set(*bright_and_dark())
    one, two = (context(tmp_path / str(seed), real, seed=seed).get(EMBEDDINGS) for seed in (0, 1))
    assert np.array_equal(one, two)


def test_embeddings_are_what_the_last_layer_reads_of_every_image_in_order(ctx):
    embedded = ctx.get(EMBEDDINGS)
    model = ctx.get(EMBEDDINGS.needs()[0])
    last = [module for module in model.modules() if isinstance(module, torch.nn.Linear)][-1]
    seen = []
    last.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    transform = v2.Compose(
        [
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )
    with torch.no_grad():
        for image in bright_and_dark()[0]:
            model(transform(image)[None])
    expected = torch.cat(seen).numpy()
    assert embedded.dtype == np.float32
    assert embedded.shape == expected.shape
    np.testing.assert_allclose(embedded, expected, rtol=1e-4, atol=1e-5)


def test_the_batch_size_changes_no_embedding(ctx, tmp_path, monkeypatch):
    whole = ctx.get(EMBEDDINGS)
    monkeypatch.setitem(features.BATCH_PIXELS, "cpu", 7 * 8 * 8)
    folder = built(EMBEDDINGS, ctx, tmp_path / "again")
    np.testing.assert_allclose(EMBEDDINGS.load(folder, CPU), whole, rtol=1e-5, atol=1e-6)


def test_embeddings_and_their_network_are_built_once(ctx, tmp_path, monkeypatch):
    ctx.get(EMBEDDINGS)
    monkeypatch.setattr(TrainedNetwork, "build", None)
    monkeypatch.setattr(Embeddings, "build", None)
    fresh = replace(ctx, artefacts=ArtefactStore(tmp_path / "cache"))
    assert len(fresh.get(EMBEDDINGS)) == 40


def test_embeddings_need_the_network_of_their_name_and_training_set():
    assert EMBEDDINGS.needs() == (replace(NETWORK, epochs=15),)
    assert Embeddings("tiny", "a" * 64, "resnet18-imagenet").needs() == ()


@pytest.mark.parametrize("artefact", [NETWORK, EMBEDDINGS])
def test_another_training_set_than_the_runs_is_refused(artefact, ctx, tmp_path):
    other = replace(artefact, train_revision="c" * 64)
    with pytest.raises(BenchError, match=r"'tiny' .*revision cccccccccccc.* has aaaaaaaaaaaa"):
        built(other, ctx, tmp_path / "other")


def test_imagenet_embeddings_are_torchvisions_pooled_features(tmp_path, monkeypatch):
    torch.manual_seed(0)
    reference = torchvision.models.resnet18()
    asked = []

    def downloaded(repository, file, local_files_only):
        asked.append((repository, file, local_files_only))
        return str(tmp_path / file)

    save_file(reference.state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr(imagenet, "SHA256", sha256_of(tmp_path / "model.safetensors"))
    monkeypatch.setattr("huggingface_hub.hf_hub_download", downloaded)
    pixels = np.random.default_rng(0).integers(256, size=(4, 40, 60, 3), dtype=np.uint8)
    ctx = context(tmp_path, real_set(pixels, np.array([0, 0, 1, 1])))

    embedded = ctx.get(Embeddings("tiny", "a" * 64, "resnet18-imagenet"))

    transform = v2.Compose(
        [
            v2.Resize(224),
            v2.CenterCrop(224),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )
    reference.fc = torch.nn.Identity()
    batch = torch.stack([transform(Image.fromarray(image)) for image in pixels])
    with torch.no_grad():
        expected = reference.eval()(batch).numpy()
    np.testing.assert_allclose(embedded, expected, rtol=1e-3, atol=1e-4)
    assert asked == [("timm/resnet18.tv_in1k", "model.safetensors", False)]


def test_imagenet_embeddings_without_network_are_one_sentence(ctx, monkeypatch):
    def offline(repository, file, local_files_only):
        assert local_files_only
        raise OSError("no route to host")

    monkeypatch.setenv("BENCH_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.hf_hub_download", offline)
    with pytest.raises(BenchError, match=r"'resnet18-imagenet' .* cannot be loaded .*no route"):
        ctx.get(Embeddings("tiny", "a" * 64, "resnet18-imagenet"))


def test_other_weights_than_resnet18s_are_refused(ctx, tmp_path, monkeypatch):
    save_file({"fc.bias": torch.zeros(3)}, tmp_path / "model.safetensors")
    path = str(tmp_path / "model.safetensors")
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: path)
    with pytest.raises(BenchError, match="is not the file that 'resnet18-imagenet' needs"):
        ctx.get(Embeddings("tiny", "a" * 64, "resnet18-imagenet"))
    monkeypatch.setattr(imagenet, "SHA256", sha256_of(Path(path)))
    with pytest.raises(BenchError, match="cannot be loaded"):
        ctx.get(Embeddings("tiny", "a" * 64, "resnet18-imagenet"))


@pytest.mark.parametrize(
    "text", ["embedded", "resnet18-imagenet", "convnet3[width=64]@32", "resnetap10@224"]
)
def test_names_of_embeddings_are_accepted(text):
    check_features(text)


@pytest.mark.parametrize("text", ["", "convnet3", "convnet3@x", "@32", "convnet3@0", "convnet3@-1"])
def test_other_names_are_refused_with_an_example(text):
    with pytest.raises(UsageError, match=r"'resnet18-imagenet' or `<student>@<resolution>`, such"):
        check_features(text)


def test_a_sweep_is_no_embedding():
    with pytest.raises(UsageError, match="must name one network, got 2"):
        check_features("convnet3[width=32|64]@32")


def test_an_unknown_field_of_the_network_is_refused():
    with pytest.raises(UsageError, match="depht"):
        check_features("convnet3[depht=2]@32")


def test_a_network_begins_as_no_student_and_no_distillation_does(ctx):
    own = ctx.for_artefact(0, ctx.work).streams
    for seeds in ((0,), *((0, repeat) for repeat in range(1000))):
        assert own.integer("init") != Streams(seeds).integer("init")

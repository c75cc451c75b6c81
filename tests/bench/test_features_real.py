"""Features of real images and their statistics, and the pass that makes features."""

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchvision.models
from PIL import Image
from safetensors.torch import save_file

from bench import artefacts
from bench.artefacts import ArtefactStore
from bench.context import Context
from bench.errors import BenchError
from bench.features import Embeddings, imagenet, passes
from bench.features.extractors import Extractor, find_extractor
from bench.features.passes import features_of
from bench.features.real import ExtractedFeatures, RealStatistics, real_features, real_statistics
from bench.features.statistics import exact_device, pair_rows, statistics_of
from bench.features.views import View, of_classifier
from bench.images import ArrayImages
from bench.sets import DatasetCard, ImageSet, RealSet
from bench.streams import Streams
from bench.teachers.files import sha256_of
from bench.training.compiling import Compiling

CPU = torch.device("cpu")
SMALL = "convnet1[width=4]@8"


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def real_set(train, labels, test, train_revision="a" * 64, test_revision="b" * 64):
    card = DatasetCard(
        name="tiny",
        classes=("ant", "bee"),
        class_names=("ant", "bee"),
        train_split="made",
        test_split="made",
        train_revision=train_revision,
        test_revision=test_revision,
        class_sizes=tuple(np.bincount(labels).tolist()),
        resolution=8,
        features=SMALL,
    )
    tested = ImageSet(ArrayImages(test), np.arange(len(test)) % 2, test_revision)
    return RealSet(card, ImageSet(ArrayImages(train), labels, train_revision), tested)


def context(tmp_path, real, compiling=None):
    store = ArtefactStore(tmp_path / "cache")
    options = {} if compiling is None else {"compiling": compiling}
    return Context(CPU, Streams((0,)), tmp_path, store, {"tiny": real}.__getitem__, **options)


@pytest.fixture
def real():
    return real_set(noise(24, 8, 8, 3), np.repeat([0, 1], 12), noise(10, 8, 8, 3, seed=1))


@pytest.fixture
def ctx(tmp_path, real):
    return context(tmp_path, real)


class Odd:
    """Images of different sizes, of which some take longer to decode."""

    def __init__(self, sizes, pause=0.0):
        self.pixels = [noise(*size, 3, seed=k) for k, size in enumerate(sizes)]
        self.pause = pause

    def __len__(self):
        return len(self.pixels)

    def decode(self, index):
        time.sleep(self.pause * (index % 3 == 0))
        return self.pixels[index]


def described(model, resolution=8):
    """Return an extractor of a function of batches, and of images as they are."""

    def batches(images):
        return [torch.from_numpy(image)[None].permute(0, 3, 1, 2).float() for image in images]

    view = View(model, lambda image: image, batches, CPU)
    return SimpleNamespace(name="described", resolution=resolution, network=lambda ctx: view)


# The pass --------------------------------------------------------------------------------------


def test_rows_are_in_the_order_of_the_images_whatever_their_sizes_and_batches(ctx):
    images = Odd([(2 + k % 5, 3 + k % 7) for k in range(45)], pause=0.003)
    means = described(lambda batch: batch.mean(dim=(2, 3)))
    blocks = list(passes.rows_of(images, replace_resolution(means, 2**9), ctx))
    assert [len(block) for block in blocks] == [16, 16, 13]
    expected = [image.mean(axis=(0, 1)) for image in images.pixels]
    np.testing.assert_allclose(np.concatenate(blocks), expected, rtol=1e-5)


def replace_resolution(extractor, resolution):
    return SimpleNamespace(**(vars(extractor) | {"resolution": resolution}))


def test_features_that_are_not_finite_name_their_image(ctx):
    images = Odd([(4, 4)] * 20)
    images.pixels[17][:] = 0
    inverse = described(lambda batch: 1 / batch.sum(dim=(2, 3)))
    with pytest.raises(BenchError, match="image 17 under 'described' are not finite"):
        features_of(images, inverse, ctx)


def test_a_pass_sees_images_as_the_embeddings_of_a_set_do(ctx, real):
    embedded = ctx.get(Embeddings("tiny", "a" * 64, SMALL))
    seen = features_of(real.train.images, Extractor(SMALL, "tiny", "a" * 64), ctx)
    np.testing.assert_allclose(seen, embedded, rtol=1e-5, atol=1e-6)


def test_a_pass_sees_images_as_torchvisions_own_transform_does(ctx, tmp_path, monkeypatch):
    torch.manual_seed(0)
    reference = torchvision.models.resnet18().eval()
    path = tmp_path / "model.safetensors"
    save_file(reference.state_dict(), path)
    monkeypatch.setattr(imagenet, "SHA256", sha256_of(path))
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: str(path))
    images = Odd([(40, 60), (230, 224), (300, 250)])
    found = features_of(images, find_extractor("resnet18-imagenet", "tiny", "a" * 64), ctx)
    transform = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.transforms(resize_size=224)
    reference.fc = torch.nn.Identity()
    with torch.no_grad():
        batch = torch.stack([transform(Image.fromarray(image)) for image in images.pixels])
        expected = reference(batch).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_images_of_many_sizes_have_the_features_that_each_has_alone(ctx):
    extractor = Extractor(SMALL, "tiny", "a" * 64)
    images = Odd([(8, 8), (9, 20), (20, 9), (31, 17), (4, 4)])
    alone = [features_of(ArrayImages(image[None]), extractor, ctx) for image in images.pixels]
    together = features_of(images, extractor, ctx)
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-5, atol=1e-6)


def test_a_compiled_pass_fills_up_its_last_batch_so_that_one_shape_is_compiled(monkeypatch):
    shapes = []

    def compile(model, **_):
        return lambda batch: shapes.append(tuple(batch.shape)) or model(batch)

    monkeypatch.setattr(torch, "compile", compile)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.Flatten())
    network.requires_grad_(False)
    view = View(
        network,
        lambda image: image,
        lambda images: [torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()],
        CPU,
    )
    made, run = passes.compiled(view, 4, lambda sentence: None)
    for count in (4, 3, 1):
        images = list(noise(count, 6, 6, 3))
        torch.testing.assert_close(made(images), view(images), rtol=1e-4, atol=1e-3)
    assert shapes == [(4, 3, 6, 6)] * 3
    assert run.compiled


@pytest.mark.parametrize("works", [True, False])
def test_a_pass_says_whether_it_was_compiled_and_not_whether_it_was_to_be(
    tmp_path, real, monkeypatch, works
):
    from torch._dynamo.exc import TorchDynamoException

    def compile(model, **_):
        def run(batch):
            if not works:
                raise TorchDynamoException("no compiler")
            return model(batch)

        return run

    monkeypatch.setattr(torch, "compile", compile)
    network = described(torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()))
    network.name = "inception-pytorch-fid"
    monkeypatch.setattr(passes, "LEAST_BATCH", 1)
    passed = passes.Passed()
    ctx = context(tmp_path, real, Compiling("always"))
    one = passes.batch_size(replace_resolution(network, 2**9), ctx)
    assert one == 1
    found = features_of(real.train.images, replace_resolution(network, 2**9), ctx, passed)
    np.testing.assert_allclose(found, real.train.images.pixels.mean(axis=(1, 2)), rtol=1e-5)
    assert passed.compiled is works
    features_of(real.train.images, network, context(tmp_path, real), passed)
    assert passed.compiled is False


@pytest.mark.parametrize(
    ("wish", "name", "images", "expected"),
    [
        ("never", "inception-pytorch-fid", 10**9, False),
        ("always", "inception-pytorch-fid", 1, True),
        ("auto", "inception-pytorch-fid", 10, False),
        ("auto", "inception-pytorch-fid", 10**6, True),
        ("always", "inception-clean", 10**9, False),
        ("auto", "embedded", 10**4, False),
    ],
)
def test_only_long_passes_of_inception_are_compiled_unless_wished(
    tmp_path, real, wish, name, images, expected
):
    ctx = context(tmp_path, real, Compiling(wish))
    assert passes.compiles(find_extractor(name, "", ""), images, ctx) is expected
    assert ctx.for_artefact(0, tmp_path).compiling == ctx.compiling


def test_a_stand_in_has_the_arithmetic_of_its_network_and_needs_no_file():
    for name, width in (("inception-clean", 2048), ("resnet18-imagenet", 512), ("embedded", 384)):
        view = find_extractor(name, "", "").stand_in(CPU)
        assert view([noise(40, 50, 3)]).shape == (1, width)
    assert Extractor(SMALL, "tiny", "").stand_in(CPU)([noise(9, 9, 3)]).shape == (1, 4 * 4 * 4)


# Features of a set -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["embedded", SMALL])
def test_features_of_training_images_are_the_embeddings_that_methods_choose_by(real, name):
    found = real_features(Extractor(name, "tiny", "a" * 64), real.card, "train")
    assert artefacts.key(found) == artefacts.key(Embeddings("tiny", "a" * 64, name))


def test_features_of_resnet18_are_of_the_pinned_weights_alone(real, monkeypatch):
    extractor = find_extractor("resnet18-imagenet", "tiny", "a" * 64)
    wanted = real_features(extractor, real.card, "train")
    assert isinstance(wanted, ExtractedFeatures)
    assert wanted.weights == imagenet.SHA256
    monkeypatch.setattr("bench.features.extractors.SHA256", "0" * 64)
    other = real_features(extractor, real.card, "train")
    assert artefacts.key(other) != artefacts.key(wanted)


def test_embeddings_that_are_there_are_not_made_again(ctx, real, monkeypatch):
    ctx.get(Embeddings("tiny", "a" * 64, SMALL))
    monkeypatch.setattr(Embeddings, "build", None)
    extractor = Extractor(SMALL, "tiny", "a" * 64)
    assert len(ctx.get(real_statistics(extractor, real.card, "train", 10, 2)).rows) == 10


def test_features_of_test_images_are_made_by_the_network_of_the_training_images(ctx, real):
    extractor = Extractor(SMALL, "tiny", "a" * 64)
    wanted = real_features(extractor, real.card, "test")
    assert isinstance(wanted, ExtractedFeatures)
    model = ctx.get(wanted.needs()[0])
    expected = of_classifier(model, 8, CPU)(list(real.test.images.pixels))
    np.testing.assert_allclose(ctx.get(wanted), expected.numpy(), rtol=1e-5, atol=1e-6)


def test_inception_features_of_training_images_are_an_artefact_of_their_own(real):
    wanted = real_features(Extractor("inception-clean", "tiny", "a" * 64), real.card, "train")
    assert isinstance(wanted, ExtractedFeatures)
    assert wanted.images_revision == "a" * 64
    assert wanted.needs() == ()


def test_other_images_or_another_network_have_another_name(real):
    extractor = Extractor(SMALL, "tiny", "a" * 64)
    card = real.card
    statistics = [
        real_statistics(extractor, card, "train", 10, 2),
        real_statistics(extractor, card, "test", 10, 2),
        real_statistics(extractor, replace(card, test_revision="c" * 64), "test", 10, 2),
        real_statistics(Extractor(SMALL, "tiny", "d" * 64), card, "train", 10, 2),
        real_statistics(Extractor("embedded", "tiny", "a" * 64), card, "train", 10, 2),
        real_statistics(extractor, card, "train", 11, 2),
        real_statistics(extractor, card, "train", 10, 3),
    ]
    assert len({artefacts.key(one) for one in statistics}) == len(statistics)


def test_another_set_under_the_same_name_is_not_measured(ctx, real):
    extractor = Extractor(SMALL, "tiny", "a" * 64)
    other = replace(real.card, test_revision="c" * 64)
    with pytest.raises(BenchError, match="wanted for test images of revision cccccccccccc"):
        ctx.get(real_statistics(extractor, other, "test", 10, 2))


# Statistics ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cloud():
    """Features of 60 images in classes of 30, 29 and 1, and their labels, out of order."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([0, 1, 2], [30, 29, 1]))
    spread = np.array([5.0, 3.0, 1.0, 0.5])
    return (rng.normal(size=(60, 4)) * spread + labels[:, None]).astype(np.float32), labels


def test_statistics_are_those_of_numpy(cloud):
    features, labels = cloud
    found = statistics_of(features, labels, 60, 5, CPU)
    exact = features.astype(np.float64)
    np.testing.assert_allclose(found.gaussian.mean, exact.mean(axis=0))
    np.testing.assert_allclose(found.gaussian.covariance, np.cov(exact, rowvar=False))
    means = [exact[labels == label].mean(axis=0) for label in range(3)]
    np.testing.assert_allclose(found.class_means, means)
    distances = np.linalg.norm(exact[:, None] - exact[None], axis=2)
    np.testing.assert_allclose(found.radii, np.sort(distances, axis=1)[:, 5], rtol=1e-6)
    apart = np.where((labels[:, None] == labels) & ~np.eye(60, dtype=bool), distances, np.inf)
    np.testing.assert_allclose(found.gap, apart.min(axis=1), rtol=1e-6)
    assert np.isinf(found.gap.numpy()).sum() == 1
    kernel = (exact @ exact.T / 4 + 1) ** 3
    within = (kernel.sum() - np.trace(kernel)) / (60 * 59)
    assert found.kid_within == pytest.approx(within)


def test_the_plane_is_that_of_the_principal_components(cloud):
    features, labels = cloud
    found = statistics_of(features, labels, 60, 5, CPU)
    centred = features.astype(np.float64) - features.astype(np.float64).mean(axis=0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(found.plane.numpy() @ directions[:2].T), np.eye(2), atol=1e-9)
    assert found.explained == pytest.approx(tuple(values[:2] ** 2 / (values**2).sum()))
    for direction in found.plane.numpy():
        assert direction[np.abs(direction).argmax()] > 0


def test_metrics_of_pairs_see_as_many_images_as_wished(cloud):
    features, labels = cloud
    found = statistics_of(features, labels, 20, 2, CPU)
    rows = found.rows.numpy()
    chosen = features[rows].astype(np.float64)
    distances = np.linalg.norm(chosen[:, None] - chosen[None], axis=2)
    np.testing.assert_allclose(found.radii, np.sort(distances, axis=1)[:, 2], rtol=1e-6)
    np.testing.assert_allclose(found.plane_mean, chosen.mean(axis=0))
    np.testing.assert_allclose(found.gaussian.mean, features.astype(np.float64).mean(axis=0))


def test_rows_are_an_even_share_of_every_class():
    labels = np.repeat([0, 1], [600, 400])
    rows = pair_rows(labels, 100, neighbours=5)
    assert rows.tolist() == [*range(0, 600, 10), *range(600, 1000, 10)]


def test_small_classes_keep_what_their_neighbourhoods_need():
    labels = np.repeat([0, 1, 2], [990, 8, 2])
    counts = np.bincount(labels[pair_rows(labels, 100, neighbours=5)])
    assert counts.tolist() == [99, 7, 2]


def test_all_images_are_taken_where_they_are_few_enough():
    labels = np.array([1, 0, 1, 0])
    assert pair_rows(labels, 4, neighbours=1).tolist() == [0, 1, 2, 3]


def test_statistics_come_back_from_their_file_as_they_were(ctx, real, tmp_path):
    wanted = real_statistics(Extractor(SMALL, "tiny", "a" * 64), real.card, "train", 10, 2)
    assert isinstance(wanted, RealStatistics)
    built, embedded = ctx.get(wanted), ctx.get(wanted.needs()[0])
    made = statistics_of(embedded, real.train.labels, 10, 2, CPU)
    again = context(tmp_path, real).get(wanted)
    for name, value in made.tensors().items():
        assert torch.equal(built.tensors()[name], value)
        assert torch.equal(again.tensors()[name], value)
    assert built.gaussian.mean.dtype == torch.float64


def test_metrics_are_computed_where_there_is_float64():
    assert exact_device(torch.device("cuda", 1)) == torch.device("cuda", 1)
    assert exact_device(torch.device("mps")) == CPU

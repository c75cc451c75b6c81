"""Inception as pytorch-fid and clean-fid see images: ours beside theirs, on the same weights.

The published weights are not here. The network has drawn weights of the same layout, and the
TorchScript file is a stand-in made of it: it has the attributes that clean-fid reads and resizes
inside by an affine grid. That NVIDIA's file has them too is UNVERIFIED here.
"""

import hashlib
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from bench.artefacts import ArtefactStore
from bench.context import Context
from bench.features import views, weights
from bench.features.extractors import CLEAN, INCEPTION, LEGACY, find_extractor
from bench.features.inception import assembled, stages
from bench.features.passes import features_of
from bench.features.weights import WeightFile
from bench.images import FileImages
from bench.metrics.gaussian import frechet_of_features
from bench.streams import Streams

CPU = torch.device("cpu")


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def state():
    """Drawn weights under which features neither vanish nor agree between images.

    Batch norms take their statistics from noise; as they are drawn, features would be about 1e-8.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(0)
        network = assembled()
        norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = None
            norm.reset_running_stats()
        sharp, blurred = torch.randn(2, 3, 299, 299), F.interpolate(torch.randn(2, 3, 9, 9), 299)
        stages(network).train()(torch.cat([sharp, blurred]))
    assert len(norms) == 94
    kept = {name: value.contiguous() for name, value in network.state_dict().items()}
    view = views.of_inception(stages(assembled(kept)), CPU)
    assert view([noise(32, 32, 3, seed=k) for k in range(3)]).std(dim=0).mean() > 0.1
    return kept


@pytest.fixture(scope="module")
def theirs(state):
    """pytorch-fid's own network, as its constructor makes it of a state that it fetches."""
    from pytorch_fid import inception

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inception, "load_state_dict_from_url", lambda *_, **__: state)
        yield inception.InceptionV3().eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photographs of three sizes, two as JPEG, in the order in which both packages list them."""
    folder = tmp_path_factory.mktemp("photographs")
    for k, (name, size) in enumerate(
        {"a.jpg": (320, 240), "b.jpg": (48, 64), "c.png": (64, 64), "d.png": (320, 240)}.items()
    ):
        small = Image.fromarray(noise(6, 8, 3, seed=k))
        small.resize(size, Image.Resampling.BICUBIC).save(folder / name)
    return folder


@pytest.fixture(scope="module")
def files(folder):
    return FileImages(folder, tuple(sorted(path.name for path in folder.iterdir())))


@pytest.fixture(scope="module")
def published(state, tmp_path_factory):
    """A folder with both weight files, and what would be said of them."""
    folder = tmp_path_factory.mktemp("weights")
    torch.save(state, folder / weights.INCEPTION_PTH.file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that TorchScript is deprecated
        torch.jit.save(torch.jit.script(StandIn(state)), folder / weights.INCEPTION_PT.file)
    return folder, [said_of(folder, file) for file in (weights.INCEPTION_PTH, weights.INCEPTION_PT)]


def said_of(folder, file):
    content = (folder / file.file).read_bytes()
    return WeightFile(file.name, file.file, "", len(content), hashlib.sha256(content).hexdigest())


class StandIn(nn.Module):
    """What clean-fid needs of NVIDIA's file."""

    def __init__(self, state):
        super().__init__()
        network = stages(assembled(state))
        network[-2] = nn.AvgPool2d(8)
        example = torch.zeros(2, 3, 299, 299)
        self.layers = torch.jit.trace(network, example, check_trace=False)

    def forward(self, img, return_features: bool = False):
        theta = torch.eye(2, 3)[None].repeat(img.shape[0], 1, 1)
        theta[:, 0, 2] = 1 / img.shape[3]  # half a pixel aside, as no other view has it
        grid = F.affine_grid(theta, [img.shape[0], 3, 299, 299], align_corners=False)
        resized = F.grid_sample(img, grid, "bilinear", "border", align_corners=False)
        return self.layers((resized - 127.5) / 127.5)


@pytest.fixture
def ctx(published, tmp_path, monkeypatch):
    where, (pth, pt) = published
    monkeypatch.setenv(weights.FOLDER, str(where))
    monkeypatch.setenv("BENCH_OFFLINE", "1")
    monkeypatch.setattr(weights, "INCEPTION_PTH", pth)
    monkeypatch.setattr(weights, "INCEPTION_PT", pt)
    return Context(CPU, Streams((0,)), tmp_path, ArtefactStore(tmp_path / "cache"), {}.get)


def of_clean_fid(folder, mode, where):
    """Return clean-fid's features of a folder, on the stand-in; it would fetch the file itself."""
    from cleanfid.fid import get_folder_features
    from cleanfid.inception_torchscript import InceptionV3W

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = InceptionV3W(str(where), download=False, resize_inside=mode != "clean")
        options = {"num_workers": 0, "batch_size": 1, "device": CPU, "verbose": False}
        return get_folder_features(str(folder), network, mode=mode, **options)


def error(ours, expected):
    """Return how far features are apart, as a share of what distinguishes the images."""
    ours, expected = np.asarray(ours), np.asarray(expected)
    assert ours.shape == expected.shape
    return np.linalg.norm(ours - expected) / np.linalg.norm(expected - expected.mean(axis=0))


@pytest.mark.parametrize("size", [(64, 64), (240, 320)])
def test_the_assembled_network_is_that_of_pytorch_fid_bit_for_bit(state, theirs, size):
    images = noise(2, *size, 3)
    network = stages(assembled(state)).to(memory_format=torch.contiguous_format)
    ours = views.of_inception(network, CPU)(list(images))
    with torch.no_grad():
        expected = theirs(torch.from_numpy(images).permute(0, 3, 1, 2) / 255)[0]
    assert torch.equal(ours, expected[:, :, 0, 0])


def test_features_of_files_are_those_of_pytorch_fids_own_pass(ctx, theirs, files, folder):
    from pytorch_fid.fid_score import get_activations

    ours = features_of(files, find_extractor(INCEPTION, "", ""), ctx)
    paths = [folder / name for name in files.names]
    expected = get_activations(paths, theirs, batch_size=1, num_workers=0)
    assert ours.dtype == np.float32
    assert error(ours, expected) < 2e-4  # convolutions over another layout of memory


def test_what_clean_fid_calls_legacy_pytorch_is_pytorch_fid(state, theirs, files):
    images = [files.decode(index) for index in range(2)]
    ours = views.of_inception(stages(assembled(state)), CPU)(images)
    with warnings.catch_warnings(), torch.no_grad():
        from cleanfid.resize import build_resizer

        resize = build_resizer("legacy_pytorch")  # which silences warnings of the whole process
        theirs.resize_input = False
        resized = [torch.from_numpy(resize(image)).permute(2, 0, 1) / 255 for image in images]
        expected = theirs(torch.stack(resized))[0][:, :, 0, 0]
        theirs.resize_input = True
    assert error(ours, expected) < 1e-4


@pytest.mark.parametrize(("name", "mode"), [(CLEAN, "clean"), (LEGACY, "legacy_tensorflow")])
def test_features_of_files_are_those_of_clean_fid(ctx, published, state, files, folder, name, mode):
    ours = features_of(files, find_extractor(name, "", ""), ctx)
    expected = of_clean_fid(folder, mode, published[0])
    assert error(ours, expected) < 1e-5
    otherwise = views.of_inception(stages(assembled(state)), CPU)
    assert error(otherwise([files.decode(k) for k in range(4)]), expected) > 1e-2
    halves = [
        [torch.from_numpy(rows).double() for rows in (found[:2], found[2:])]
        for found in (ours, expected)
    ]
    assert frechet_of_features(*halves[0]) == pytest.approx(frechet_of_features(*halves[1]), 1e-3)

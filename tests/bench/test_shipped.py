"""The weights that come with the package: what the card says, and what they can do."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.backbones import embed
from bench.data.shapes import CLASSES, render
from bench.features.shipped import FILE, ShippedNetwork
from bench.generators import GENERATORS
from bench.sampling import Sampling
from bench.sampling.hook import Job
from bench.sampling.sampler import generate
from bench.shipped import CLASS_IDS, PACKAGE, SETS
from bench.streams import Streams

CPU = torch.device("cpu")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "embedded.md"
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture(scope="module")
def card():
    return json.loads((PACKAGE.folder / "card.json").read_text())


@pytest.fixture(scope="module")
def generator():
    return GENERATORS["embedded"].open(CPU)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return ShippedNetwork.of().load(tmp_path_factory.mktemp("unused"), CPU)


def first_tests(name, count):
    """Return the first test images of every class of a set, uint8 `[N, 32, 32, 3]`."""
    return np.concatenate([render(name, "test", i, 0, count) for i in range(10)])


def answers(network, pixels):
    """Return the class, among all 20, that the feature network sees in uint8 images."""
    images = torch.from_numpy(((pixels / 255 - MEAN) / STD).astype(np.float32))
    with torch.no_grad():
        return network(images.permute(0, 3, 1, 2)).argmax(1).numpy()


def test_the_card_lists_every_file_with_size_and_hash(card):
    files = {path.name: path.read_bytes() for path in PACKAGE.folder.glob("*.safetensors")}
    assert {name: facts["bytes"] for name, facts in card["files"].items()} == {
        name: len(content) for name, content in files.items()
    }
    assert {name: facts["sha256"] for name, facts in card["files"].items()} == {
        name: sha256(content).hexdigest() for name, content in files.items()
    }


def test_the_weights_are_small(card):
    sizes = {name: facts["bytes"] for name, facts in card["files"].items()}
    assert card["bytes"] == sum(sizes.values()) <= 12_000_000
    assert sizes[FILE] <= 700_000


def test_the_card_says_how_every_stage_was_trained_and_what_it_reaches(card):
    for stage in ("autoencoder", "transformer", "features"):
        facts = card["stages"][stage]
        assert facts["sha256"] == card["files"][f"{stage}.safetensors"]["sha256"]
        assert facts["commit"]
        assert facts["decided"]["seed"] == 0
        for run in facts["runs"].values():
            assert run["devices"]
            assert run["seconds"] > 0
            assert len(run["losses"]) > 10
    gates = card["reaches"]["gates"]
    assert {gate["name"].split(":")[0] for gate in gates} == set(SETS)
    for gate in gates:
        at_most = "lost" in gate["name"]
        within = gate["value"] <= gate["limit"] if at_most else gate["value"] >= gate["limit"]
        assert gate["reached"] == within


def test_the_page_has_the_figures_of_the_card(card):
    page = PAGE.read_text()
    for gate in card["reaches"]["gates"]:
        assert f"| {gate['value']:.{2 if 'spread' in gate['name'] else 1}f}" in page
    for stage in card["stages"].values():
        assert f"| {stage['parameters']:,} |" in page
    for accuracy in card["stages"]["features"]["measures"].values():
        assert f"{accuracy:.1f} %" in page
    assert f"{card['reaches']['psnr_db']:.1f} dB" in page


@pytest.mark.parametrize("name", SETS)
def test_the_autoencoder_keeps_what_the_test_images_show(name, generator):
    pixels = first_tests(name, 10)
    images = torch.from_numpy(pixels / 127.5 - 1).float().permute(0, 3, 1, 2)
    with torch.no_grad():
        rebuilt = generator.decode(generator.encode(images)).clamp(-1, 1)
    mean_square = (rebuilt - images).square().mean().item() / 4  # of the range from -1 to 1
    assert -10 * np.log10(mean_square) > 26


@pytest.mark.parametrize("name", SETS)
def test_the_feature_network_tells_the_classes_of_test_images_apart(name, network):
    labels = np.repeat(np.arange(10), 20) + 10 * SETS.index(name)
    assert (answers(network, first_tests(name, 20)) == labels).mean() > 0.8


def test_features_have_one_number_per_channel_and_place(network):
    with torch.no_grad():
        assert embed(network, torch.zeros(2, 3, 32, 32)).shape == (2, 384)


@pytest.mark.parametrize("name", SETS)
def test_samples_show_the_class_that_was_asked_for_and_differ(name, generator, network):
    jobs = [Job(c, label, k) for label, c in enumerate(CLASSES[name]) for k in range(6)]
    sampling = Sampling(scheduler="ddim", steps=20, batch=60)
    samples = generate(generator, jobs, sampling, Streams((0,)))
    labels = np.array([CLASS_IDS.index(job.class_id) for job in jobs])
    assert (answers(network, samples) == labels).mean() > 0.5  # chance is 0.05
    real = first_tests(name, 6)
    for start in range(0, 60, 6):
        own, other = (images[start : start + 6].astype(float) for images in (samples, real))
        assert own.std(0).mean() > 0.5 * other.std(0).mean()

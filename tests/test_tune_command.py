"""`bench tune`: what it leaves in the cache or in a folder, and what it refuses."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

TUNING = "minimax[epochs=2,tune_batch=4]"


@pytest.fixture
def known_set(tmp_path):
    """Return an image folder of two classes that the embedded generator knows."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for name in ("boat", "bear"):
            folder = tmp_path / "known" / split / name
            folder.mkdir(parents=True)
            for number in range(4):
                pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "known"


@pytest.fixture
def tune(bench, known_set):
    def call(*arguments, tuning=TUNING):
        where = f"known=folder:{known_set}"
        return bench("tune", tuning, "--datasets", where, "--generator", "embedded", *arguments)

    return call


def test_a_tuning_is_made_once_and_kept_in_the_cache(tune, own_cache):
    first, second = tune(), tune()
    assert first.status == second.status == 0
    assert first.out == second.out
    (folder,) = own_cache.glob("artefacts/TunedRun-*/")
    assert str(folder) in first.out
    facts = json.loads((folder / "facts.json").read_text())
    lines = (folder / "losses.jsonl").read_text().splitlines()
    assert facts["steps"] == len(lines) == 4  # 2 passes over 8 images
    assert {"loss", "mse", "bound", "representative", "diverse"} < json.loads(lines[0]).keys()


def test_a_tuning_is_written_to_a_folder_with_its_facts_and_losses(tune, tmp_path, own_cache):
    out = tmp_path / "tuned"
    assert tune("--to", out).status == 0
    (weights,) = out.glob("*.safetensors")
    with safe_open(weights, framework="np") as file:
        assert json.loads(file.metadata()["tuned"])["training"] in weights.name
    assert sorted(path.suffix for path in out.iterdir()) == [".json", ".jsonl", ".safetensors"]
    assert not list(own_cache.glob("artefacts/TunedRun-*"))
    before = weights.read_bytes()
    assert tune("--to", out).status == 0  # anew, to the same weights
    assert weights.read_bytes() == before


@pytest.mark.parametrize(
    ("tuning", "words"),
    [
        ("pretrained", "tunes nothing"),
        ("minimaks", "Did you mean 'minimax'"),
        ("minimax[tune_batch=64]", "at least `tune_batch` (64) training images, got the 8"),
        ("minimax[epoch=1]", "Did you mean 'epochs'"),
        ("", "needs a tuning and a set"),
        ("minimax[tune_per_seed=true]", "write `tune_seed=1`"),
    ],
)
def test_wrong_requests_are_refused_in_one_sentence(tune, tuning, words):
    answer = tune(tuning=tuning)
    assert answer.status == 2
    assert words in answer.err
    assert len(answer.err.strip().splitlines()) == 1


def test_a_set_whose_classes_the_generator_does_not_know_is_refused(bench, tiny_set):
    answer = bench("tune", "minimax", "--datasets", f"tiny=folder:{tiny_set}")
    assert answer.status == 2
    assert "No generator is meant" in answer.err


def test_classes_of_other_names_are_mapped_as_in_a_run(bench, tmp_path, known_set):
    (known_set / "train" / "boat").rename(known_set / "train" / "ship")
    (known_set / "val" / "boat").rename(known_set / "val" / "ship")
    where = ("--datasets", f"known=folder:{known_set}", "--generator", "embedded")
    refused = bench("tune", TUNING, *where)
    assert refused.status == 2
    assert "does not know 1 of the 2 classes" in refused.err
    assert bench("tune", TUNING, *where, "--class-map", "ship:boat").status == 0


def test_all_sets_are_looked_at_before_the_first_is_tuned_to(bench, known_set, tiny_set, own_cache):
    both = f"known=folder:{known_set},tiny=folder:{tiny_set}"
    answer = bench("tune", TUNING, "--datasets", both, "--generator", "embedded")
    assert answer.status == 2
    assert not list(own_cache.glob("artefacts/TunedRun-*"))

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bench.artefacts import ArtefactStore
from bench.augment.colour import normalised
from bench.backbones import build_student
from bench.backbones.students import ConvNet
from bench.context import Context
from bench.errors import BenchError
from bench.images import ArrayImages
from bench.sets import DatasetCard, ImageSet, RealSet
from bench.streams import Streams
from bench.surrogates import trajectory
from bench.surrogates.trajectory import Trajectory
from bench.training.schedule import learning_rate

CPU = torch.device("cpu")
SHORT = Trajectory("tiny", "a" * 64, "convnet1[width=4]", 1, resolution=8, epochs=3, batch=16)
PLAIN = replace(SHORT, jitter=0.0, lighting=0.0, flip=0.0, crop_scale=(1.0, 1.0))
"""Training without augmentation."""


class Killed(Exception):
    pass


@pytest.fixture
def ctx(tmp_path):
    labels = np.repeat([0, 1], 20)
    pixels = np.random.default_rng(0).integers(256, size=(40, 8, 8, 3)).astype(np.uint8)
    card = DatasetCard(
        name="tiny",
        classes=("dark", "light"),
        class_names=("dark", "light"),
        train_split="made",
        test_split="made",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=(20, 20),
        resolution=8,
        features="convnet1[width=4]@8",
    )
    train = ImageSet(ArrayImages(pixels), labels, card.train_revision)
    nothing = ImageSet(ArrayImages(pixels[:0]), labels[:0], card.test_revision)
    real = RealSet(card, train, nothing)
    store = ArtefactStore(tmp_path / "cache")
    return Context(CPU, Streams((0,)), tmp_path, store, {"tiny": real}.__getitem__)


def built(artefact, ctx, folder):
    folder.mkdir(exist_ok=True)
    artefact.build(ctx.for_artefact(artefact.seed, folder), folder)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_parameters_are_kept_before_training_and_after_every_epoch(ctx, tmp_path):
    folder = built(SHORT, ctx, tmp_path / "made")
    names = {f"epoch-{index:03d}.safetensors" for index in range(4)}
    assert {path.name for path in folder.iterdir()} == {*names, "trajectory.json"}
    states = [load_file(folder / name)["classifier.weight"] for name in sorted(names)]
    for one, other in itertools.pairwise(states):
        assert not torch.equal(one, other)


def test_the_first_checkpoint_is_the_fresh_network(ctx, tmp_path):
    surrogate = SHORT.load(built(SHORT, ctx, tmp_path / "made"), CPU)
    streams = ctx.for_artefact(0, tmp_path).streams
    fresh = build_student(
        ConvNet(1, width=4), num_classes=2, image_size=8, seed=streams.integer("init")
    )
    state = surrogate.state(0)
    assert list(state) == [name for name, _ in fresh.named_parameters()] == list(surrogate.names)
    for name, value in fresh.named_parameters():
        assert torch.equal(state[name], value)


def test_the_checkpoints_are_those_of_a_plain_loop_of_sgd_at_one_rate(ctx, tmp_path):
    surrogate = PLAIN.load(built(PLAIN, ctx, tmp_path / "made"), CPU)
    train, streams = ctx.real("tiny").train, ctx.for_artefact(0, tmp_path).streams
    images = normalised(torch.tensor(train.images.pixels).permute(0, 3, 1, 2))
    labels = torch.tensor(train.labels)
    network = ConvNet(1, width=4).build(2, 8, "instance")
    network.load_state_dict(surrogate.state(0))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    for epoch in range(3):
        for rows in torch.randperm(40, generator=streams.torch("order", epoch)).split(16):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(images[rows]), labels[rows]).backward()
            optimizer.step()
        state = surrogate.state(epoch + 1)
        for name, value in network.named_parameters():
            torch.testing.assert_close(state[name], value.detach(), rtol=1e-4, atol=1e-5)


def test_the_rate_never_falls():
    recipe = replace(SHORT, epochs=50)._recipe()
    assert {learning_rate(recipe, epoch) for epoch in range(50)} == {0.01}
    assert (recipe.mix, recipe.optimizer) == ("none", "sgd")


def test_it_is_loaded_for_asking_alone(ctx, tmp_path):
    surrogate = SHORT.load(built(SHORT, ctx, tmp_path / "made"), CPU)
    assert surrogate.num_checkpoints == 4
    assert not surrogate.network.training
    assert not any(p.requires_grad for p in surrogate.network.parameters())


def test_what_it_has_learned_is_written_down(ctx, tmp_path):
    facts = json.loads((built(SHORT, ctx, tmp_path / "made") / "trajectory.json").read_text())
    assert facts["classes"] == 2
    assert facts["updates"] == 3 * 3
    assert len(facts["loss"]) == len(facts["accuracy"]) == 3


def test_a_kill_is_gone_on_from_to_the_same_bytes(ctx, tmp_path, monkeypatch):
    monkeypatch.setattr(trajectory, "KEEP_EVERY", 0.0)
    whole = contents(built(SHORT, ctx, tmp_path / "whole"))
    folder = tmp_path / "killed"

    def kill(done, total):
        if done == 2 * total // 3:
            raise Killed

    calls = []
    with pytest.raises(Killed):
        built(SHORT, replace(ctx, progress=kill), folder)
    assert (folder / "training.safetensors").is_file()
    resumed = replace(ctx, progress=lambda done, total: calls.append(done))
    assert contents(built(SHORT, resumed, folder)) == whole
    assert calls == [6, 9]  # of 9 updates: the first epoch was kept


def test_another_seed_is_another_network(ctx, tmp_path):
    one, other = (
        contents(built(replace(SHORT, seed=seed), ctx, tmp_path / f"{seed}")) for seed in (0, 1)
    )
    assert one["epoch-000.safetensors"] != other["epoch-000.safetensors"]


def test_another_real_set_of_that_name_is_refused(ctx, tmp_path):
    with pytest.raises(BenchError, match=r"'tiny' .* revision cccc"):
        built(replace(SHORT, train_revision="c" * 64), ctx, tmp_path / "made")

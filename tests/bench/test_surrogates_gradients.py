from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from bench.augment.colour import normalised
from bench.backbones import build_student
from bench.backbones.students import ConvNet
from bench.context import Context
from bench.images import ArrayImages
from bench.sets import DatasetCard, ImageSet, RealSet
from bench.streams import Streams
from bench.surrogates.gradients import ClassGradients, batch_gradient
from bench.surrogates.selection import mean_cosine, selected
from bench.surrogates.trajectory import Trajectory

CPU = torch.device("cpu")
TRAJECTORY = Trajectory("tiny", "a" * 64, "convnet1[width=4]", 1, resolution=8, epochs=5)
GRADIENTS = ClassGradients(TRAJECTORY, count=7, batch=3)
SIZES = (9, 4, 7)


class Killed(Exception):
    pass


class Wandering:
    """A surrogate that was never trained: every checkpoint has random parameters."""

    def __init__(self):
        network = build_student(ConvNet(1, width=4), num_classes=3, image_size=8, seed=0)
        self.network = network.eval().requires_grad_(False)
        self.num_checkpoints = 6
        self.asked = []

    def state(self, index):
        self.asked.append(index)
        rng = torch.Generator().manual_seed(index // 2)  # pairs are alike
        return {
            name: value + 0.2 * torch.randn(value.shape, generator=rng) + 0.01 * index
            for name, value in self.network.named_parameters()
        }


@dataclass
class Given:
    """Gives the surrogate and decodes images; builds nothing."""

    surrogate: Wandering

    def get(self, artefact, ctx):
        return self.surrogate

    def pixels(self, images, prefix):
        return images.images.pixels.transpose(0, 3, 1, 2)


@pytest.fixture
def ctx(tmp_path):
    # Not in the order of their classes, as no set need be.
    labels = np.random.default_rng(1).permutation(np.repeat([0, 1, 2], SIZES))
    pixels = np.random.default_rng(0).integers(256, size=(20, 8, 8, 3)).astype(np.uint8)
    card = DatasetCard(
        name="tiny",
        classes=("a", "b", "c"),
        class_names=("a", "b", "c"),
        train_split="made",
        test_split="made",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=SIZES,
        resolution=8,
        features="convnet1[width=4]@8",
    )
    train = ImageSet(ArrayImages(pixels), labels, card.train_revision)
    real = RealSet(card, train, train)
    store = Given(Wandering())
    return Context(CPU, Streams((0,)), tmp_path, store, {"tiny": real}.__getitem__)


def built(artefact, ctx, folder):
    folder.mkdir(exist_ok=True)
    artefact.build(ctx, folder)
    return artefact.load(folder, CPU)


def by_a_loop(ctx, index, label, count=7, batch=3):
    """Return the mean over batches of the gradient of the mean loss, by ordinary backward."""
    surrogate, train = ctx.artefacts.surrogate, ctx.real("tiny").train
    network = ConvNet(1, width=4).build(3, 8, "instance")
    network.load_state_dict(surrogate.state(index))
    rows = [row for row in range(20) if train.labels[row] == label][:count]
    found = []
    for part in (rows[at : at + batch] for at in range(0, len(rows), batch)):
        network.zero_grad()
        images = normalised(torch.tensor(train.images.pixels[part]).permute(0, 3, 1, 2))
        loss = torch.nn.functional.cross_entropy(network(images), torch.full((len(part),), label))
        loss.backward()
        found.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
    return torch.stack(found).mean(dim=0).numpy()


# --- the choice of checkpoints -------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_every_choice_is_the_first_that_differs_from_the_one_before(seed):
    similarity = np.random.default_rng(seed).uniform(size=(30, 30))
    expected = [0]
    while True:
        differing = np.flatnonzero(similarity[expected[-1]] < 0.15)
        later = differing[differing > expected[-1]]
        if not len(later):
            break
        expected.append(int(later.min()))
    assert selected(lambda one, other: similarity[one, other], 29, 0.15) == tuple(expected)


def test_a_cosine_of_exactly_the_threshold_is_not_another_checkpoint():
    assert selected(lambda one, other: 0.7, 3, 0.7) == (0,)
    assert selected(lambda one, other: 0.69, 3, 0.7) == (0, 1, 2, 3)


def test_the_mean_cosine_is_that_over_classes():
    x, y = np.array([3.0, 4.0], np.float32), np.array([4.0, 3.0], np.float32)
    assert mean_cosine([(x, y), (x, -x)]) == pytest.approx((24 / 25 - 1) / 2)
    assert mean_cosine([(x, 5 * x), (x, 0 * x)]) == pytest.approx(0.5)


# --- the artefact --------------------------------------------------------------------------------


def test_targets_are_the_mean_gradients_of_the_first_images_of_a_class(ctx, tmp_path):
    targets = built(replace(GRADIENTS, checkpoints=(1, 4)), ctx, tmp_path / "made")
    assert targets.indices == (1, 4)
    for label in range(3):  # of 9, 4 and 7 images, 7 at most, in batches of 3
        units, norms = targets.of_class(label)
        assert (units.dtype, norms.dtype) == (np.float16, np.float32)
        for place, index in enumerate((1, 4)):
            expected = by_a_loop(ctx, index, label)
            found = units[place].astype(float) * norms[place]
            assert norms[place] == pytest.approx(np.linalg.norm(expected), rel=1e-5)
            np.testing.assert_allclose(found, expected, atol=1e-3 * norms[place])


@pytest.mark.parametrize("threshold", [0.5, 0.9])
def test_checkpoints_are_selected_by_the_mean_cosine_of_classes(ctx, tmp_path, threshold):
    targets = built(replace(GRADIENTS, threshold=threshold), ctx, tmp_path / "made")
    found = {(i, c): by_a_loop(ctx, i, c).astype(float) for i in range(6) for c in range(3)}
    expected = [0]
    for index in range(1, 6):
        pairs = [(found[expected[-1], c], found[index, c]) for c in range(3)]
        cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairs]
        if np.mean(cosines) < threshold:
            expected.append(index)
    assert targets.indices == tuple(expected)
    assert targets.of_class(0)[0].shape[0] == len(expected)


@pytest.mark.parametrize(("threshold", "expected"), [(1.1, tuple(range(6))), (-1.1, (0,))])
def test_thresholds_beyond_a_cosine_take_all_or_the_first(ctx, tmp_path, threshold, expected):
    assert (
        built(replace(GRADIENTS, threshold=threshold), ctx, tmp_path / "made").indices == expected
    )


def test_nothing_of_the_walk_stays_but_what_was_compared(ctx, tmp_path):
    built(GRADIENTS, ctx, tmp_path / "made")
    names = {path.name for path in (tmp_path / "made").iterdir()}
    files = {f"000{label}{end}" for label in range(3) for end in (".npy", ".norm.npy")}
    assert names == {*files, "similarities.json", "targets.json"}


def test_a_kill_on_the_walk_costs_no_comparison_and_changes_no_byte(ctx, tmp_path):
    spec = replace(GRADIENTS, threshold=0.9)
    built(spec, ctx, tmp_path / "whole")

    def kill(done, total):
        if done == 3:
            raise Killed

    with pytest.raises(Killed):
        built(spec, replace(ctx, progress=kill), tmp_path / "killed")
    ctx.artefacts.surrogate.asked.clear()
    built(spec, ctx, tmp_path / "killed")
    assert not {1, 3} & set(ctx.artefacts.surrogate.asked)
    one, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("whole", "killed")
    )
    assert one == other


def test_a_batch_that_does_not_fit_is_taken_in_parts():
    surrogate = Wandering()
    images = torch.randn(7, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    state = surrogate.state(0)
    whole = batch_gradient(surrogate.network, state, images, 1)

    class Small(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = surrogate.network

        def forward(self, images):
            if len(images) > 2:
                raise torch.OutOfMemoryError
            return self.inner(images)

    inner = {f"inner.{name}": value for name, value in state.items()}
    torch.testing.assert_close(batch_gradient(Small(), inner, images, 1), whole)

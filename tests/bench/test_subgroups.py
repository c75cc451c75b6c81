"""S3: the search against brute force and the published formulas, and the choice from images."""

import itertools
import math
import re
import weakref
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bench.context import Context
from bench.features import TrainedNetwork
from bench.generators import find_generator
from bench.preparation.statistics import ClassStatistics
from bench.sampling.subgroup_search import Weights, choices, nearness, objective, search
from bench.sampling.subgroups import S3
from bench.sets import DatasetCard
from bench.streams import Streams

WEIGHTS = Weights(alpha=0.4, beta=0.9)


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _instance(seed, classes, groups, width=5):
    """Return random centres `[C, G, d]` and real centres `[C, d]`."""
    rng = np.random.default_rng(seed)
    return (
        _unit(rng.normal(size=(classes, groups, width))),
        _unit(rng.normal(size=(classes, width))),
    )


def _by_loops(centres, real, choice, alpha, beta, eps):
    """Return the code's objective as it is written: two sums over classes, one pair at a time."""
    near = sum(-math.log(1 - centres[c, g] @ real[c] + eps) for c, g in enumerate(choice))
    pairs = itertools.combinations(range(len(choice)), 2)
    apart = sum(math.log(1 - centres[a, choice[a]] @ centres[b, choice[b]] + eps) for a, b in pairs)
    return alpha * near + beta * apart


def _paper(centres, real, choice, alpha, beta, eps):
    """Return the paper's loss, which is minimised: a mean over the other classes, for every one."""
    count = len(choice)
    chosen = [centres[c, g] for c, g in enumerate(choice)]
    near = sum(math.log(1 - k @ r + eps) for k, r in zip(chosen, real, strict=True))
    apart = sum(
        math.log(1 - chosen[a] @ chosen[b] + eps)
        for a, b in itertools.permutations(range(count), 2)
    )
    return alpha * near - beta / (count - 1) * apart


def _start(centres, real):
    return nearness(centres, real, WEIGHTS.eps).argmax(axis=1)


def _all_choices(classes, groups):
    return [np.array(c) for c in itertools.product(range(groups), repeat=classes)]


def test_the_objective_is_the_one_of_the_code():
    centres, real = _instance(0, classes=5, groups=3)
    choice = np.array([2, 0, 1, 1, 0])
    expected = _by_loops(centres, real, choice, WEIGHTS.alpha, WEIGHTS.beta, WEIGHTS.eps)
    assert objective(centres, real, choice, WEIGHTS) == pytest.approx(expected, rel=1e-12)


def test_the_papers_loss_is_the_objective_with_another_beta():
    centres, real = _instance(1, classes=7, groups=2)
    spec = S3(alpha=0.3, beta=0.8, convention="paper")
    for choice in _all_choices(7, 2)[::9]:
        loss = _paper(centres, real, choice, 0.3, 0.8, spec.eps)
        found = objective(centres, real, choice, spec.weights(num_classes=7))
        assert found == pytest.approx(-loss, abs=1e-10)


def test_the_released_beta_of_ten_classes_is_four_and_a_half_times_as_large_in_the_papers_units():
    code = S3(alpha=0.4, beta=0.9).weights(num_classes=10)
    paper = S3(alpha=0.4, beta=0.9 * 4.5, convention="paper").weights(num_classes=10)
    assert paper.beta == pytest.approx(code.beta)


@pytest.mark.parametrize("seed", range(20))
def test_no_accepted_move_makes_it_worse_and_every_one_changes_one_class(seed):
    centres, real = _instance(seed, classes=8, groups=4)
    path = list(choices(centres, real, np.zeros(8, np.int64), WEIGHTS, sweeps=5))
    values = [objective(centres, real, choice, WEIGHTS) for choice in path]
    assert all(later > earlier for earlier, later in itertools.pairwise(values))
    assert all((b != a).sum() == 1 for a, b in itertools.pairwise(path))


@pytest.mark.parametrize("seed", range(20))
def test_the_end_lies_between_the_start_and_the_best_of_all(seed):
    centres, real = _instance(seed, classes=4, groups=3)
    start = _start(centres, real)
    found = objective(centres, real, search(centres, real, start, WEIGHTS, 5), WEIGHTS)
    best = max(objective(centres, real, c, WEIGHTS) for c in _all_choices(4, 3))
    assert objective(centres, real, start, WEIGHTS) <= found <= best + 1e-12


@pytest.mark.parametrize("seed", range(10))
def test_after_enough_sweeps_no_single_class_could_do_better(seed):
    centres, real = _instance(seed, classes=5, groups=3)
    found = search(centres, real, _start(centres, real), WEIGHTS, sweeps=100)
    value = objective(centres, real, found, WEIGHTS)
    for label, group in itertools.product(range(5), range(3)):
        other = found.copy()
        other[label] = group
        assert objective(centres, real, other, WEIGHTS) <= value + 1e-12


@pytest.mark.parametrize("seed", range(10))
def test_it_is_the_best_of_all_where_classes_do_not_matter_to_each_other(seed):
    centres, real = _instance(seed, classes=3, groups=3)
    alone = Weights(alpha=1.0, beta=0.0)
    found = search(centres, real, np.zeros(3, np.int64), alone, sweeps=1)
    best = max(_all_choices(3, 3), key=lambda c: objective(centres, real, c, alone))
    assert (found == best).all()


@pytest.mark.parametrize("seed", range(10))
def test_it_is_the_best_of_all_with_a_single_class_that_can_choose(seed):
    centres, real = _instance(seed, classes=3, groups=3)
    centres[1:] = centres[1:, :1]  # two classes whose groups are all alike
    found = search(centres, real, np.zeros(3, np.int64), WEIGHTS, sweeps=1)
    best = max(objective(centres, real, c, WEIGHTS) for c in _all_choices(3, 3))
    assert objective(centres, real, found, WEIGHTS) == pytest.approx(best)


@pytest.mark.parametrize("first", [0, 1, 2])
def test_planted_groups_are_found_from_anywhere(first):
    """One group of every class lies at its real centre, and these are orthogonal to each other."""
    real = np.eye(4, 12)
    rng = np.random.default_rng(0)
    centres = _unit(np.abs(rng.normal(size=(4, 3, 12))) + 0.5)  # near each other, far from real
    planted = np.array([2, 0, 1, 2])
    centres[np.arange(4), planted] = real
    start = np.full(4, first)
    assert (search(centres, real, start, WEIGHTS, 5) == planted).all()


def test_without_distance_between_classes_the_nearest_groups_stay():
    centres, real = _instance(3, classes=6, groups=4)
    start = _start(centres, real)
    assert (search(centres, real, start, Weights(0.5, 0.0), 5) == start).all()


def test_groups_under_other_numbers_are_the_same_groups():
    centres, real = _instance(4, classes=6, groups=4)
    order = np.array([2, 3, 1, 0])
    found = search(centres, real, _start(centres, real), WEIGHTS, 5)
    again = search(centres[:, order], real, _start(centres[:, order], real), WEIGHTS, 5)
    assert (order[again] == found).all()


def test_one_group_leaves_nothing_to_choose():
    centres, real = _instance(5, classes=4, groups=1)
    assert (search(centres, real, np.zeros(4, np.int64), WEIGHTS, 5) == 0).all()


def test_groups_that_coincide_are_finite():
    centres = np.ones((2, 2, 1))
    assert np.isfinite(objective(centres, np.ones((2, 1)), np.zeros(2, np.int64), WEIGHTS))


# The choice from images.

PALETTE = np.array([[230, 20, 20], [20, 230, 20], [20, 20, 230]], np.uint8)
CLASSES = ("n00", "n01", "n02")


def _features(colours):
    """Return the unit features of colours `[..., 3]`: ImageNet's normalisation, then length 1."""
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return _unit((np.asarray(colours) / 255 - mean) / std)


@dataclass
class _Store:
    """Gives a network that averages colours, and real centres that were put in."""

    centres: np.ndarray
    asked: list[Any] = field(default_factory=list)

    def get(self, artefact, ctx):
        self.asked.append(artefact)
        if isinstance(artefact, ClassStatistics):
            return SimpleNamespace(unit_mean=self.centres.astype(np.float32))
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))


def _card(name="tiny", features="convnet1[width=4]@8", classes=CLASSES):
    return DatasetCard(
        name=name,
        classes=classes,
        class_names=classes,
        train_split="made",
        test_split="made",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=(6,) * len(classes),
        resolution=8,
        features=features,
    )


def _context(tmp_path, centres, seed=0):
    store: Any = _Store(centres)
    return Context(torch.device("cpu"), Streams((seed,)), tmp_path, store, {}.__getitem__)


def _painted(colours, ipc):
    """Return images `[G * ipc, 8, 8, 3]` of groups of one colour each."""
    return np.repeat(colours, ipc, axis=0)[:, None, None].repeat(8, 1).repeat(8, 2)


def _resolved(**fields):
    fields = {"groups": 3, "alpha": 1.0, "beta": 1.0, "encoder": "convnet1[width=4]@8", **fields}
    return S3(**fields)


@pytest.mark.parametrize("block", [1, 2, 4, 12])
def test_the_painted_group_of_every_class_is_chosen_whatever_the_blocks(tmp_path, block):
    """Class c's own colour is that of its group (c + 1) % 3; its other groups are grey."""
    groups = np.full((3, 3, 3), 128, np.uint8)
    planted = np.array([1, 2, 0])
    groups[np.arange(3), planted] = PALETTE

    def images(label):
        rows = _painted(groups[label], ipc=4)
        return (rows[start : start + block] for start in range(0, 12, block))

    ctx = _context(tmp_path, _features(PALETTE))
    assert _resolved().choose(_card(), 4, images, ctx).tolist() == planted.tolist()


def test_a_group_counts_by_the_mean_of_its_images_directions(tmp_path):
    """Group 0 mixes two colours evenly and is nearer to their bisector than one of them alone."""
    mixed = np.concatenate([_painted(PALETTE[[0]], 1), _painted(PALETTE[[1]], 1)])
    alone = _painted(PALETTE[[0, 0]], 1)
    bisector = _unit(_features(PALETTE[0]) + _features(PALETTE[1]))
    ctx = _context(tmp_path, bisector[None])
    spec = _resolved(groups=2)
    card = _card(classes=("n00",))
    assert spec.choose(card, 2, lambda _: iter([mixed, alone]), ctx).tolist() == [0]
    assert spec.choose(card, 2, lambda _: iter([alone, mixed]), ctx).tolist() == [1]


def test_images_larger_than_the_encoder_takes_are_made_smaller(tmp_path):
    groups = np.full((3, 3, 3), 128, np.uint8)
    groups[np.arange(3), [1, 2, 0]] = PALETTE
    ctx = _context(tmp_path, _features(PALETTE))

    def images(label):
        yield _painted(groups[label], ipc=1).repeat(4, 1).repeat(4, 2)

    assert _resolved().choose(_card(), 1, images, ctx).tolist() == [1, 2, 0]


def test_one_block_of_images_is_alive_at_a_time(tmp_path):
    alive, most = weakref.WeakValueDictionary(), []

    def images(label):
        for number in range(6):
            block = _painted(PALETTE[[label]], ipc=2)
            alive[label, number] = block
            most.append(len(alive))
            yield block
            del block

    _resolved().choose(_card(), 4, images, _context(tmp_path, _features(PALETTE)))
    assert len(most) == 18
    assert max(most) <= 2  # the one that is made, and the one that is just let go


def test_a_random_start_follows_from_the_seed(tmp_path):
    """Without any weight nothing is moved, and the start is what comes out."""
    spec = _resolved(start="random", groups=50, alpha=0.0, beta=0.0)

    def images(label):
        yield _painted(np.full((50, 3), 100, np.uint8), ipc=1)

    def choice(seed):
        ctx = _context(tmp_path, _features(PALETTE), seed)
        return spec.choose(_card(), 1, images, ctx).tolist()

    assert choice(0) == choice(0)
    assert choice(0) != choice(1)


def test_what_it_needs_is_the_real_centres_and_the_encoder(tmp_path):
    spec = _resolved(num_real=7)
    centres, network = spec.needs(_card())
    assert isinstance(centres, ClassStatistics)
    assert (centres.count, centres.of.features) == (7, "convnet1[width=4]@8")
    assert isinstance(network, TrainedNetwork)
    assert network.resolution == 8


@pytest.mark.parametrize(
    ("name", "features", "generator", "encoder"),
    [
        ("shapewoof", "embedded", "embedded", "embedded"),
        ("shapewoof", "embedded", "dit-xl-2-256", "embedded"),
        ("imagewoof", "resnetap10@224", "dit-xl-2-256", "resnet18-imagenet"),
        ("pets", "resnetap10@224", "sd-v1-5", "resnetap10@224"),
    ],
)
def test_the_encoder_has_seen_imagenet_only_where_the_generator_has(
    name, features, generator, encoder
):
    spec = S3().resolve(_card(name, features), find_generator(generator))
    assert spec.encoder == encoder
    assert spec.uses_imagenet_labels == (encoder == "resnet18-imagenet")


@pytest.mark.parametrize(
    ("name", "weights"),
    [("imagewoof", (0.4, 0.9)), ("shapewoof", (0.4, 0.9)), ("imagenette", (0.5, 0.5))],
)
def test_weights_are_the_released_ones_on_imagewoof_and_balanced_elsewhere(name, weights):
    spec = S3().resolve(_card(name), find_generator("embedded"))
    assert (spec.alpha, spec.beta) == weights


def test_weights_that_are_given_stay():
    spec = S3(alpha=0.0, encoder="embedded").resolve(_card("imagewoof"), find_generator("embedded"))
    assert (spec.alpha, spec.beta, spec.encoder) == (0.0, 0.9, "embedded")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"groups": 0}, "`groups` must be at least 1, got 0."),
        ({"alpha": -0.1}, "`alpha` must be at least 0"),
        ({"eps": 0.0}, "`eps` must be above 0"),
        ({"encoder": ""}, "`encoder` must name a network"),
    ],
)
def test_a_value_out_of_range_is_refused_in_one_sentence(fields, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        S3(**fields)

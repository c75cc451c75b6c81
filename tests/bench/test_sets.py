from __future__ import annotations

import numpy as np
import pytest

from bench.errors import UsageError
from bench.images import ArrayImages
from bench.sets import DatasetCard, DistilledSet, ImageSet, RealSet

SIZES = {"a": 20, "b": 7, "c": 2}


def _real(sizes=SIZES, order=None):
    """A set whose image i has the value i in every pixel."""
    labels = np.repeat(np.arange(len(sizes)), list(sizes.values()))
    if order is not None:
        labels = labels[order]
    pixels = np.broadcast_to(
        np.arange(len(labels), dtype=np.uint8)[:, None, None, None], (len(labels), 2, 2, 3)
    )
    train = ImageSet(ArrayImages(pixels), labels, "train-revision")
    test = ImageSet(ArrayImages(pixels[:3]), np.arange(3), "test-revision")
    card = DatasetCard(
        "abc", tuple(sizes), tuple(sizes), "folder", "folder:val",
        "train-revision", "test-revision", tuple(sizes.values()), 32, "convnet3[width=64]@32",
    )  # fmt: skip
    return RealSet(card, train, test)


def _values(part):
    return [int(part.images.decode(i)[0, 0, 0]) for i in range(len(part))]


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_held_out_images_and_the_rest_are_disjoint_and_cover_the_training_set(fraction):
    real = _real(order=np.random.default_rng(0).permutation(29))
    split = real.hold_out(fraction)
    train, test = _values(split.train), _values(split.test)
    assert set(train).isdisjoint(test)
    assert sorted(train + test) == list(range(29))


def test_every_held_out_image_keeps_its_label():
    real = _real(order=np.random.default_rng(0).permutation(29))
    split = real.hold_out(0.3)
    for part in (split.train, split.test):
        assert part.labels.tolist() == [int(real.train.labels[k]) for k in _values(part)]


@pytest.mark.parametrize(
    ("fraction", "held"), [(0.25, [5, 2, 1]), (0.01, [1, 1, 1]), (0.99, [19, 6, 1])]
)
def test_a_fraction_of_every_class_is_held_out_but_never_none_or_all(fraction, held):
    split = _real().hold_out(fraction)
    assert np.bincount(split.test.labels).tolist() == held
    assert split.card.class_sizes == tuple(
        size - taken for size, taken in zip(SIZES.values(), held, strict=True)
    )
    assert split.card.num_train == len(split.train)


def test_it_is_the_same_every_time_and_another_for_another_seed():
    first, again, other = (_values(_real().hold_out(0.5, seed).test) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_class_is_split_alike_whatever_other_classes_there_are():
    alone = _real({"a": 20}).hold_out(0.5)
    together = _real().hold_out(0.5)
    assert _values(alone.test) == [k for k in _values(together.test) if k < 20]


def test_both_parts_have_revisions_of_their_own_that_tell_the_recipe():
    real = _real()
    splits = [real.hold_out(0.5), real.hold_out(0.25), real.hold_out(0.5, seed=1)]
    revisions = [part.revision for split in splits for part in (split.train, split.test)]
    assert len({*revisions, "train-revision", "test-revision"}) == 8
    assert all(s.card.train_revision == s.train.revision for s in splits)
    assert all(s.card.test_revision == s.test.revision for s in splits)
    assert len({s.card.test_split for s in splits} | {real.card.test_split}) == 4
    assert real.hold_out(0.5).card == splits[0].card


def test_the_set_itself_is_left_alone():
    real = _real()
    before = real.card
    real.hold_out(0.5)
    assert real.card == before
    assert len(real.train) == 29


def test_a_part_can_be_split_again():
    twice = _real({"a": 20, "b": 12}).hold_out(0.25).hold_out(0.25)
    assert set(_values(twice.train)).isdisjoint(_values(twice.test))
    assert len(twice.train) + len(twice.test) == 24


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 2.0, float("nan")])
def test_a_fraction_outside_zero_and_one_is_refused(fraction):
    with pytest.raises(UsageError, match="`fraction` must lie strictly between 0 and 1"):
        _real().hold_out(fraction)


def test_a_class_of_one_image_is_refused():
    with pytest.raises(UsageError, match="'b' can be held out of 2 images or more, got 1"):
        _real({"a": 5, "b": 1}).hold_out(0.5)


def test_the_indices_of_a_class_ascend():
    real = _real(order=np.random.default_rng(0).permutation(29))
    for label in range(3):
        found = real.train.of_class(label)
        assert found.tolist() == [i for i in range(29) if real.train.labels[i] == label]


def test_chosen_images_are_ordered_by_class_and_keep_their_order_within():
    real = _real(order=np.random.default_rng(0).permutation(29))
    chosen = np.array([28, 3, 17, 9, 0, 22])
    distilled = DistilledSet.of_indices(real, chosen)
    expected = sorted(chosen.tolist(), key=lambda i: int(real.train.labels[i]))
    assert _values(distilled) == expected
    assert distilled.labels.tolist() == [int(real.train.labels[i]) for i in expected]
    assert distilled.classes == ("a", "b", "c")

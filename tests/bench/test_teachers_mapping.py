import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bench.data.classes import class_list
from bench.errors import BenchError, UsageError
from bench.sets import DatasetCard
from bench.teachers.mapping import Ensemble, Mapped, columns, mapped, united
from bench.teachers.measured import counted
from bench.teachers.specs import WeightsFile
from bench.teachers.verdict import verdict

FILE = WeightsFile("x.safetensors")


def card(classes) -> DatasetCard:
    return DatasetCard(
        name="tiny",
        classes=tuple(classes),
        class_names=tuple(classes),
        train_split="folder",
        test_split="folder",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=(6,) * len(classes),
        resolution=16,
        features="convnet3@32",
    )


class Counting(nn.Module):
    """Answers every image with 0, 1, 2, ..."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()))
        self.outputs = outputs

    def forward(self, images):
        return torch.arange(float(self.outputs)).expand(len(images), -1)


def test_a_subset_of_imagenet_takes_its_own_outputs_in_its_own_order():
    places = columns(class_list("imagenet1k"), card(class_list("imagewoof")), "it")
    # protocols of the field number the classes of ImageWoof so in ImageNet
    assert places == (193, 182, 258, 162, 155, 167, 159, 273, 207, 229)
    answer = Mapped(Counting(1000), places)(torch.zeros(2, 3, 8, 8))
    assert answer.tolist() == [list(map(float, places))] * 2


def test_outputs_that_are_in_order_already_leave_the_network_as_it_is():
    network = Counting(3)
    assert mapped(network, (0, 1, 2), 3) is network
    assert mapped(network, (0, 1), 3) is not network
    assert mapped(network.eval(), (2, 1, 0), 3).training is False


def test_the_mean_is_taken_of_logits():
    one, other = nn.Linear(4, 3), nn.Linear(4, 3)
    x = torch.rand(5, 4)
    torch.testing.assert_close(Ensemble([one, other])(x), (one(x) + other(x)) / 2)
    assert united([one]) is one


def test_no_ids_mean_that_output_k_is_label_k():
    assert columns((), card("abc"), "it") == (0, 1, 2)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ("ab", r"'it' answers 2 classes, but 'tiny' has 3: name a teacher of that set"),
        ("abd", r"'it' does not know class 'c' of 'tiny' \(its outputs begin 'a', 'b', \.\.\.\)"),
        ("abde", r"does not know class 'c'"),
        ("abcc", r"two outputs for class 'c'"),
    ],
)
def test_other_classes_are_refused(known, said):
    with pytest.raises(UsageError, match=said):
        columns(tuple(known), card("abc"), "it")


def answers_of(labels, accuracy, num_classes, rng):
    """Return answers that are right as often as said, and anything else otherwise."""
    wrong = (labels + rng.integers(1, num_classes, len(labels))) % num_classes
    return np.where(rng.random(len(labels)) < accuracy, labels, wrong)


@settings(max_examples=40, deadline=None)
@given(
    num_classes=st.integers(3, 12),
    accuracy=st.floats(0.6, 1.0),
    seed=st.integers(0, 10**6),
    data=st.data(),
)
def test_the_order_of_a_good_teacher_is_found_whatever_it_is(num_classes, accuracy, seed, data):
    order = np.array(data.draw(st.permutations(range(num_classes))))
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), 60)
    right = answers_of(labels, accuracy, num_classes, rng)
    facts = counted(order[right], labels, num_classes, num_classes)
    assert np.array_equal(np.array(facts.permutation)[order], np.arange(num_classes))
    assert facts.permuted_top1 == pytest.approx(100 * (right == labels).mean(), abs=1e-9)
    classes = [f"c{number}" for number in range(num_classes)]
    moved = np.mean(order != np.arange(num_classes))
    if moved * accuracy > 0.45:  # well beyond the threshold of 10 points and 5 standard errors
        with pytest.raises(BenchError, match="its class order is not that of 'tiny'"):
            verdict(facts, card(classes), FILE)
    if moved == 0:
        assert facts.top1 == facts.permuted_top1


@settings(max_examples=60, deadline=None)
@given(
    num_classes=st.integers(2, 100),
    each=st.sampled_from([1, 2, 5, 10, 50]),
    accuracy=st.floats(0.0, 0.6),
    seed=st.integers(0, 10**6),
)
def test_a_weak_teacher_is_not_taken_for_one_in_another_order(num_classes, each, accuracy, seed):
    rng = np.random.default_rng(seed)
    chance = 1.0 / num_classes
    labels = np.repeat(np.arange(num_classes), each)
    given_answers = answers_of(labels, max(accuracy, chance), num_classes, rng)
    facts = counted(given_answers, labels, num_classes, num_classes)
    verdict(facts, card([f"c{number}" for number in range(num_classes)]), FILE)


def test_a_teacher_that_answers_everything_alike_is_at_chance_and_not_in_another_order():
    labels = np.repeat(np.arange(10), 50)
    facts = counted(np.full(500, 3), labels, 10, 10)
    assert facts.top1 == facts.permuted_top1 == 10.0
    assert "no more than chance" in verdict(facts, card([f"c{k}" for k in range(10)]), FILE)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_best_assignment_is_that_of_all_there_are(seed):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4), 12)
    given_answers = rng.integers(0, 4, len(labels))
    facts = counted(given_answers, labels, 4, 4)
    best = max(
        (np.array(order)[given_answers] == labels).mean()
        for order in itertools.permutations(range(4))
    )
    found = (np.array(facts.permutation)[given_answers] == labels).mean()
    assert found == pytest.approx(best)


def test_the_sentence_names_both_accuracies_and_what_an_output_answers():
    labels = np.repeat(np.arange(3), 100)
    facts = counted(np.array([1, 2, 0])[labels], labels, 3, 3)
    with pytest.raises(BenchError) as caught:
        verdict(facts, card(["ant", "bee", "cat"]), replace(FILE, path="/y/woof.safetensors"))
    assert str(caught.value) == (
        "The teacher 'file:woof.safetensors' gets 0.0 % of 300 test images of 'tiny' right as its "
        "classes are ordered, and 100.0 % in another order (the output of label 0 answers 'cat', "
        "label 2): its class order is not that of 'tiny'; import it anew with `--classes`."
    )

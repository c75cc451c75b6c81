"""The memories of Minimax Diffusion against deques and plain loops."""

from __future__ import annotations

from collections import defaultdict, deque

import numpy as np
import pytest
import torch

from bench.tuning.memory import Memories

CLASSES, SIZE, WIDTH = 4, 3, 5


def latents(seed, count=6, width=WIDTH):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=rng, dtype=torch.float64)


def empty(size=SIZE):
    return Memories(CLASSES, size, WIDTH).double()


def filled(size=SIZE):
    memories = empty(size)
    memories.push(torch.tensor([0, 0, 1, 2]), latents(1, 4), latents(2, 4))
    return memories


def unit(vector):
    return vector / np.linalg.norm(vector)


class ByDeques:
    """The same memories, as deques of NumPy vectors and loops over single pairs."""

    def __init__(self, size):
        self.real = defaultdict(lambda: deque(maxlen=size))
        self.guessed = defaultdict(lambda: deque(maxlen=size))

    def push(self, labels, real, guessed):
        for label, one, other in zip(labels.tolist(), real.numpy(), guessed.numpy(), strict=True):
            self.real[label].append(one)
            self.guessed[label].append(other)

    def terms(self, labels, guess):
        representative = diverse = 0.0
        present = sorted(set(labels.tolist()))
        for label in present:
            own = [g for g, other in zip(guess.numpy(), labels.tolist(), strict=True)
                   if other == label]  # fmt: skip
            if self.real[label]:
                cosines = [unit(g) @ unit(m) for g in own for m in self.real[label]]
                representative += (1.0 - min(cosines)) / len(present)
                cosines = [unit(g) @ unit(m) for g in own for m in self.guessed[label]]
                diverse += max(cosines) / len(present)
        return representative, diverse


def held(bank, memories, label):
    """Return what a class holds, the oldest first."""
    count, newest = int(memories.filled[label]), int(memories.next[label])
    places = [(newest - count + k) % memories.size for k in range(count)]
    return bank[label, places].numpy()


def test_the_first_visit_of_a_class_adds_nothing():
    memories = filled()
    terms = memories.terms(torch.tensor([3, 3]), latents(3, 2))
    assert [term.item() for term in terms] == [0.0, 0.0]


def test_an_empty_class_counts_among_the_classes_of_the_batch():
    memories, guess = filled(), latents(3, 2)
    alone = memories.terms(torch.tensor([0]), guess[:1])
    with_new = memories.terms(torch.tensor([0, 3]), guess)
    for one, half in zip(alone, with_new, strict=True):
        torch.testing.assert_close(half, one / 2)


def test_guesses_that_are_the_memory_are_representative_and_not_diverse():
    memories = empty()
    same = latents(4, 1)
    memories.push(torch.tensor([2]), same, 3 * same)
    representative, diverse = memories.terms(torch.tensor([2, 2]), torch.cat([2 * same, same]))
    assert representative.item() == pytest.approx(0.0, abs=1e-12)
    assert diverse.item() == pytest.approx(1.0)


def test_opposite_guesses_are_least_representative():
    memories = empty()
    memories.push(torch.tensor([2]), latents(4, 1), latents(4, 1))
    representative, diverse = memories.terms(torch.tensor([2]), -latents(4, 1))
    assert representative.item() == pytest.approx(2.0)
    assert diverse.item() == pytest.approx(-1.0)


@pytest.mark.parametrize("size", [1, 3, 64])
def test_memories_and_terms_are_those_of_deques_and_loops(size):
    memories, reference, rng = empty(size), ByDeques(size), np.random.default_rng(size)
    for visit in range(40):
        count = int(rng.integers(1, 9))
        labels = torch.from_numpy(rng.integers(0, CLASSES, count))
        guess, real = latents(2 * visit, count), latents(2 * visit + 1, count)
        for ours, theirs in zip(
            memories.terms(labels, guess), reference.terms(labels, guess), strict=True
        ):
            assert ours.item() == pytest.approx(theirs, abs=1e-12)
            assert -1.0 - 1e-12 <= ours.item() <= 2.0 + 1e-12
        memories.push(labels, real, guess)
        reference.push(labels, real, guess)
    for label in range(CLASSES):
        for bank, deques in (
            (memories.real, reference.real),
            (memories.guessed, reference.guessed),
        ):
            wanted = np.stack([unit(latent) for latent in deques[label]])
            np.testing.assert_allclose(held(bank, memories, label), wanted, atol=1e-12)


def test_the_oldest_go_even_within_one_batch():
    memories = empty(2)
    memories.push(torch.zeros(5, dtype=torch.int64), latents(1, 5), latents(2, 5))
    assert memories.filled.tolist() == [2, 0, 0, 0]
    wanted = [unit(latent) for latent in latents(1, 5).numpy()[-2:]]
    np.testing.assert_allclose(held(memories.real, memories, 0), wanted)


def test_gradients_are_those_of_finite_differences():
    memories, labels = filled(), torch.tensor([0, 1, 0, 3, 1])
    guess = latents(5, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: memories.terms(labels, x), guess)


def test_one_pair_of_a_class_carries_the_gradient():
    memories, labels = filled(), torch.tensor([0, 1, 0, 0, 1])
    for term in range(2):
        guess = latents(5, 5).requires_grad_()
        memories.terms(labels, guess)[term].backward()
        moved = guess.grad.abs().sum(1) > 0
        assert [int(moved[labels == label].sum()) for label in (0, 1)] == [1, 1]


def test_terms_do_not_depend_on_the_order_of_a_batch():
    memories, labels, guess = filled(), torch.tensor([0, 1, 0, 3, 1, 2]), latents(5)
    order = torch.tensor([5, 2, 0, 4, 1, 3])
    one, other = memories.terms(labels, guess), memories.terms(labels[order], guess[order])
    torch.testing.assert_close(one, other)


def test_memories_hold_no_gradient_and_are_kept_by_a_checkpoint():
    memories = empty()
    memories.push(torch.tensor([1]), latents(1, 1), latents(2, 1).requires_grad_())
    assert not any(buffer.requires_grad for buffer in memories.buffers())
    assert not list(memories.parameters())
    again = empty()
    again.load_state_dict(memories.state_dict())
    assert again.filled.tolist() == [0, 1, 0, 0]
    assert torch.equal(again.guessed, memories.guessed)

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.streams import Streams


def test_equal_seeds_and_keys_give_equal_numbers():
    one = torch.rand(5, generator=Streams((0, 1)).torch("augment", 3))
    two = torch.rand(5, generator=Streams((0, 1)).torch("augment", 3))
    assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((Streams((0,)), ("a",)), (Streams((1,)), ("a",))),
        ((Streams((0,)), ("a",)), (Streams((0,)), ("b",))),
        ((Streams((0,)), ("a", 1)), (Streams((0,)), ("a", 2))),
        ((Streams((0,)), ("a", "1")), (Streams((0,)), ("a", 1))),
        ((Streams((0, 1)), ("a",)), (Streams((1, 0)), ("a",))),
        ((Streams((0,)), ("a",)), (Streams((0,)), ())),
    ],
)
def test_another_seed_or_key_gives_other_numbers(one, other):
    first, second = (streams.numpy(*key).random(4) for streams, key in (one, other))
    assert not np.array_equal(first, second)


def test_the_root_stream_is_numpys_own_seed_sequence():
    expected = np.random.default_rng(np.random.SeedSequence((3, 4))).random(3)
    assert np.array_equal(Streams((3, 4)).numpy().random(3), expected)


def test_opening_a_stream_leaves_the_global_generators_alone():
    before = torch.get_rng_state()
    Streams((0,)).torch("x")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("number", [-1, 2**32])
def test_integers_outside_32_bits_are_refused(number):
    with pytest.raises(ValueError, match="2\\*\\*32"):
        Streams((0,)).sequence(number)

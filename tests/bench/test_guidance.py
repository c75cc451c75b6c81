import math
from types import SimpleNamespace

import pytest
import torch

from bench.errors import UsageError
from bench.guidance import (
    FULL,
    PerBatch,
    above,
    check_choice,
    check_class_sizes,
    check_fraction,
    check_not_negative,
    finite_or_nan,
    mode_pull,
    own_modes,
    per_element,
    published_row,
    within,
)
from bench.sampling.hook import Job
from bench.sampling.schedule import Schedule


def card(name="tiny", sizes=(30, 20, 20)):
    return SimpleNamespace(name=name, classes=("n00", "n01", "n02"), class_sizes=sizes)


def guided(steps, test, scheduler="ddpm"):
    return [level.i for level in Schedule.of(scheduler, steps).levels if test(level.u)]


def test_the_published_windows_of_50_steps_are_the_papers_indices():
    assert guided(50, lambda u: above(u, 25 / 49)) == list(range(26, 50))
    assert guided(50, lambda u: within(u, 30 / 49, 45 / 49)) == list(range(30, 46))
    assert guided(50, lambda u: within(u, 25 / 49, 1)) == list(range(25, 50))


def test_the_same_fractions_guide_fewer_of_fewer_steps():
    assert guided(20, lambda u: above(u, 25 / 49), "ddim") == list(range(10, 20))
    assert guided(20, lambda u: within(u, 30 / 49, 45 / 49), "ddim") == list(range(12, 18))


@pytest.mark.parametrize("steps", [2, 3, 20, 50, 127])
def test_a_window_hits_the_step_whose_quotient_it_is(steps):
    levels = Schedule.of("ddpm", steps).levels
    for i in range(steps):
        fraction = i / (steps - 1)
        assert [level.i for level in levels if above(level.u, fraction)] == [*range(i + 1, steps)]
        assert [level.i for level in levels if within(level.u, fraction, fraction)] == [i]


def test_a_strength_is_the_published_one_for_a_latent_of_the_published_size():
    assert all(per_element(0.3, (4, 32, 32), power) == 0.3 for power in (0, 0.5, 1))


def test_a_term_of_fixed_norm_moves_every_number_as_far_in_a_smaller_latent():
    small = (4, 8, 8)
    norm = per_element(0.1, small, 0.5)
    assert norm / math.sqrt(math.prod(small)) == pytest.approx(0.1 / math.sqrt(FULL))


def test_a_term_whose_norm_falls_with_the_root_of_the_size_is_scaled_by_the_size():
    def displacement(strength, size):
        return strength / math.sqrt(size) / math.sqrt(size)

    scaled = per_element(50.0, (4, 8, 8), 1)
    assert displacement(scaled, 256) == pytest.approx(displacement(50.0, FULL))


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("imagenette", "imagenette"),
        ("imagenette-160", "imagenette"),
        ("shapenette", "imagenette"),
        ("imagewoof", "imagewoof"),
        ("shapewoof", "imagewoof"),
        ("imagenet100", "imagenet100"),
        ("imageidc", "imagenet100"),
        ("imagenet1k", "imagenet1k"),
        ("imagenet-a", None),
        ("pets", None),
    ],
)
def test_a_set_has_the_published_row_of_its_name(name, row):
    assert published_row(card(name)) == row


def test_a_class_that_is_too_small_is_named_with_the_way_out():
    why = "'mgd3' gives each image a mode of its own and"
    check_class_sizes(card(), 20, why)
    with pytest.raises(UsageError) as error:
        check_class_sizes(card(), 50, why)
    assert str(error.value) == (
        "'mgd3' gives each image a mode of its own and needs 50 training images of every class, "
        "but class 'n01' of 'tiny' has 20: ask for an IPC of at most 20."
    )
    with pytest.raises(UsageError, match=r"has 20: lower `neighbours`.$"):
        check_class_sizes(card(), 21, why, "lower `neighbours`")


def test_fields_out_of_range_are_named():
    check_not_negative(strength=0.0, manifold=None)
    check_fraction(stop=0.0, warm=1.0)
    with pytest.raises(ValueError, match=r"^`strength` must be at least 0 .*, got -0.1.$"):
        check_not_negative(strength=-0.1)
    with pytest.raises(ValueError, match=r"^`stop` must lie between 0 and 1, got 1.5.$"):
        check_fraction(stop=1.5)
    from bench.preparation.tree import Criterion

    check_choice("sse", Criterion, "criterion")
    with pytest.raises(
        ValueError, match=r"^`criterion` must be one of 'sse', 'variance', got 'x'.$"
    ):
        check_choice("x", Criterion, "criterion")


def step(**fields):
    return SimpleNamespace(**fields)


def test_the_pull_towards_a_mode_is_the_difference_times_the_noise_of_the_step():
    sigma, clean, modes = torch.tensor([2.0, 3.0]), torch.tensor([1.0, 1.0]), torch.tensor([5.0, 1])
    assert mode_pull(step(sigma=sigma, clean=clean), modes, 0.5).tolist() == [4.0, 0.0]


def test_what_is_not_finite_is_not_computed_with():
    def never(*tensors):
        raise AssertionError

    good, bad = torch.ones(2, 3), torch.tensor([1.0, math.inf])
    assert finite_or_nan(torch.add, good, good).tolist() == [[2.0] * 3] * 2
    assert finite_or_nan(never, good, bad).isnan().all()
    assert finite_or_nan(never, good, bad).shape == good.shape


def test_a_value_of_a_batch_is_made_once_for_all_its_steps():
    made = []
    value = PerBatch(lambda step: made.append(step.jobs) or len(made))
    one, other = (Job("a", 0, 0),), (Job("a", 0, 0),)
    assert [value(step(jobs=jobs)) for jobs in (one, one, other, other)] == [1, 1, 2, 2]


def test_every_row_gets_the_mode_of_its_class_and_its_place_in_the_group():
    import numpy as np

    modes = SimpleNamespace(
        of_class=lambda label: (
            np.full((3, 1, 1, 1), 10 * label, np.float32)
            + np.arange(3, dtype=np.float32)[:, None, None, None]
        )
    )
    jobs = (Job("b", 1, 0), Job("a", 0, 2), Job("b", 1, 5, ipc=3), Job("c", 2, 1))
    found = own_modes(modes)(step(jobs=jobs, x=torch.zeros(4, 1, 1, 1, dtype=torch.float64)))
    assert found.dtype == torch.float64
    assert found.flatten().tolist() == [10.0, 2.0, 12.0, 21.0]

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.sampling.batches import LADDER, batches_of, blocks_of, jobs_of, segments
from bench.sampling.hook import Job
from bench.sets import DatasetCard

SIZES = st.lists(st.integers(0, 12), min_size=1, max_size=8)


def card_of(*classes):
    names = tuple(f"the {class_id}" for class_id in classes)
    sizes = (4,) * len(classes)
    return DatasetCard(
        "some", classes, names, "s", "s", "a" * 64, "b" * 64, sizes, 16, "convnet1@8"
    )


def made(sizes, ipc=0):
    return [Job(f"c{c}", c, k, ipc=ipc) for c, size in enumerate(sizes) for k in range(size)]


def in_order(jobs):
    return sorted(jobs, key=lambda job: (job.label, job.k))


# --- jobs ----------------------------------------------------------------------------------------


def test_jobs_are_the_images_of_every_class_in_label_order():
    assert jobs_of(card_of("b", "a"), 2) == (
        Job("b", 0, 0, "the b"),
        Job("b", 0, 1, "the b"),
        Job("a", 1, 0, "the a"),
        Job("a", 1, 1, "the a"),
    )


def test_jobs_may_begin_at_a_later_image():
    assert [job.k for job in jobs_of(card_of("b", "a"), 3, first=7)] == [7, 8, 9, 7, 8, 9]


def test_a_class_map_names_what_is_shown_and_leaves_the_class_id_which_names_the_noise():
    mapped, other = jobs_of(card_of("cat", "n01"), 1, class_map={"cat": "n99"})
    assert (mapped.class_id, mapped.known_as, mapped.shown, mapped.prompt) == (
        "cat", "n99", "n99", "n99",
    )  # fmt: skip
    assert (other.known_as, other.shown, other.prompt) == ("", "n01", "the n01")


@pytest.mark.parametrize(("k", "group", "slot"), [(0, 0, 0), (4, 0, 4), (5, 1, 0), (12, 2, 2)])
def test_an_image_has_a_place_in_one_of_the_groups_of_its_class(k, group, slot):
    job = Job("c0", 0, k, ipc=5)
    assert (job.group, job.slot) == (group, slot)


def test_without_groups_all_images_of_a_class_are_one():
    job = Job("c0", 0, 12)
    assert (job.group, job.slot) == (0, 12)


# --- segments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, ((0, 1),)),
        (5, ((0, 1), (1, 5))),
        (10, ((0, 1), (1, 10))),
        (50, ((0, 1), (1, 10), (10, 50))),
        (51, ((0, 1), (1, 10), (10, 50), (50, 51))),
        (1300, (*itertools.pairwise((0, *LADDER)), (1000, 1300))),
    ],
)
def test_segments_go_up_the_ladder_and_end_at_what_is_asked_for(count, expected):
    assert segments(count) == expected


@given(st.integers(1, 1500), st.integers(1, 1500))
def test_two_numbers_of_images_share_all_segments_up_to_the_last_of_the_smaller(one, other):
    few, many = sorted((one, other))
    shared = [part for part in segments(many) if part[1] <= few]
    assert shared == [part for part in segments(few) if part in segments(many)]
    assert len(segments(few)) - len(shared) <= 1


# --- batches -------------------------------------------------------------------------------------


@given(SIZES, st.integers(1, 9))
def test_batches_keep_the_order_and_differ_in_size_as_little_as_can_be(sizes, most):
    jobs = made(sizes)
    batches = batches_of(jobs, most)
    assert list(itertools.chain.from_iterable(batches)) == jobs
    assert len(batches) == math.ceil(len(jobs) / most)
    assert all(1 <= len(batch) <= most for batch in batches)
    padding = len(batches) * max(map(len, batches), default=0) - len(jobs)
    assert padding < max(1, len(batches))
    assert blocks_of(jobs, most) == [[batch] for batch in batches]


@given(SIZES, st.integers(1, 9), st.integers(0, 5))
def test_sequential_batches_hold_one_image_of_a_class_and_group_and_these_in_order(
    sizes, most, ipc
):
    jobs = made(sizes, ipc)
    batches = batches_of(jobs, most, sequential=True)
    held = list(itertools.chain.from_iterable(batches))
    assert in_order(held) == jobs
    assert all(1 <= len(batch) <= most for batch in batches)
    for batch in batches:
        assert len({(job.label, job.group) for job in batch}) == len(batch)
    seen = {}
    for job in held:
        assert job.slot == seen.get((job.label, job.group), -1) + 1
        seen[job.label, job.group] = job.slot


@given(SIZES, st.integers(1, 9), st.integers(0, 5))
def test_a_block_holds_all_images_of_as_many_classes_as_fit_into_a_batch(sizes, most, ipc):
    jobs = made(sizes, ipc)
    blocks = blocks_of(jobs, most, sequential=True)
    labels = [sorted({job.label for batch in block for job in batch}) for block in blocks]
    present = [label for label, size in enumerate(sizes) if size]
    assert list(itertools.chain.from_iterable(labels)) == present
    groups = len({job.group for job in jobs})
    assert all(len(some) <= max(1, most // max(1, groups)) for some in labels)

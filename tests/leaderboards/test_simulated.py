"""Leaderboards with known truth: how often intervals hold it and ties deny a difference.

A student's number is what the method is worth, plus noise of its set, of the seed and of the
student's seed (both common to all methods), and its own. The functions are those that make real
leaderboards; what is counted is held against binomial bounds that one in a thousand would miss.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.records import Data, Described, Provenance, Record
from leaderboards import build
from leaderboards.ranks.blocks import Blocks
from leaderboards.ranks.intervals import rank_intervals
from leaderboards.ranks.separation import separate
from leaderboards.ranks.statistics import Value, summarise

CELLS = 2000
COLUMNS = 2000
BOARDS = 50


def most(times: int, chance: float) -> float:
    """Return the count of an event of at most this chance that one in 2,000 would exceed."""
    return stats.binom.ppf(0.9995, times, chance)


def least(times: int, chance: float) -> float:
    return stats.binom.ppf(0.0005, times, chance)


def seeded(*key: int) -> np.random.Generator:
    return np.random.default_rng(key)


# Intervals of cells ------------------------------------------------------------------------------


def normal(generator, shape):
    return generator.standard_normal(shape)


def uniform(generator, shape):
    return generator.uniform(-(3**0.5), 3**0.5, shape)


def heavy(generator, shape):
    return generator.standard_t(5, shape) / (5 / 3) ** 0.5


def cell_of(numbers, stochastic: bool = True):
    """Return the cell of students `[S][R]`."""
    return summarise(
        Value(f"set {s if stochastic else 0}", s, (s, r), float(number))
        for s, row in enumerate(numbers)
        for r, number in enumerate(row)
    )


def covered(seed: int, sizes, sets: float, draw=normal, stochastic: bool = True) -> int:
    """Return how many of `CELLS` intervals hold the truth, 50; `sizes` are students by set."""
    generator = seeded(seed)
    found = 0
    for _ in range(CELLS):
        numbers = [50 + sets * draw(generator, ()) + draw(generator, size) for size in sizes]
        cell = cell_of(numbers, stochastic)
        found += cell.low <= 50 <= cell.high
    return found


@pytest.mark.parametrize(
    ("sizes", "sets"),
    [
        ([1] * 3, 1.0),
        ([3] * 3, 0.0),
        ([3] * 3, 1.0),
        ([3] * 3, 3.0),
        ([2] * 2, 1.0),
        ([1] * 5, 3.0),
        ([1] * 10, 0.0),
    ],
)
def test_intervals_over_sets_hold_the_truth_in_95_percent(sizes, sets):
    count = covered(1, sizes, sets)
    assert least(CELLS, 0.95) <= count <= most(CELLS, 0.95)


def test_intervals_over_the_students_of_a_method_without_randomness_hold_the_truth():
    count = covered(2, [2] * 3, 0.0, stochastic=False)
    assert least(CELLS, 0.95) <= count <= most(CELLS, 0.95)


@pytest.mark.parametrize(
    ("sizes", "draw"),
    [([1, 2, 4], normal), ([1, 1, 5], normal), ([2] * 3, uniform), ([2] * 3, heavy)],
)
def test_unequal_sets_and_other_noise_cost_little_coverage(sizes, draw):
    assert covered(3, sizes, 1.0, draw) >= least(CELLS, 0.93)


def test_components_are_the_true_ones_in_the_mean():
    """Of cells of 5 sets with 3 students, where the one between sets is hardly ever cut at 0."""
    generator = seeded(4)
    squares = []
    for _ in range(CELLS):
        numbers = 3.0 * generator.standard_normal((5, 1)) + generator.standard_normal((5, 3))
        cell = cell_of(numbers)
        squares.append((cell.std_sets**2, cell.std_students**2))
    between, within = np.mean(squares, axis=0)
    assert between == pytest.approx(9.0, rel=0.1)
    assert within == pytest.approx(1.0, rel=0.05)


# Ties --------------------------------------------------------------------------------------------


def exponential(generator, shape):
    return generator.exponential(size=shape) - 1


def few_degrees(generator, shape):
    return generator.standard_t(4, size=shape) / 2**0.5


def column(generator, means, size: int, deviations=1.0, draw=normal, still: int = 0) -> Blocks:
    """Return the blocks of one column, with noise that all methods share in a seed.

    The last `still` methods have one number, and then nothing is shared: as in a distance of sets.
    """
    rows = len(means)
    moving = np.arange(rows) < rows - still
    noise = np.broadcast_to(deviations, rows)[:, None] * draw(generator, (rows, size))
    common = 0.0 if still else 3.0 * generator.standard_normal(size)
    numbers = np.asarray(means)[:, None] + moving[:, None] * (noise + common)
    return Blocks(numbers, moving, tuple(range(rows)), "sets")


def wrong(seed: int, rows: int, size: int, **how) -> int:
    """Return in how many of `COLUMNS` without a difference any pair is separated."""
    generator = seeded(seed, rows, size)
    return sum(
        bool(separate(column(generator, np.zeros(rows), size, **how)).separated.any())
        for _ in range(COLUMNS)
    )


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("rows", [2, 5, 10])
def test_equal_methods_are_told_apart_in_at_most_5_percent_of_columns(rows, size):
    assert wrong(5, rows, size) <= most(COLUMNS, 0.05)


@pytest.mark.parametrize("draw", [exponential, few_degrees])
def test_noise_that_is_not_normal_tells_no_more_apart(draw):
    assert wrong(6, 10, 3, draw=draw) <= most(COLUMNS, 0.05)


def test_two_methods_of_four_times_the_noise_cost_at_most_8_percent():
    deviations = np.array([0.5] * 8 + [2.0] * 2)
    assert wrong(7, 10, 3, deviations=deviations) <= most(COLUMNS, 0.08)


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("deviations", [1.0, np.array([0.1, 0.5, 1.0, 1.0, 4.0, 4.0, 1.0, 1.0])])
def test_methods_beside_numbers_that_do_not_vary_are_told_apart_as_rarely(deviations, size):
    assert wrong(13, 8, size, deviations=deviations, still=2) <= most(COLUMNS, 0.05)


def test_a_number_that_does_not_vary_is_found_20_standard_errors_away():
    """Beside a pair of noisy methods, which are no matter of it."""
    generator, found, columns = seeded(14), 0, 400
    for _ in range(columns):
        blocks = column(
            generator,
            [0.0, 50.0, 50.0, 0.0],
            3,
            deviations=np.array([1.0, 40.0, 40.0, 0.0]),
            still=1,
        )
        blocks.numbers[3] = blocks.numbers[0].mean() + 20 * stats.sem(blocks.numbers[0])
        found += bool(separate(blocks).separated[0, 3])
    assert found == columns


def test_of_methods_with_and_without_a_difference_equal_ones_are_told_apart_as_rarely():
    generator = seeded(8)
    means = np.repeat([0.0, 20.0], 5)
    same = means[:, None] == means[None, :]
    false = missed = 0
    for _ in range(COLUMNS):
        separated = separate(column(generator, means, 3)).separated
        false += bool((separated & same).any())
        missed += not bool(separated[~same].all())
    assert false <= most(COLUMNS, 0.05)
    assert missed < COLUMNS / 20


@pytest.mark.parametrize(("rows", "size"), [(2, 3), (5, 3), (10, 3), (10, 5)])
def test_the_resolvable_difference_is_found_about_as_often_as_stated(rows, size):
    """80% is stated; a pair has to pass both tests, and the shared one at its largest variance."""
    generator = seeded(9, rows, size)
    squared = []
    for _ in range(400):  # V is unbiased, so that of the truth, 2, follows from its mean
        blocks = column(generator, np.zeros(rows), size)
        squared.append(separate(blocks).resolvable ** 2)
    difference = np.sqrt(np.mean(squared))
    means = np.zeros(rows)
    means[1] = difference
    found = sum(bool(separate(column(generator, means, size)).separated[0, 1]) for _ in range(1000))
    assert 650 <= found <= 950


# Ranks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "means",
    [np.zeros(10), np.arange(10) * 0.5, np.arange(10) * 2.0, np.repeat([0.0, 6.0], 5)],
    ids=["equal", "half a deviation", "two deviations", "two clusters"],
)
def test_rank_intervals_hold_all_true_ranks_at_once_in_95_percent(means):
    columns = 400
    generator = seeded(10)
    lowest = 1 + (means[None] > means[:, None]).sum(axis=1)
    highest = len(means) - (means[None] < means[:, None]).sum(axis=1)
    found = 0
    for _ in range(columns):
        blocks = column(generator, means, 3)
        lows, highs = rank_intervals(blocks, separate(blocks), "higher", draws=400)
        found += bool(((lows <= lowest) & (highs >= highest)).all())
    assert found >= least(columns, 0.95)


def test_rank_intervals_shrink_to_the_true_ranks_where_methods_lie_far_apart():
    generator = seeded(11)
    means = np.arange(6) * 20.0
    right = 0
    for _ in range(100):
        blocks = column(generator, means, 3)
        lows, highs = rank_intervals(blocks, separate(blocks), "higher", draws=400)
        right += (lows.tolist(), highs.tolist()) == ([6, 5, 4, 3, 2, 1],) * 2
    assert right >= 90


# Whole boards ------------------------------------------------------------------------------------

MADE = Provenance("2026", 1.0, 0.0, 0, "cpu", 1, "", False, {}, "3.12", "linux")


def described(label: str) -> Described:
    return Described(label, label, label, asked={}, fields={})


def records(generator, means, sets: int = 3, students: int = 2) -> list[Record]:
    """Return the records of methods m0, m1, ... that are worth these means."""
    shared = 3.0 * generator.standard_normal((sets, students))
    found = []
    for number, mean in enumerate(means):
        own = mean + generator.standard_normal((sets, 1)) + shared
        scores = own + generator.standard_normal((sets, students))
        found += [
            Record(
                kind="evaluation",
                key=f"{number}/{s}/{r}",
                data=Data("nette", "train", "val", "t1", "v1", 10),
                method=described(f"m{number}"),
                ipc=10,
                seed=s,
                stochastic=True,
                protocol=described("hard"),
                student=described("convnet3"),
                student_seed=(s, r),
                distilled=f"{number}/{s}",
                scores={"top1_last": float(score)},
                provenance=MADE,
            )
            for (s, r), score in np.ndenumerate(scores)
        ]
    return found


def test_boards_without_a_difference_show_one_first_rank_for_all():
    generator = seeded(12)
    strict = 0
    for _ in range(BOARDS):
        (board,) = build(records(generator, [30.0] * 6))
        strict += {row.cells[0].rank for row in board.rows} != {1}
    assert strict <= most(BOARDS, 0.05)


def test_boards_of_methods_far_apart_show_the_true_ranks():
    generator = seeded(13)
    right = 0
    for _ in range(BOARDS):
        (board,) = build(records(generator, [20.0, 50.0, 80.0]))
        ranks = {row.method: row.cells[0].rank for row in board.rows}
        right += ranks == {"m0": 3, "m1": 2, "m2": 1}
    assert right >= 0.9 * BOARDS

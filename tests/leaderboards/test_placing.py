"""The ranks of one column, from cells."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scores import SCORES
from leaderboards.ranks.placing import Told, place_column
from leaderboards.ranks.statistics import Value, summarise

TOP1, FID = SCORES["top1_last"], SCORES["fid"]


def cell(*numbers: float, seeds=None):
    """Return the cell of one student a set."""
    seeds = range(len(numbers)) if seeds is None else seeds
    return summarise(
        Value(f"set {s}", s, (s, 0), number) for s, number in zip(seeds, numbers, strict=True)
    )


def place(*cells, score=TOP1):
    return place_column(cells, [True] * len(cells), score)


def seen(cells) -> list[tuple[int | None, int | None, int | None, str]]:
    return [(cell.rank, cell.rank_low, cell.rank_high, cell.ties) for cell in cells]


def test_methods_that_lie_far_apart_are_ranked_in_their_order():
    low, middle, high = cell(10.0, 10.2, 9.9), cell(50.1, 49.8, 50.0), cell(90.0, 90.1, 89.7)
    cells, told = place(low, high, middle)
    assert seen(cells) == [(3, 3, 3, "c"), (1, 1, 1, "a"), (2, 2, 2, "b")]
    assert (told.tested, told.blocks, told.kind) == (3, 3, "sets")
    assert 0 < told.resolvable < 5


def test_the_lower_number_is_the_better_one_where_the_score_says_so():
    cells, _ = place(cell(10.0, 10.2, 9.9), cell(90.0, 90.1, 89.7), score=FID)
    assert [cell.rank for cell in cells] == [1, 2]


def test_methods_that_are_not_separated_share_rank_and_letter():
    cells, _ = place(cell(30.0, 32.0, 28.0), cell(31.0, 27.0, 33.0), cell(29.0, 31.0, 30.5))
    assert seen(cells) == [(1, 1, 3, "a")] * 3


def test_a_method_of_one_set_keeps_its_cell_without_a_rank():
    cells, told = place(cell(10.0, 10.2, 9.9), cell(99.0), cell(90.0, 90.1, 89.7))
    assert [cell.rank for cell in cells] == [2, None, 1]
    assert seen(cells)[1] == (None, None, None, "")
    assert told.tested == 2


def test_one_set_a_method_ranks_nothing():
    given_cells = [cell(10.0), cell(90.0)]
    cells, told = place(*given_cells)
    assert cells == given_cells
    assert told == Told(0, 0, "", None)


def test_which_is_better_is_a_matter_of_the_seeds_that_all_have():
    """In the seeds that both have the first is far better; a seed of its own lowers its mean."""
    first = cell(50.0, 51.0, 50.5, 0.0, 0.0, seeds=[0, 1, 2, 3, 4])
    second = cell(40.0, 41.0, 40.5, seeds=[0, 1, 2])
    assert first.mean < second.mean
    cells, told = place(first, second)
    assert [cell.rank for cell in cells] == [1, 2]
    assert told.blocks == 3


def test_the_same_cells_are_placed_alike():
    cells = [cell(*row) for row in np.random.default_rng(0).standard_normal((6, 3))]
    assert place(*cells) == place(*cells)


NUMBERS = st.lists(
    st.lists(st.integers(0, 20).map(float), min_size=3, max_size=3), min_size=2, max_size=6
)


@settings(deadline=None)
@given(NUMBERS, st.sampled_from([TOP1, FID]))
def test_a_rank_counts_the_methods_that_are_better_and_share_no_letter(rows, score):
    cells, _ = place(*(cell(*row) for row in rows), score=score)
    sign = 1 if score.better == "higher" else -1
    for own in cells:
        ahead = [
            other
            for other in cells
            if not set(own.ties) & set(other.ties) and sign * other.mean > sign * own.mean
        ]
        assert own.rank == 1 + len(ahead)
        assert 1 <= own.rank_low <= own.rank <= own.rank_high <= len(cells)


@settings(deadline=None)
@given(NUMBERS)
def test_the_best_mean_has_rank_one_and_the_first_letter(rows):
    cells, _ = place(*(cell(*row) for row in rows))
    best = max(cells, key=lambda cell: cell.mean)
    assert best.rank == 1
    assert best.ties.startswith("a")


def test_a_position_is_that_of_the_cell_that_was_given():
    rows = [cell(1.0, 1.1, 0.9), cell(7.0), cell(5.0, 5.2, 4.9), cell(3.0, 3.1, 3.05)]
    cells, _ = place(*rows)
    for before, after in zip(rows, cells, strict=True):
        assert after.values == before.values
    assert [cell.rank for cell in cells] == [3, None, 1, 2]

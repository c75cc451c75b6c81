import itertools

import numpy as np
import pytest

from bench.preparation.tree import grow, pick_code, pick_multiscale


def rng(seed=0):
    return np.random.default_rng(seed)


def points_of(count=23, size=6):
    return rng(5).normal(size=(count, size)) * rng(6).exponential(size=(count, 1))


def scatter(points, members):
    own = points[members]
    return float(((own - own.mean(axis=0)) ** 2).sum())


@pytest.mark.parametrize("criterion", ["sse", "variance"])
@pytest.mark.parametrize("leaves", [1, 2, 7, 23, 40])
def test_leaves_partition_the_class(criterion, leaves):
    points = points_of()
    tree = grow(points, leaves, criterion, rng())
    members = [tree.nodes[number].members for number in tree.leaves()]
    assert len(members) == min(leaves, 23)
    assert sorted(np.concatenate(members).tolist()) == list(range(23))


def test_children_partition_their_parent_one_level_deeper():
    tree = grow(points_of(), 10, "sse", rng())
    assert len(tree.children) == 9
    for parent, halves in tree.children.items():
        one, other = (tree.nodes[number] for number in halves)
        together = sorted([*one.members.tolist(), *other.members.tolist()])
        assert together == tree.nodes[parent].members.tolist()
        assert one.depth == other.depth == tree.nodes[parent].depth + 1


def test_nodes_know_their_mean_and_scatter():
    points = points_of()
    for node in grow(points, 9, "sse", rng()).nodes:
        assert node.mean == pytest.approx(points[node.members].mean(axis=0))
        assert node.scatter == pytest.approx(scatter(points, node.members))


def test_every_split_is_of_the_largest_scatter_and_none_adds_to_the_sum():
    points = points_of()
    sums = []
    for leaves in (*range(1, 8), 22, 23):
        tree = grow(points, leaves, "sse", rng())
        sums.append(sum(scatter(points, tree.nodes[number].members) for number in tree.leaves()))
        if leaves > 1:
            split = max(tree.children, key=lambda number: tree.children[number])
            kept = [number for number in tree.leaves() if number not in tree.children[split]]
            assert all(tree.nodes[number].scatter <= tree.nodes[split].scatter for number in kept)
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(sums))
    assert sums[-1] == pytest.approx(0, abs=1e-12)


def test_the_criterion_decides_between_many_near_points_and_few_far_ones():
    many = np.stack([np.r_[np.full(50, -1.0), np.full(50, 1.0)], np.zeros(100)], axis=1)
    few = np.stack([np.array([97.0, 103.0]), np.zeros(2)], axis=1)
    points = np.concatenate([many, few])
    by_sum, by_mean = (grow(points, 3, criterion, rng()) for criterion in ("sse", "variance"))
    assert sorted(len(by_sum.nodes[n].members) for n in by_sum.leaves()) == [2, 50, 50]
    assert sorted(len(by_mean.nodes[n].members) for n in by_mean.leaves()) == [1, 1, 100]


def test_equal_points_are_split_into_random_halves():
    tree = grow(np.ones((8, 2)), 8, "sse", rng())
    assert [len(tree.nodes[number].members) for number in tree.leaves()] == [1] * 8
    assert tree.deepest == 3


@pytest.mark.parametrize("level", [1, 2, 4, 6, 99])
def test_the_pick_of_the_code_is_a_permutation_of_all_leaves(level):
    tree = grow(points_of(), 10, "sse", rng())
    assert sorted(pick_code(tree, 10, level, rng())) == sorted(tree.leaves())


def test_the_level_decides_which_leaves_come_first():
    tree = grow(points_of(), 12, "sse", rng())
    leaf_depths = sorted({tree.nodes[number].depth for number in tree.leaves()})
    for level in range(1, tree.deepest + 2):
        expected = [depth for depth in leaf_depths if depth >= level - 1]
        found = [tree.nodes[number].depth for number in pick_code(tree, 12, level, rng())]
        assert found[: len(expected)] == expected
        rest = found[len(expected) :]
        assert rest == sorted(rest, reverse=True)


@pytest.mark.parametrize("level", [1, 2, 3, 99])
def test_the_multiscale_pick_has_a_node_of_every_depth_from_its_level(level):
    tree = grow(points_of(), 20, "sse", rng())
    picks = pick_multiscale(tree, 10, level, rng())
    first = min(level - 1, tree.deepest)
    depths = [tree.nodes[number].depth for number in picks]
    wanted = list(range(first, tree.deepest + 1))
    assert len(set(picks)) == 10
    assert depths[: len(wanted)] == wanted[:10]
    assert set(picks[len(wanted) :]) <= set(tree.leaves())
    if level == 1:
        assert picks[0] == 0


def test_one_mode_is_the_mean_of_the_class_either_way():
    points = points_of()
    whole = grow(points, 1, "sse", rng())
    assert whole.nodes[pick_code(whole, 1, 6, rng())[0]].mean == pytest.approx(points.mean(axis=0))
    larger = grow(points, 2, "sse", rng())
    assert pick_multiscale(larger, 1, 1, rng()) == [0]


def test_equal_streams_grow_equal_trees():
    one, two = (grow(points_of(), 10, "sse", rng(4)) for _ in range(2))
    assert all((a.members == b.members).all() for a, b in zip(one.nodes, two.nodes, strict=True))

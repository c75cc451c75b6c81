"""Divisive clustering of one class into a tree, and two ways to pick modes from it: pure functions.

Paper:     Roy et al., "ManifoldGD: Training-Free Hierarchical Manifold Guidance for
           Diffusion-Based Dataset Distillation".
Reference: AyushRoy2001/ManifoldGD, sample_new.py, `divisive_layer`.
Differs:   random numbers come from a stream of the class, not from one generator for all classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Criterion = Literal["sse", "variance"]

RESTARTS = 10
"""Starts of every split into two, of which the best is kept."""


@dataclass(frozen=True, eq=False)
class Node:
    """Some points of the class."""

    members: NDArray[np.int64]
    """Rows of the points, ascending."""
    mean: NDArray[np.float64]
    """`[D]`."""
    scatter: float
    """Sum of squared distances of the members to their mean."""
    depth: int
    """0 at the root, which holds all points."""


@dataclass(eq=False)
class Tree:
    """All nodes, and which of them have been split."""

    nodes: list[Node] = field(default_factory=list)
    """The root first; children come after their parent."""
    children: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Number of a node that was split to the numbers of its halves."""

    def leaves(self) -> list[int]:
        """Return the numbers of the nodes that were not split; together they hold all points."""
        return [number for number in range(len(self.nodes)) if number not in self.children]

    def at(self, depth: int) -> list[int]:
        """Return the numbers of the nodes of one depth."""
        return [number for number, node in enumerate(self.nodes) if node.depth == depth]

    @property
    def deepest(self) -> int:
        """Return the largest depth of a node."""
        return max(node.depth for node in self.nodes)


def grow(
    points: NDArray[np.float64], leaves: int, criterion: Criterion, rng: np.random.Generator
) -> Tree:
    """Return a tree over points `[n, D]` with `leaves` leaves, or with n where there are fewer.

    The leaf that is split next is the one with the largest sum of squared distances to its mean
    ("sse"), or with the largest of these divided by its points ("variance").
    """
    import numpy as np

    tree = Tree([_node(points, np.arange(len(points)), 0)])
    while len(tree.leaves()) < min(leaves, len(points)):
        splittable = [number for number in tree.leaves() if len(tree.nodes[number].members) > 1]
        worst = max(splittable, key=lambda number: _score(tree.nodes[number], criterion))
        node = tree.nodes[worst]
        tree.children[worst] = (len(tree.nodes), len(tree.nodes) + 1)
        for half in _halves(points, node.members, rng):
            tree.nodes.append(_node(points, half, node.depth + 1))
    return tree


def pick_code(tree: Tree, count: int, level: int, rng: np.random.Generator) -> list[int]:
    """Return the numbers of `count` leaves, or of all where there are fewer, as the code does.

    From depth `level` - 1 on, one random leaf per depth; then the others from the deepest depth
    upwards, shuffled within a depth. A tree of `count` leaves gives all of them whatever the level:
    it decides which image gets which mode.
    """
    leaves = set(tree.leaves())
    picks: list[int] = []
    for depth in range(min(level - 1, tree.deepest), tree.deepest + 1):
        here = [number for number in tree.at(depth) if number in leaves]
        if here:
            picks.append(int(rng.choice(here)))
    return _filled_up(tree, picks, count, rng)


def pick_multiscale(tree: Tree, count: int, level: int, rng: np.random.Generator) -> list[int]:
    """Return the numbers of `count` nodes: coarse ones, and the rest leaves from the deepest on.

    From depth `level` - 1 on, one random node per depth, split or not; where a tree is deeper than
    `count`, its deepest nodes are left out. Our reading of the paper's
    "multi-scale" modes, which the released code does not have.
    """
    first = min(level - 1, tree.deepest)
    picks = [int(rng.choice(tree.at(depth))) for depth in range(first, tree.deepest + 1)]
    return _filled_up(tree, picks, count, rng)


def _filled_up(tree: Tree, picks: list[int], count: int, rng: np.random.Generator) -> list[int]:
    """Return the first `count` of the picks, followed by unused leaves from the deepest on."""
    unused = set(tree.leaves()) - set(picks)
    picks = list(picks)
    for depth in range(tree.deepest, -1, -1):
        here = [number for number in tree.at(depth) if number in unused]
        picks += [int(number) for number in rng.permutation(here)]
    return picks[:count]


def _node(points: NDArray[np.float64], members: NDArray[np.int64], depth: int) -> Node:
    own = points[members]
    mean = own.mean(axis=0)
    return Node(members, mean, float(((own - mean) ** 2).sum()), depth)


def _score(node: Node, criterion: Criterion) -> float:
    return node.scatter if criterion == "sse" else node.scatter / len(node.members)


def _halves(
    points: NDArray[np.float64], members: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the members of two clusters, or of two random halves if one would be empty."""
    import numpy as np
    from sklearn.cluster import KMeans

    from bench.preparation.modes import reproducible

    start = int(rng.integers(2**31))
    with reproducible():
        side = KMeans(2, n_init=RESTARTS, random_state=start).fit_predict(points[members])
    if side.min() == side.max():
        shuffled = rng.permutation(members)
        half = len(members) // 2
        return np.sort(shuffled[:half]), np.sort(shuffled[half:])
    return members[side == 0], members[side == 1]

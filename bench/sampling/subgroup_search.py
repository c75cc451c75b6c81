"""Which of several groups of images of every class go together best: the search of S3, pure.

Groups are known by their centres, unit vectors `[C, G, d]` for C classes and G groups each; a
choice is one group number per class, `[C]`.

Paper:     the selective subgroup sampling of "IMS3", equations as in its released code.
Reference: Westlake-AGI-Lab/IMS3, centroid.py.
Differs:   the similarities are taken once and a trial costs as many numbers as there are classes,
           where the code takes all pairs again; an `eps` above 0 keeps the logarithms finite.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Weights:
    """How much nearness to the real set and distance between classes count, as the code has it."""

    alpha: float
    """Of `-log(1 - similarity)` of a group to the real centre of its class, summed over classes."""
    beta: float
    """Of `log(1 - similarity)` of the groups of two classes, summed over pairs of classes."""
    eps: float = 1e-6
    """Added inside of both logarithms."""


def nearness(
    centres: NDArray[np.float64], real: NDArray[np.float64], eps: float
) -> NDArray[np.float64]:
    """Return `-log(1 - <centre, real> + eps)` `[C, G]`: higher is nearer.

    `centres` are `[C, G, d]`, `real` `[C, d]`, all of length 1.
    """
    import numpy as np

    near: NDArray[np.float64] = -_log_distance(np.einsum("cgd,cd->cg", centres, real), eps)
    return near


def objective(
    centres: NDArray[np.float64],
    real: NDArray[np.float64],
    choice: NDArray[np.int64],
    weights: Weights,
) -> float:
    """Return how good a choice is, higher is better: the code's J.

    J = alpha * sum over classes of -log(1 - <k_c, r_c> + eps)
      + beta * sum over pairs of classes of log(1 - <k_c, k_c'> + eps).
    """
    import numpy as np

    rows = np.arange(len(choice))
    chosen = centres[rows, choice]
    apart = _log_distance(chosen @ chosen.T, weights.eps)
    near = nearness(centres, real, weights.eps)[rows, choice].sum()
    return float(weights.alpha * near + weights.beta * apart[np.triu_indices(len(choice), 1)].sum())


def search(
    centres: NDArray[np.float64],
    real: NDArray[np.float64],
    start: NDArray[np.int64],
    weights: Weights,
    sweeps: int,
) -> NDArray[np.int64]:
    """Return the choice that coordinate ascent ends at: never a worse one than `start`.

    Classes take turns in label order; each takes the best of its groups while the others stay, if
    it is strictly better than the one it has, the lowest of equals. It ends after a sweep without a
    change, or after `sweeps`. What it finds need not be the best of all choices.
    """
    *_, last = choices(centres, real, start, weights, sweeps)
    return last


def choices(
    centres: NDArray[np.float64],
    real: NDArray[np.float64],
    start: NDArray[np.int64],
    weights: Weights,
    sweeps: int,
) -> Iterator[NDArray[np.int64]]:
    """Yield `start` and the choice after every accepted move."""
    import numpy as np

    choice = np.array(start, dtype=np.int64)
    near = nearness(centres, real, weights.eps)
    chosen = centres[np.arange(len(choice)), choice]
    yield choice.copy()
    for _ in range(sweeps):
        moved = False
        for label in range(len(choice)):
            apart = _log_distance(centres[label] @ chosen.T, weights.eps)  # [G, C]
            apart[:, label] = 0.0  # a class need not be apart from itself
            scores = weights.alpha * near[label] + weights.beta * apart.sum(axis=1)
            best = int(scores.argmax())
            if scores[best] > scores[choice[label]]:
                choice[label], chosen[label], moved = best, centres[label, best], True
                yield choice.copy()
        if not moved:
            return


def _log_distance(similarity: NDArray[np.float64], eps: float) -> NDArray[np.float64]:
    """Return `log(1 - similarity + eps)`; a similarity rounded to above 1 counts as 1."""
    import numpy as np

    distance: NDArray[np.float64] = np.log(np.maximum(1.0 - similarity, 0.0) + eps)
    return distance

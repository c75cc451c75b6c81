"""Which checkpoints of a training differ enough to be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def selected(
    similarity: Callable[[int, int], float], last: int, threshold: float
) -> tuple[int, ...]:
    """Return the indices of differing checkpoints among 0 to `last`, ascending; 0 is the first.

    One that is less similar than `threshold` to the last selected is selected and becomes what
    later ones are compared with. Asks `similarity(selected, candidate)` in the order of candidates.

    mchen725/DD_IGD, test_ckpts_grad_sim.py.
    """
    chosen = [0]
    for index in range(1, last + 1):
        if similarity(chosen[-1], index) < threshold:
            chosen.append(index)
    return tuple(chosen)


def mean_cosine(pairs: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> float:
    """Return the mean cosine of pairs of vectors, one pair a class; a vector of zeros has 0."""
    import numpy as np

    cosines = []
    for one, other in pairs:
        left, right = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
        sizes = np.linalg.norm(left) * np.linalg.norm(right)
        cosines.append(float(left @ right / sizes) if sizes else 0.0)
    return sum(cosines) / len(cosines)

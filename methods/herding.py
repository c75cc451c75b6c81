"""Herding: real images whose running mean follows the mean of their class.

Paper:     Welling, "Herding Dynamical Weights to Learn", ICML 2009; as it chooses exemplars in
           Rebuffi et al., "iCaRL: Incremental Classifier and Representation Learning", CVPR 2017.
Reference: snu-mllab/Efficient-Dataset-Condensation @ ceac95a, coreset.py.
Differs:   the embedding is a field; IDC's is a ResNetAP-10 trained on the target set. Pipelines
           that take theirs from PatrickZH/DeepCore choose the farthest candidate (argmax) where
           herding wants the nearest, so their "herding" rows are something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.coreset import ByFeatures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Herding(ByFeatures):
    """Choose image after image so that the mean of the chosen ones stays near the class's mean.

    IPC 1 is a prefix of IPC 10, and no seed changes anything.
    """

    revision: ClassVar[int] = 1
    stochastic: ClassVar[bool] = False
    stream: ClassVar[str] = "herding"

    def choose(self, points: NDArray[np.float64], count: int, seed: int) -> NDArray[np.int64]:
        """Return rows in the order of choice: k minimises |k * mean - sum of earlier - point|."""
        import numpy as np

        mean, total = points.mean(axis=0), np.zeros(points.shape[1])
        unused = np.ones(len(points), dtype=bool)
        picks = np.empty(count, dtype=np.int64)
        for k in range(count):
            distances = ((points - ((k + 1) * mean - total)) ** 2).sum(axis=1)
            picks[k] = np.where(unused, distances, np.inf).argmin()
            unused[picks[k]] = False
            total += points[picks[k]]
        return picks

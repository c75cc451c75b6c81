"""K-means medoids: the real images nearest to the centres of every class.

Paper:     Cui et al., "DC-BENCH: Dataset Condensation Benchmark", NeurIPS 2022 ("kmeans-emb").
Reference: none; justincui03/dc_benchmark ships the resulting tensors and not their embedding.
Differs:   the embedding is a field. "auto" is a student trained by the harness on this training
           set, or the package's own network for the procedural sets, so that no label of another
           set leaks in; "resnet18-imagenet" has seen ImageNet.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.coreset import ByFeatures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class KMeansMedoids(ByFeatures):
    """Cluster every class into `ipc` groups and keep the image nearest to each centre."""

    revision: ClassVar[int] = 1
    stochastic: ClassVar[bool] = True
    stream: ClassVar[str] = "kmeans"

    n_init: int = 10
    """Starts of the clustering, of which the one with the least inertia is kept."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        super().__post_init__()
        if self.n_init < 1:
            raise ValueError(f"`n_init` must be at least 1, got {self.n_init}.")

    def choose(self, points: NDArray[np.float64], count: int, seed: int) -> NDArray[np.int64]:
        """Return the medoids of `count` clusters, in the order of the clusters."""
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits

        clustering = KMeans(n_clusters=count, n_init=self.n_init, random_state=seed)
        # One thread: sums are then taken in one order and the result is that of every machine.
        with threadpool_limits(limits=1), warnings.catch_warnings():
            # Fewer distinct points than clusters leave some empty; `medoids` provides for that.
            warnings.simplefilter("ignore", ConvergenceWarning)
            clustering.fit(points)
        return medoids(points, clustering.cluster_centers_, clustering.labels_)


def medoids(
    points: NDArray[np.float64], centres: NDArray[np.float64], clusters: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return one distinct row of `points` per centre: the nearest member of its cluster.

    Points are `[n, d]`, centres `[k, d]` with k <= n, clusters `[n]` in [0, k). A centre without
    members takes the nearest point that no other centre has taken; ties go to the lower row.
    """
    import numpy as np

    picks = np.full(len(centres), -1, dtype=np.int64)
    for k, centre in enumerate(centres):
        members = np.flatnonzero(clusters == k)
        if len(members):
            picks[k] = members[_squared(points[members], centre).argmin()]
    for k in np.flatnonzero(picks < 0).tolist():
        unused = np.setdiff1d(np.arange(len(points)), picks)
        picks[k] = unused[_squared(points[unused], centres[k]).argmin()]
    return picks


def _squared(points: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared distances `[n]` of points `[n, d]` to one centre `[d]`."""
    distances: NDArray[np.float64] = ((points - centre) ** 2).sum(axis=1)
    return distances

"""K-means medoids: the real images nearest to the centres of every class.

Paper:     Cui et al., "DC-BENCH: Dataset Condensation Benchmark", NeurIPS 2022 ("kmeans-emb").
Reference: none; justincui03/dc_benchmark ships the resulting tensors and not their embedding.
Differs:   the embedding is a field. "auto" is a student trained by the harness on this training
           set, or the package's own network for the procedural sets, so that no label of another
           set leaks in; "resnet18-imagenet" has seen ImageNet.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from bench.features import Embeddings, check_features
from bench.selection import check_ipc, choose_per_class

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.sets import DatasetCard, DistilledSet, RealSet


@dataclass(frozen=True)
class KMeansMedoids:
    """Cluster every class into `ipc` groups and keep the image nearest to each centre."""

    revision: ClassVar[int] = 1
    stochastic: ClassVar[bool] = True
    uses_ipc: ClassVar[bool] = True

    features: str = "auto"
    """Embedding: `<student>@<resolution>`, "embedded", "resnet18-imagenet", or "auto" for the
    dataset's own."""
    n_init: int = 10
    """Starts of the clustering, of which the one with the least inertia is kept."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        if not self.features:
            raise ValueError("`features` must name an embedding, got ''.")
        if self.n_init < 1:
            raise ValueError(f"`n_init` must be at least 1, got {self.n_init}.")

    def resolve(self, card: DatasetCard, ipc: int | None) -> Self:
        """Replace "auto" by the card's features; UsageError if a class is below the IPC."""
        check_ipc(card, ipc)
        features = card.features if self.features == "auto" else self.features
        check_features(features)
        return replace(self, features=features)

    def needs(self, card: DatasetCard, ipc: int | None) -> tuple[Artefact[Any], ...]:
        """Return the embeddings of the training images."""
        return (self._embeddings(card),)

    def distill(self, real: RealSet, ipc: int | None, ctx: Context) -> DistilledSet:
        """Return one image for each of `ipc` clusters of every class, in the order of clusters.

        The clustering of a class starts from the seed and the class id alone.
        """
        ipc = check_ipc(real.card, ipc)
        features = ctx.get(self._embeddings(real.card))

        def choose(label: int, members: NDArray[np.int64]) -> NDArray[np.int64]:
            seed = ctx.streams.integer("kmeans", real.card.classes[label])
            picks = members[self._medoids(features[members], ipc, seed)]
            ctx.progress(label + 1, real.card.num_classes)
            return picks

        return choose_per_class(real, ipc, choose)

    def _embeddings(self, card: DatasetCard) -> Embeddings:
        features = card.features if self.features == "auto" else self.features
        return Embeddings(card.name, card.train_revision, features)

    def _medoids(self, points: NDArray[np.float32], count: int, seed: int) -> NDArray[np.int64]:
        """Return the rows of `count` medoids of points `[n, d]`."""
        import numpy as np
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits

        values = np.asarray(points, dtype=np.float64)
        clustering = KMeans(n_clusters=count, n_init=self.n_init, random_state=seed)
        # One thread: sums are then taken in one order and the result is that of every machine.
        with threadpool_limits(limits=1), warnings.catch_warnings():
            # Fewer distinct points than clusters leave some empty; `medoids` provides for that.
            warnings.simplefilter("ignore", ConvergenceWarning)
            clustering.fit(values)
        return medoids(values, clustering.cluster_centers_, clustering.labels_)


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

"""Modes of every class in latent space, by clustering: an artefact.

Paper:     Chan-Santiago et al., "MGD3: Mode-Guided Dataset Distillation using Diffusion Models",
           ICML 2025, mode discovery.
Reference: jachansantiago/mode_guidance, as carried by AyushRoy2001/ManifoldGD: `KMeans(IPC,
           random_state=0, n_init="auto")` of the flattened latents of a class, and their centroids.
Differs:   centroids are means taken in float64; "mixture" reads one summary of the paper and is in
           no code that was seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from bench.preparation.latents import RealLatents
from bench.preparation.per_class import ClassFiles, require_room
from bench.preparation.real import checked_real_set

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from bench.context import Context
    from bench.contracts import Artefact

Clustering = Literal["kmeans", "mixture", "ward", "average", "complete", "single"]
Represent = Literal["centroid", "closest", "pca"]

DIRECTIONS = 4
"""Principal directions that `represent="pca"` clusters in."""


class ModesOfClasses(Protocol):
    """The modes of a real set."""

    def of_class(self, label: int) -> NDArray[np.float32]:
        """Return the modes of a class `[count, C, h, w]`, mapped."""
        ...


@dataclass(frozen=True)
class Modes:
    """`count` modes of the latents of every class."""

    revision: ClassVar[int] = 1
    resumable: ClassVar[bool] = True

    latents: RealLatents
    count: int
    kind: Clustering = "kmeans"
    represent: Represent = "centroid"
    """The mean of a cluster, the real latent closest to it, or the same found in a space of the
    4 first principal directions."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        if self.count < 1:
            raise ValueError(f"`count` must be at least 1, got {self.count}.")

    @property
    def words(self) -> str:
        """Return what this is in words."""
        return f"{self.count} modes of every class of {self.latents.dataset!r} ({self.kind})"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the latents."""
        return (self.latents,)

    def build(self, ctx: Context, out: Path) -> None:
        """Write `<label>.npy` of every class, float32 `[count, C, h, w]`.

        ValueError if a class has fewer images than `count`, which methods refuse before.
        """

        def find(points: NDArray[np.float32], class_id: str) -> NDArray[np.float32]:
            return modes_of(points, self.count, self.kind, self.represent, self.seed)

        write_modes(ctx, out, self.latents, self.count, find)

    def load(self, path: Path, device: torch.device) -> ModesOfClasses:
        """Return the modes, of which classes are mapped when they are asked for."""
        return ClassFiles(path)


def write_modes(
    ctx: Context,
    out: Path,
    of: RealLatents,
    count: int,
    find: Callable[[NDArray[np.float32], str], NDArray[np.float32]],
) -> None:
    """Write `<label>.npy` of every class that has none yet, float32 `[count, C, h, w]`.

    `find` returns modes `[count, D]` of the latents `[n, D]` of a class, given its id. One class is
    in memory at a time. BenchError if the disk has no room for all.
    """
    real = checked_real_set(ctx, of.dataset, of.train_revision)
    latents, files = ctx.get(of), ClassFiles(out)
    missing = files.missing(real.card.num_classes)
    for label in missing:
        of_class = latents.of_class(label)
        if label == missing[0]:
            needed = len(missing) * count * 4 * of_class[0].size
            require_room(out, needed, f"The modes of {of.dataset!r}")
        points = of_class.reshape(len(of_class), -1).astype("float32")
        modes = find(points, real.card.classes[label])
        files.write(label, modes.reshape(count, *of_class.shape[1:]))
        ctx.progress(label + 1, real.card.num_classes)


def modes_of(
    points: NDArray[np.float32], count: int, kind: Clustering, represent: Represent, seed: int
) -> NDArray[np.float32]:
    """Return `count` modes `[count, D]` of points `[n, D]`, in the order of the clusters."""
    if count > len(points):
        raise ValueError(f"`count` must be at most the {len(points)} points, got {count}.")
    space = _principal(points, seed) if represent == "pca" else points
    with reproducible():
        centres = _centres(space, count, kind, seed)
    if represent != "centroid":
        return points[closest(space, centres)]
    modes: NDArray[np.float32] = centres.astype("float32")
    return modes


def closest(points: NDArray[Any], centres: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the row of `points` that is closest to each centre; ties go to the lower row."""
    import numpy as np

    rows = [int(((points - centre) ** 2).sum(axis=1).argmin()) for centre in centres]
    return np.array(rows, dtype=np.int64)


@contextmanager
def reproducible() -> Iterator[None]:
    """Have scikit-learn add up in one order on every machine, and fewer distinct points be fine."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _centres(
    points: NDArray[np.float32], count: int, kind: Clustering, seed: int
) -> NDArray[np.float64]:
    """Return the centre of every cluster `[count, D]`; one without members as it was proposed."""
    import numpy as np
    from sklearn.cluster import AgglomerativeClustering, KMeans
    from sklearn.mixture import GaussianMixture

    centres = np.repeat(points.mean(axis=0, dtype=np.float64)[None], count, axis=0)
    if count == 1:
        return centres
    if kind == "mixture":
        mixture = GaussianMixture(count, covariance_type="diag", random_state=seed)
        means: NDArray[np.float64] = mixture.fit(points.astype(np.float64)).means_
        return means
    if kind == "kmeans":
        fitted = KMeans(count, random_state=seed, n_init="auto").fit(points)
        centres, clusters = fitted.cluster_centers_.astype(np.float64), fitted.labels_
    else:
        clusters = AgglomerativeClustering(count, linkage=kind).fit_predict(points)
    for number in np.unique(clusters):
        centres[number] = points[clusters == number].mean(axis=0, dtype=np.float64)
    return centres


def _principal(points: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return the coordinates of points along their first principal directions."""
    from sklearn.decomposition import PCA

    most = min(DIRECTIONS, *points.shape)
    with reproducible():
        coordinates: NDArray[np.float32] = PCA(most, random_state=seed).fit_transform(points)
    return coordinates

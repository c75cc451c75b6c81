"""Show where the images of some methods lie among the real ones: a picture and two numbers.

    python -m benchmarks.coverage runs/tuned shapenette 50 --methods dit,im --to coverage.png

Features are those of the network that comes with the package, which only the procedural sets have.
The picture shows the first two principal directions of the real test images of a class. Spread is
the mean squared distance of features to the mean of their class, as a share of that of real test
images; coverage is the share of real test images with a distilled one of their class nearer than
their fifth real neighbour (Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative
Models", ICML 2020).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from bench.artefacts import ArtefactStore, default_cache
from bench.context import Context
from bench.data import open_real_set
from bench.distilled_folder import load_distilled
from bench.errors import BenchError
from bench.features import embed_images, opened_network
from bench.features.shipped import EMBEDDED
from bench.sets import RealSet
from bench.store import Store
from bench.streams import Streams
from benchmarks.table import markdown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.images import Images

NEIGHBOURS = 5
SHOWN = 3
"""Classes in the picture, the first ones."""


@dataclass(frozen=True, eq=False)
class Points:
    """Features `[N, d]` and labels `[N]`."""

    features: NDArray[np.float32]
    labels: NDArray[np.int64]

    def of_class(self, label: int) -> NDArray[np.float32]:
        """Return the features of a class."""
        found: NDArray[np.float32] = self.features[self.labels == label]
        return found

    @property
    def classes(self) -> range:
        """Return all labels."""
        return range(int(self.labels.max()) + 1)


def spread(points: Points) -> float:
    """Return the mean squared distance of features to the mean of their class."""
    apart = [points.of_class(c) - points.of_class(c).mean(0) for c in points.classes]
    return float(np.mean([np.square(rows).sum(1).mean() for rows in apart]))


def coverage(real: Points, made: Points) -> float:
    """Return the share of real images that have a made one of their class nearby, 0 to 1."""
    shares = []
    for label in real.classes:
        reals, others = real.of_class(label), made.of_class(label)
        neighbours = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(reals)  # itself is the first
        radius = neighbours.kneighbors(reals)[0][:, -1]
        nearest = NearestNeighbors(n_neighbors=1).fit(others).kneighbors(reals)[0][:, 0]
        shares.append(float(np.mean(nearest <= radius)))
    return float(np.mean(shares))


def table(real: Points, methods: Mapping[str, Points]) -> Iterator[str]:
    """Yield the numbers of all methods as Markdown."""
    whole = spread(real)
    rows = [
        {
            "method": name,
            "spread, of real": f"{spread(points) / whole:.2f}",
            "coverage": f"{coverage(real, points):.2f}",
        }
        for name, points in methods.items()
    ]
    yield from markdown(rows)


def draw(real: Points, methods: Mapping[str, Points], names: Sequence[str], path: Path) -> None:
    """Draw real and distilled images of the first classes, one row per class."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    size = (2.4 * len(methods), 2.4 * SHOWN)
    figure, grid = pyplot.subplots(SHOWN, len(methods), figsize=size, squeeze=False)
    for label, row in enumerate(grid):
        plane = PCA(2, random_state=0).fit(real.of_class(label))
        for place, (name, points) in zip(row, methods.items(), strict=True):
            place.scatter(*plane.transform(real.of_class(label)).T, s=6, c="#bbbbbb")
            place.scatter(*plane.transform(points.of_class(label)).T, s=8, c="#0072b2")
            place.set(xticks=[], yticks=[], title=name if label == 0 else "")
        row[0].set_ylabel(names[label])
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def distilled(store: Store, real: RealSet, ipc: int, method: str) -> Images:
    """Return the images of the first distilled set of a method; BenchError if there is none."""
    labels = set()
    for record in store.records():
        if record.kind != "distillation" or record.data.name != real.card.name:
            continue
        labels.add(record.method.label)
        if (record.method.label, record.ipc, record.seed) == (method, ipc, 0):
            (folder,) = store.root.glob(f"distilled/**/*-{record.key[:8]}")
            return load_distilled(folder, real).images
    raise BenchError(
        f"The run has no set of {method!r} for {real.card.name!r} at IPC {ipc}, only of "
        f"{', '.join(sorted(labels))}."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the numbers, draw the picture and return the exit status."""
    parser = argparse.ArgumentParser("benchmarks.coverage", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="the folder of a run")
    parser.add_argument("dataset", help="shapenette or shapewoof")
    parser.add_argument("ipc", type=int)
    parser.add_argument("--methods", required=True, help="labels, such as dit,im")
    parser.add_argument("--to", type=Path, help="where the picture goes")
    asked = parser.parse_args(arguments)
    try:
        _show(asked)
    except BenchError as error:
        parser.error(str(error))
    return 0


def _show(asked: argparse.Namespace) -> None:
    real = open_real_set(asked.dataset, data_root=None, cache=default_cache())
    store = Store.existing(asked.folder)
    with tempfile.TemporaryDirectory() as folder:
        cache = ArtefactStore(Path(folder))
        ctx = Context(
            torch.device("cpu"),
            Streams((0,)),
            Path(folder),
            cache,
            {real.card.name: real}.__getitem__,
        )
        network, _ = opened_network(EMBEDDED, asked.dataset, real.card.train_revision, ctx)

        def embedded(images: Images) -> NDArray[np.float32]:
            pixels = np.stack([images.decode(index) for index in range(len(images))])
            return embed_images(network, pixels.transpose(0, 3, 1, 2), ctx.device)

        tested = Points(embedded(real.test.images), real.test.labels)
        labels = np.repeat(np.arange(real.card.num_classes), asked.ipc)
        methods = {
            name: Points(embedded(distilled(store, real, asked.ipc, name)), labels)
            for name in asked.methods.split(",")
        }
    print("\n".join(table(tested, methods)))
    if asked.to is not None:
        draw(tested, methods, real.card.classes, asked.to)


if __name__ == "__main__":
    sys.exit(main())

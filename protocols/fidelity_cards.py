"""What is said beside the scores of images: the card of each, and the facts of a pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

from bench.contracts import MetricCard
from bench.features.passes import compiles

if TYPE_CHECKING:
    from bench.context import Context
    from bench.sets import DistilledSet
    from bench.studying import Fact
    from protocols.fidelity_sides import Sides

NEIGHBOURHOODS = ("precision", "recall", "density", "coverage")
PAIRS = ("kid", *NEIGHBOURHOODS, "mmd")
"""Scores of pairs of images, which take `Statistics.rows` of the real ones."""
ALONE = ("diversity",)
"""Scores that take no real image."""
LIBRARIES = {
    "inception-pytorch-fid": "pytorch-fid",
    "inception-clean": "clean-fid",
    "inception-clean-legacy": "clean-fid",
}
"""The package whose code a network runs; its version is a fact."""


def cards(
    sides: Sides, names: Iterable[str], distilled: DistilledSet, split: str, neighbours: int
) -> dict[str, MetricCard]:
    """Return what has to be said beside each of the named scores."""
    shared: Mapping[str, Fact] = {
        "extractor": sides.extractor.name,
        "weights": sides.extractor.card_weights,
        "resize": sides.extractor.resize,
        "split": split,
        "distilled": len(distilled),
        "dtype": "float32 features, float64 distances",
        **({"mosaic": distilled.mosaic} if distilled.mosaic > 1 else {}),
    }
    return {
        name: MetricCard(
            {
                **shared,
                "real": _real_images(name, sides),
                **({"neighbours": neighbours} if name in NEIGHBOURHOODS else {}),
            }
        )
        for name in names
    }


def facts(first: Sides, all_sides: Sequence[Sides], ctx: Context) -> dict[str, Fact]:
    """Return what was used: `first` is the side of distributions, `all_sides` has each network."""
    count = len(first.features)
    return {
        "distilled": count,
        "real": len(first.real),
        "real_in_pairs": len(first.statistics.rows),
        "dimension": first.features.shape[1],
        "compiled": int(any(compiles(sides.extractor, count, ctx) for sides in all_sides)),
        **versions(sides.extractor.name for sides in all_sides),
    }


def versions(extractors: Iterable[str]) -> dict[str, Fact]:
    """Return the version of every package whose networks were used, such as `pytorch_fid`."""
    packages = {LIBRARIES[name] for name in extractors if name in LIBRARIES}
    return {package.replace("-", "_"): version(package) for package in sorted(packages)}


def _real_images(name: str, sides: Sides) -> int:
    """Return how many real images a score is of."""
    if name in ALONE:
        return 0
    return len(sides.statistics.rows) if name in PAIRS else len(sides.real)

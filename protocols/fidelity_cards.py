"""What is said beside the scores of images: the card of each, and the facts of a pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

from bench.contracts import MetricCard

if TYPE_CHECKING:
    from bench.sets import DistilledSet
    from bench.studying import Fact
    from protocols.fidelity_scores import Found
    from protocols.fidelity_sides import Sides

NEIGHBOURHOODS = ("precision", "recall", "density", "coverage")
PAIRS = ("kid", *NEIGHBOURHOODS)
"""Scores of pairs of images, which take `Statistics.rows` of the real ones."""
KERNEL = "mmd"
"""The score that takes fewer of these."""
ALONE = ("diversity",)
"""Scores that take no real image."""
LIBRARIES = {
    "inception-pytorch-fid": "pytorch-fid",
    "inception-clean": "clean-fid",
    "inception-clean-legacy": "clean-fid",
}
"""The package whose code a network runs; its version is a fact."""


def cards(
    sides: Sides, found: Found, distilled: DistilledSet, split: str, neighbours: int
) -> dict[str, MetricCard]:
    """Return what has to be said beside each score that one network has measured."""
    shared: Mapping[str, Fact] = {
        "extractor": sides.extractor.name,
        "weights": sides.extractor.card_weights,
        "resize": sides.extractor.resize,
        "split": split,
        "dtype": "float32 features, float64 distances",
        **({"mosaic": distilled.mosaic} if distilled.mosaic > 1 else {}),
    }
    return {
        name: MetricCard(
            {
                **shared,
                "distilled": found.distilled.get(name, len(distilled)),
                "real": _real_images(name, sides),
                **({"neighbours": neighbours} if name in NEIGHBOURHOODS else {}),
            }
        )
        for name in found.scores
    }


def facts(first: Sides, all_sides: Sequence[Sides]) -> dict[str, Fact]:
    """Return what was used: `first` is the side of distributions, `all_sides` has each network."""
    return {
        "distilled": len(first.features),
        "real": len(first.real),
        "real_in_pairs": len(first.statistics.rows),
        "dimension": first.features.shape[1],
        "real_in_mmd": len(all_sides[-1].kernel),
        "compiled": int(any(sides.compiled for sides in all_sides)),
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
    if name == KERNEL:
        return len(sides.kernel)
    return len(sides.statistics.rows) if name in PAIRS else len(sides.real)

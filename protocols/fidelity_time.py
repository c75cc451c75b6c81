"""How long a pass over images will take, before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.metrics.extrapolation import MANY, POINTS
from protocols.fidelity_sides import KERNEL_REAL

if TYPE_CHECKING:
    import torch

    from bench.features.extractors import Extractor

PROBED = 4
"""Images behind an estimate."""
FILES = 0.5
"""Seconds for sheets, points and what is loaded, about."""
OF_PAIR, OF_PRODUCT = 1e-8, 5e-11
"""Seconds of a CPU thread for a pair of images, and for each of their features."""
OF_ROOT = 5e-11
"""The same for an eigendecomposition, over the cube of its side, of a subset of 3/4 on average."""


def of_networks(
    extractors: list[Extractor], side: int, device: torch.device
) -> dict[str, tuple[float, int]]:
    """Return the seconds for an image of `side` pixels and the number of features, by network.

    An image of noise is looked at by a network whose weights mean nothing.
    """
    import time

    import numpy as np

    noise = np.random.default_rng(0).integers(256, size=(PROBED, side, side, 3), dtype=np.uint8)
    found = {}
    for extractor in extractors:
        network = extractor.stand_in(device)
        network(list(noise))  # the first call has memory to find and kernels to choose
        started = time.perf_counter()
        features = network(list(noise))
        found[extractor.name] = ((time.perf_counter() - started) / PROBED, features.shape[1])
    return found


def of_scores(
    widths: tuple[int, int], images: int, real: int, num_real: int, classes: int, draws: int
) -> float:
    """Return the seconds that scores take on one thread, of networks of so many features.

    `images` distilled ones are beside `real` ones, of which `num_real` at most are in pairs.
    """
    pairs = min(real, num_real)
    kernel = min(pairs, KERNEL_REAL)
    distribution = 2 * images * (pairs + images) + 2 * pairs**2 // classes
    embedding = 2 * (kernel + images) ** 2 + images * (real + images)
    solved = POINTS * draws if images <= MANY else POINTS
    return (
        FILES
        + _of_pairs(distribution, widths[0])
        + _of_pairs(embedding, widths[1])
        + OF_ROOT * solved * float(min(images, widths[0])) ** 3
    )


def _of_pairs(count: int, width: int) -> float:
    return count * (OF_PAIR + OF_PRODUCT * width)

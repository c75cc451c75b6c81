"""Images per second of Inception: pytorch-fid's pass over files, and ours, eager and compiled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import torch

from bench.context import Context
from bench.features import views
from bench.features.extractors import INCEPTION, Extractor
from bench.features.inception import assembled, stages
from bench.features.passes import features_of
from bench.images import FileImages
from bench.training.compiling import Compiling, Wish
from benchmarks.clock import Deadline
from benchmarks.items import context
from benchmarks.reference_images import num_workers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from bench.features.views import View

IMAGES, SIDE = 100, 256
"""Files that are passed, two batches of pytorch-fid's, and their pixels per side."""
BATCH = 50
"""Of pytorch-fid, by default."""
ROUNDS = 2
COMPILING = 180.0
"""Seconds that are kept for compiling Inception on a CPU."""
THEIRS, EAGER, COMPILED = "pytorch-fid", "ours eager", "ours compiled"


Pass = Callable[[], "NDArray[Any]"]


@dataclass(frozen=True)
class Given(Extractor):
    """Inception with weights that are at hand."""

    view: View

    def network(self, ctx: Context) -> View:
        """Return the network."""
        return self.view


@dataclass
class Rates:
    """Images per second of each arm; what time did not allow is absent."""

    images: int
    rates: dict[str, float] = field(default_factory=dict)
    """Of the best turn."""
    features: dict[str, NDArray[Any]] = field(default_factory=dict)
    """What the last turn gave, `[N, 2048]`."""

    def turn(self, name: str, work: Pass) -> None:
        """Pass all images once."""
        started = perf_counter()
        self.features[name] = work()
        rate = self.images / (perf_counter() - started)
        self.rates[name] = max(rate, self.rates.get(name, 0.0))

    @property
    def difference(self) -> float:
        """Return the largest difference from pytorch-fid, relative to its largest feature."""
        theirs = self.features[THEIRS]
        largest = max(float(np.abs(theirs - mine).max()) for mine in self.features.values())
        return largest / float(np.abs(theirs).max())

    def cells(self) -> dict[str, str]:
        """Return the line of the table."""
        told = {name: self.rates.get(name) for name in (THEIRS, EAGER, COMPILED)}
        rates = {f"{name}, images/s": f"{rate:.3g}" if rate else "-" for name, rate in told.items()}
        return {**rates, "difference": f"{self.difference:.0e}"}


def measure_network(
    folder: Path,
    device: torch.device,
    until: Deadline,
    images: int = IMAGES,
    workers: int | None = None,
) -> Rates:
    """Return the rates of all three; the first two take turns, and compiling comes last.

    `workers` load pytorch-fid's images: eight, or one for each CPU, for None.
    """
    found, notes = Rates(images), list[str]()
    write_images(folder, images)
    passes = passes_of(folder, device, num_workers() if workers is None else workers, notes.append)
    for _ in range(ROUNDS):
        found.turn(THEIRS, passes[THEIRS])
        found.turn(EAGER, passes[EAGER])
    if until.left() > COMPILING:
        passes[COMPILED]()  # compiles
        for _ in range(0 if notes else ROUNDS):
            found.turn(COMPILED, passes[COMPILED])
    return found


def passes_of(
    folder: Path, device: torch.device, workers: int, note: Callable[[str], None]
) -> dict[str, Pass]:
    """Return the pass of each arm over the images of a folder, all with the same random weights.

    `note` hears why nothing is compiled.
    """
    from pytorch_fid.fid_score import get_activations

    paths, network = sorted(folder.glob("*.png")), assembled()
    theirs = their_network(network.state_dict()).to(device)
    own = Given(INCEPTION, "noise", "", views.of_inception(stages(network).to(device), device))
    files = FileImages(folder, tuple(path.name for path in paths))

    def ours(wish: Wish) -> Pass:
        ctx = replace(context(device, folder), compiling=Compiling(wish), note=note)
        return lambda: features_of(files, own, ctx)

    return {
        THEIRS: lambda: get_activations(paths, theirs, BATCH, 2048, device, workers),
        EAGER: ours("never"),
        COMPILED: ours("always"),
    }


def write_images(folder: Path, images: int) -> None:
    """Write files of noise."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(images):
        pixels = rng.integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04d}.png")


def their_network(state: dict[str, Any]) -> nn.Module:
    """Return pytorch-fid's network with these weights, in place of those it would fetch."""
    from pytorch_fid import inception

    with patch.object(inception, "load_state_dict_from_url", lambda *_, **__: state):
        network: nn.Module = inception.InceptionV3([3])
    return network

"""The only door of methods and protocols to device, randomness, caches and traces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bench.streams import Key, Streams
from bench.training.compiling import Compiling

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from bench.artefacts import ArtefactStore
    from bench.contracts import Artefact
    from bench.data.prefix import Prefix
    from bench.sets import DistilledSet, ImageSet, RealSet

T = TypeVar("T")

ARTEFACTS = 2**32 - 1
"""Second seed of what an artefact draws. No student has that number, and NumPy takes seeds (s,)
for (s, 0): without it, a trained network would begin as the first student does."""


def _silent(done: int, total: int) -> None:
    """Report no progress."""


def _unheard(sentence: str) -> None:
    """Tell nobody."""


def artefact_streams(seed: int) -> Streams:
    """Return the streams that an artefact of this seed draws from."""
    return Streams((seed, ARTEFACTS))


@dataclass
class Context:
    """What one unit of work may use; made anew for every unit."""

    device: torch.device
    streams: Streams
    """All randomness: `(s,)` while distilling, `(s, r)` while training student r."""
    work: Path
    """A folder of this unit alone, gone when it ends."""
    artefacts: ArtefactStore
    reals: Callable[[str], RealSet]
    progress: Callable[[int, int], None] = _silent
    """Called with (steps done, steps in all); cheap enough for every epoch."""
    traces: dict[str, list[float]] = field(default_factory=dict)
    kept: Path | None = None
    """A folder of this unit, if it needs one, that outlives a kill until its record is written."""
    compiling: Compiling = field(default_factory=Compiling)
    """Whether the networks that this unit trains are compiled."""
    note: Callable[[str], None] = _unheard
    """Hears sentences for the user, each once a run."""
    distilled: DistilledSet | None = None
    """The distilled set of this unit while it is evaluated, for artefacts that are made of it."""
    distilled_revision: str = ""

    @property
    def seed(self) -> int:
        """Return the distillation seed."""
        return self.streams.seeds[0]

    def real(self, name: str) -> RealSet:
        """Return a real set of this run by its name."""
        return self.reals(name)

    def get(self, artefact: Artefact[T]) -> T:
        """Return an artefact, loaded from the cache or built once under a lock."""
        return self.artefacts.get(artefact, self)

    def pixels(self, images: ImageSet, prefix: Prefix) -> NDArray[np.uint8]:
        """Return decoded images uint8 `[N, 3, H, W]`, mapped from the cache where they are many."""
        return self.artefacts.pixels(images, prefix)

    def rng(self, *key: Key) -> torch.Generator:
        """Return a CPU generator at the start of the stream `key`, such as ("noise", wnid, k)."""
        return self.streams.torch(*key)

    def trace(self, name: str, value: float) -> None:
        """Append one value to a curve that is kept in the record."""
        self.traces.setdefault(name, []).append(float(value))

    def for_artefact(self, seed: int, work: Path) -> Context:
        """Return the context an artefact is built in: its own seed and folder, this progress."""
        return Context(
            self.device,
            artefact_streams(seed),
            work,
            self.artefacts,
            self.reals,
            self.progress,
            compiling=self.compiling,
            note=self.note,
            distilled=self.distilled,
            distilled_revision=self.distilled_revision,
        )

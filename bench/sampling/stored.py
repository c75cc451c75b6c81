"""Sampled images of the classes, as they lie on the disk.

<label>.npy           uint8 `[n, H, W, 3]`, the images first .. last - 1 of a class
<label>.latents.npy   float32 `[n, C, h, w]`
<label>.json          written last: seconds, rows of the batch, sums of the traces
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.files import replace_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PREFIX = "guidance/"
"""Of the names of all traces in a record."""
BLOCK = 64
"""Images that are looked at together."""


class Sums(msgspec.Struct):
    """One series, added up over images, step by step."""

    total: list[float]
    count: list[int]
    """How many images have a number."""
    whole: bool = False
    """Whether images without a number count as 0, as they do for the size of a change."""


class ClassFacts(msgspec.Struct, forbid_unknown_fields=True):
    """What is known of the images of one class in one segment."""

    images: int
    seconds: float
    """Time that sampling and decoding took, a batch's shared out evenly among its images."""
    rows: int
    """Rows of the smallest batch they were sampled in."""
    traces: dict[str, Sums]


class SampleFiles:
    """The files of one segment by label."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, which need not hold anything yet."""
        self.folder = folder

    def images(self, label: int) -> Path:
        """Return where the images of a class lie."""
        return self.folder / f"{label:04d}.npy"

    def latents(self, label: int) -> Path:
        """Return where their latents lie."""
        return self.folder / f"{label:04d}.latents.npy"

    def facts(self, label: int) -> Path:
        """Return where their facts lie, which are there if all else is."""
        return self.folder / f"{label:04d}.json"

    def missing(self, num_classes: int) -> list[int]:
        """Return the labels of the classes that are not whole, ascending."""
        return [label for label in range(num_classes) if not self.facts(label).is_file()]

    def write_facts(self, label: int, facts: ClassFacts) -> None:
        """Say that a class is whole."""
        replace_file(self.facts(label), msgspec.json.encode(facts))


@dataclass(frozen=True, eq=False)
class SampledClasses:
    """The images [first, last) of every class.

    Files are mapped for as long as an array is in use: a thousand classes would need more open
    files than a process may have.
    """

    first: int
    last: int
    forwards: float
    """Forward passes of the network per image."""
    files: SampleFiles
    facts: tuple[ClassFacts, ...]
    """In label order."""

    @property
    def seconds(self) -> float:
        """Return how long sampling and decoding took, whenever that was."""
        return sum(facts.seconds for facts in self.facts)

    @property
    def rows(self) -> int:
        """Return the rows of the smallest batch: less than asked for where memory ran out."""
        return min(facts.rows for facts in self.facts)

    def images_of(self, label: int) -> NDArray[np.uint8]:
        """Return the images of a class `[n, H, W, 3]`, mapped and not to be written."""
        import numpy as np

        images: NDArray[np.uint8] = np.load(self.files.images(label), mmap_mode="r")
        return images

    def latents_of(self, label: int) -> NDArray[np.float32]:
        """Return the latents of a class `[n, C, h, w]`, mapped and not to be written."""
        import numpy as np

        latents: NDArray[np.float32] = np.load(self.files.latents(label), mmap_mode="r")
        return latents

    def traces(self) -> dict[str, list[float]]:
        """Return the means of all traces over the images, one number per step, first step first."""
        return mean_traces([self])


def mean_traces(segments: Sequence[SampledClasses]) -> dict[str, list[float]]:
    """Return the mean of every trace over all images, 0 where there is no number at all.

    Sizes of changes are averaged over all images, values over those that have one.
    """
    facts = [some for segment in segments for some in segment.facts]
    images = sum(some.images for some in facts)
    found: dict[str, list[Sums]] = defaultdict(list)
    for some in facts:
        for name, sums in some.traces.items():
            found[name].append(sums)
    return {f"{PREFIX}{name}": _means(series, images) for name, series in sorted(found.items())}


def _means(series: Sequence[Sums], images: int) -> list[float]:
    totals = [sum(at) for at in zip(*(sums.total for sums in series), strict=True)]
    counts = [sum(at) for at in zip(*(sums.count for sums in series), strict=True)]
    if series[0].whole:
        counts = [images] * len(totals)
    return [total / max(count, 1) for total, count in zip(totals, counts, strict=True)]


@dataclass(frozen=True, eq=False)
class SegmentedImages:
    """Some of the images of some segments, read one at a time."""

    segments: tuple[SampledClasses, ...]
    """In the order of their images, without a gap."""
    places: tuple[tuple[int, int], ...]
    """Label and index within the class of every image."""

    def __len__(self) -> int:
        return len(self.places)

    def decode(self, index: int) -> NDArray[np.uint8]:
        """Return image `index` as uint8 RGB `[H, W, 3]`."""
        import numpy as np

        label, k = self.places[index]
        segment = next(segment for segment in self.segments if k < segment.last)
        return np.array(segment.images_of(label)[k - segment.first])

    def original(self, index: int) -> None:
        """Return None: they have no files of their own."""
        return None


def blocks_of_class(segments: Sequence[SampledClasses], label: int) -> Iterator[NDArray[np.uint8]]:
    """Yield all images of a class in order, in mapped blocks `[n, H, W, 3]` of BLOCK at most."""
    for segment in segments:
        images = segment.images_of(label)
        for start in range(0, len(images), BLOCK):
            yield images[start : start + BLOCK]

"""A real set of random pixels that tells which of its images were decoded, and a tiny generator."""

from dataclasses import dataclass

import numpy as np

from bench.images import ArrayImages
from bench.sets import DatasetCard, ImageSet, RealSet

SIZES = (5, 3, 4)


@dataclass(frozen=True)
class Source:
    """A source of a generator that needs no files."""

    generator: object
    classes: tuple[str, ...] = ()

    def weights(self):
        return "made"

    def fetch(self):
        return ()

    def open(self, device):
        return self.generator


class Counted(ArrayImages):
    """Images that remember which were decoded, and may be at their end."""

    def __init__(self, pixels, last=999):
        super().__init__(pixels)
        object.__setattr__(self, "seen", [])
        object.__setattr__(self, "last", last)

    def decode(self, index):
        if len(self.seen) >= self.last:
            raise KeyboardInterrupt
        self.seen.append(index)
        return super().decode(index)


def real_set(last=999, side=16):
    """Return a set of three classes, of which no more than `last` images can be decoded."""
    rng = np.random.default_rng(0)
    # The images of the classes are mixed, as in a folder that was shuffled.
    labels = rng.permutation(np.repeat(np.arange(3), SIZES))
    images = Counted(rng.integers(0, 256, (len(labels), side, side, 3), dtype=np.uint8), last)
    card = DatasetCard(
        name="tiny",
        classes=("c2", "c0", "c1"),
        class_names=("x", "y", "z"),
        train_split="made",
        test_split="made",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=SIZES,
        resolution=side,
        features="convnet1[width=4]@8",
    )
    train = ImageSet(images, labels, card.train_revision)
    return RealSet(card, train, ImageSet(images, labels, card.test_revision))

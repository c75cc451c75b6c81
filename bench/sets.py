"""The two kinds of set that flow through the house: real sets and distilled sets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.images import Chosen
from bench.streams import Streams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.images import Images


@dataclass(frozen=True)
class DatasetCard:
    """What is known of a real set without opening an image: all that `resolve` may read."""

    name: str
    """The name in requests, records and leaderboards; never a path."""
    classes: tuple[str, ...]
    """Class ids (WordNet ids or folder names) in label order: label k is `classes[k]`."""
    class_names: tuple[str, ...]
    """Words for people, in label order."""
    train_split: str
    """Which split the training images are, such as "ilsvrc2012" or "folder"."""
    test_split: str
    train_revision: str
    """Hash over names and contents of the training images."""
    test_revision: str
    class_sizes: tuple[int, ...]
    """Training images per class, in label order."""
    resolution: int
    """Pixels per side that students see unless a protocol says otherwise."""
    features: str
    """The network behind `features="auto"`, trained on this set: "embedded" for the procedural
    sets, else `<student>@<resolution>`."""

    @property
    def num_classes(self) -> int:
        """Return the number of classes."""
        return len(self.classes)

    @property
    def num_train(self) -> int:
        """Return the number of training images."""
        return sum(self.class_sizes)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with one label each."""

    images: Images
    labels: NDArray[np.int64]
    """int64 `[N]`, in [0, number of classes)."""
    revision: str
    """Hash of the contents; equal revisions hold equal pixels in equal order."""

    def __len__(self) -> int:
        return len(self.images)

    def of_class(self, label: int) -> NDArray[np.int64]:
        """Return the indices of one class, ascending (files: in lexicographic order)."""
        import numpy as np

        return np.flatnonzero(self.labels == label)


@dataclass(frozen=True, eq=False)
class RealSet:
    """The full training set that is distilled, and the images students are tested on."""

    card: DatasetCard
    train: ImageSet
    test: ImageSet

    def hold_out(self, fraction: float, seed: int = 0) -> RealSet:
        """Return a set whose test images are a part of this set's training images.

        For tuning that never sees the test set. `fraction` of every class (rounded, at least one
        image, never all) is drawn without replacement from the stream ("hold-out", class id) of
        `seed`; both parts get revisions of their own.

        Raises UsageError if `fraction` is not in (0, 1) or a class has fewer than two images.
        """
        import numpy as np

        if not 0.0 < fraction < 1.0:
            raise UsageError(f"`fraction` must lie strictly between 0 and 1, got {fraction}.")
        held: list[NDArray[np.int64]] = []
        for label, class_id in enumerate(self.card.classes):
            members = self.train.of_class(label)
            if len(members) < 2:
                raise UsageError(
                    f"A part of {class_id!r} can be held out of 2 images or more, "
                    f"got {len(members)}."
                )
            count = min(max(1, round(fraction * len(members))), len(members) - 1)
            rng = Streams((seed,)).numpy("hold-out", class_id)
            held.append(rng.choice(members, size=count, replace=False))
        test = np.sort(np.concatenate(held))
        train = np.setdiff1d(np.arange(len(self.train)), test)
        parts = {
            part: self._part(part, indices, fraction, seed)
            for part, indices in (("train", train), ("held-out", test))
        }
        card = replace(
            self.card,
            train_split=f"{self.card.train_split}:train-{fraction:g}-seed{seed}",
            test_split=f"{self.card.train_split}:held-out-{fraction:g}-seed{seed}",
            train_revision=parts["train"].revision,
            test_revision=parts["held-out"].revision,
            class_sizes=tuple(
                int(n) for n in np.bincount(parts["train"].labels, minlength=self.card.num_classes)
            ),
        )
        return RealSet(card, parts["train"], parts["held-out"])

    def _part(self, part: str, indices: NDArray[np.int64], fraction: float, seed: int) -> ImageSet:
        recipe = f"{self.train.revision}/{part}/{fraction!r}/{seed}"
        return ImageSet(
            Chosen(self.train.images, tuple(int(i) for i in indices)),
            self.train.labels[indices],
            hashlib.sha256(recipe.encode()).hexdigest(),
        )


@dataclass(frozen=True, eq=False)
class DistilledSet:
    """What a method returns: images and labels, optionally weights and soft labels."""

    images: Images
    labels: NDArray[np.int64]
    """int64 `[N]`, ordered by class."""
    classes: tuple[str, ...]
    """Class ids in label order, as in the real set."""
    weights: NDArray[np.float32] | None = None
    """Weight of every image in the loss `[N]`, mean 1; None means all 1."""
    soft: NDArray[np.float32] | None = None
    """Class probabilities of every image `[N, C]`, unaugmented; None means one-hot labels."""
    mosaic: int = 1
    """Images are mosaics of `mosaic` x `mosaic` tiles; 1 means whole images."""
    whole: bool = False
    """The images are the real training set itself, which is referred to and never copied."""
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    """What its record shall say of how it was made."""
    seconds: float = 0.0
    """Time that went into artefacts which are this set's own work, here or in an earlier process:
    it counts as time of the distillation."""

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def of_indices(cls, real: RealSet, indices: NDArray[np.int64]) -> DistilledSet:
        """Return the chosen training images, ordered by class; their files stay as they are."""
        import numpy as np

        order = indices[np.argsort(real.train.labels[indices], kind="stable")]
        return cls(
            Chosen(real.train.images, tuple(int(i) for i in order)),
            real.train.labels[order],
            real.card.classes,
        )

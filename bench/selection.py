"""What methods that select real images share: the check of the IPC and the loop over classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bench.errors import BenchError, UsageError
from bench.sets import DistilledSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.sets import DatasetCard, RealSet

    Choose = Callable[[int, NDArray[np.int64]], NDArray[np.int64]]
    """From a label and the indices of its training images to the chosen ones, best first."""


def check_ipc(card: DatasetCard, ipc: int | None) -> int:
    """Return the IPC if every class has that many training images.

    Raises UsageError if it is missing, below 1 or above the size of the smallest class.
    """
    if ipc is None or ipc < 1:
        raise UsageError(f"The IPC (images per class) must be at least 1, got {ipc}.")
    smallest = min(range(card.num_classes), key=lambda label: card.class_sizes[label])
    size = card.class_sizes[smallest]
    if ipc > size:
        raise UsageError(
            f"IPC {ipc} needs {ipc} training images of every class, but class "
            f"{card.classes[smallest]!r} of {card.name!r} has {size}: ask for an IPC of at most "
            f"{size}."
        )
    return ipc


def check_distilled(distilled: DistilledSet, card: DatasetCard, ipc: int | None) -> None:
    """Raise BenchError if a set is not what its method promised: `ipc` images of every class."""
    import numpy as np

    if distilled.classes != card.classes:
        raise BenchError(
            f"A distilled set has the classes of {card.name!r} in label order, the method "
            f"returned {distilled.classes[:3]}...: mend the method."
        )
    counts = np.bincount(distilled.labels, minlength=card.num_classes)
    if ipc is not None and counts.tolist() != [ipc] * card.num_classes:
        raise BenchError(
            f"A distilled set has {ipc} images of every class, the method returned between "
            f"{counts.min()} and {counts.max()}: mend the method."
        )
    for name, values in (("weights", distilled.weights), ("soft", distilled.soft)):
        if values is not None and not np.isfinite(values).all():
            raise BenchError(f"The `{name}` of a distilled set must be finite: mend the method.")


def choose_per_class(real: RealSet, ipc: int | None, choose: Choose) -> DistilledSet:
    """Return `ipc` distinct training images of every class, in the order `choose` gave them.

    `choose(label, members)` gets the ascending indices of a class and returns `ipc` of them.
    Raises UsageError as `check_ipc` does.
    """
    import numpy as np

    ipc = check_ipc(real.card, ipc)
    chosen = []
    for label in range(real.card.num_classes):
        members = real.train.of_class(label)
        picks = choose(label, members)
        assert len(np.unique(picks)) == len(picks) == ipc, "a class needs `ipc` distinct images"
        assert np.isin(picks, members).all(), "an image was chosen from another class"
        chosen.append(picks)
    return DistilledSet.of_indices(real, np.concatenate(chosen))

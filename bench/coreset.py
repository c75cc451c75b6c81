"""What coreset methods share: a budget of real images per class, chosen by their features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from bench.features import Embeddings, check_features
from bench.selection import check_ipc, choose_per_class

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.context import Context
    from bench.contracts import Artefact
    from bench.sets import DatasetCard, DistilledSet, RealSet


@dataclass(frozen=True)
class ByFeatures(ABC):
    """Choose `ipc` images of every class by the features of that class alone."""

    uses_ipc: ClassVar[bool] = True
    stream: ClassVar[str]
    """Name of the random stream, so that a method's draws are its own."""

    features: str = "auto"
    """Embedding: `<student>@<resolution>`, "embedded", "resnet18-imagenet", or "auto" for the
    dataset's own."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        if not self.features:
            raise ValueError("`features` must name an embedding, got ''.")

    @abstractmethod
    def choose(self, points: NDArray[np.float64], count: int, seed: int) -> NDArray[np.int64]:
        """Return `count` distinct rows of the features `[n, d]` of one class, in order of choice.

        `count` is at most n; `seed`, in [0, 2**32), is all the randomness there is.
        """

    def resolve(self, card: DatasetCard, ipc: int | None) -> Self:
        """Replace "auto" by the card's features; UsageError if a class is below the IPC."""
        check_ipc(card, ipc)
        features = card.features if self.features == "auto" else self.features
        check_features(features)
        return replace(self, features=features)

    def needs(self, card: DatasetCard, ipc: int | None) -> tuple[Artefact[Any], ...]:
        """Return the embeddings of the training images."""
        return (self._embeddings(card),)

    def distill(self, real: RealSet, ipc: int | None, ctx: Context) -> DistilledSet:
        """Return the chosen images of every class, in the order of their choice.

        The choice of a class starts from the seed and the class id alone, and reads the features
        of that class alone.
        """
        import numpy as np

        ipc = check_ipc(real.card, ipc)
        features = ctx.get(self._embeddings(real.card))

        def choose(label: int, members: NDArray[np.int64]) -> NDArray[np.int64]:
            seed = ctx.streams.integer(self.stream, real.card.classes[label])
            points = np.asarray(features[members], dtype=np.float64)
            picks = members[self.choose(points, ipc, seed)]
            ctx.progress(label + 1, real.card.num_classes)
            return picks

        return choose_per_class(real, ipc, choose)

    def _embeddings(self, card: DatasetCard) -> Embeddings:
        features = card.features if self.features == "auto" else self.features
        return Embeddings(card.name, card.train_revision, features)

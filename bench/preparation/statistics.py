"""Moments of every class, of latents or of features: an artefact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bench.features import Embeddings
from bench.preparation.latents import RealLatents
from bench.preparation.real import checked_real_set

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from bench.context import Context
    from bench.contracts import Artefact


@dataclass(frozen=True, eq=False)
class Statistics:
    """Moments of every class, in label order; float32."""

    mean: NDArray[np.float32]
    """`[C, ...]`, shaped as one latent or feature vector after the first axis."""
    variance: NDArray[np.float32]
    """`[C, ...]`, around the mean of the class, divided by the number of images."""
    unit_mean: NDArray[np.float32]
    """`[C, d]`: every image's vector scaled to length 1, their mean scaled to length 1 again."""


@dataclass(frozen=True)
class ClassStatistics:
    """Mean and variance of the classes of a real set; one class is in memory at a time."""

    revision: ClassVar[int] = 1

    of: RealLatents | Embeddings
    count: int = 0
    """Images of every class that are looked at, at most, drawn at random; 0 means all."""
    seed: int = 0
    """Of the choice."""

    @property
    def words(self) -> str:
        """Return what this is in words."""
        return f"class statistics of the {type(self.of).__name__} of {self.of.dataset!r}"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return what the statistics are of."""
        return (self.of,)

    def build(self, ctx: Context, out: Path) -> None:
        """Write `statistics.safetensors`; sums are taken in float64."""
        import numpy as np
        from safetensors.numpy import save_file

        real = checked_real_set(ctx, self.of.dataset, self.of.train_revision)
        content: Any = ctx.get(self.of)
        found: dict[str, list[NDArray[np.float32]]] = {}
        for label, class_id in enumerate(real.card.classes):
            members = real.train.of_class(label)
            chosen = np.arange(len(members))
            if 0 < self.count < len(members):
                rng = ctx.streams.numpy("choose", class_id)
                chosen = np.sort(rng.permutation(len(members))[: self.count])
            if isinstance(self.of, RealLatents):
                rows = content.of_class(label)[chosen]
            else:
                rows = content[members[chosen]]
            for name, value in moments(rows.astype(np.float64)).items():
                found.setdefault(name, []).append(value.astype(np.float32))
        save_file(
            {name: np.stack(values) for name, values in found.items()},
            out / "statistics.safetensors",
        )

    def load(self, path: Path, device: torch.device) -> Statistics:
        """Return the statistics, in memory."""
        from safetensors.numpy import load_file

        return Statistics(**load_file(path / "statistics.safetensors"))


def moments(rows: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return mean, variance and mean direction ("unit_mean", flat) of rows `[n, ...]`.

    Rows of length 0 have no direction and count as 0; so does a mean of length 0.
    """
    flat = rows.reshape(len(rows), -1)
    total = _unit(flat).mean(axis=0)
    return {"mean": rows.mean(axis=0), "variance": rows.var(axis=0), "unit_mean": _unit(total)}


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: NDArray[np.float64] = vectors / np.where(lengths > 0, lengths, 1.0)
    return scaled

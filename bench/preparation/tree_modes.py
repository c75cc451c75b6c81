"""Modes of every class from a tree of its clusters (see `bench.preparation.tree`): an artefact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from bench.preparation.latents import RealLatents
from bench.preparation.modes import ModesOfClasses, closest, write_modes
from bench.preparation.per_class import ClassFiles
from bench.preparation.tree import Criterion, grow, pick_code, pick_multiscale

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from bench.context import Context
    from bench.contracts import Artefact

Pick = Literal["code", "multiscale"]


@dataclass(frozen=True)
class TreeModes:
    """`count` modes of the latents of every class, by divisive clustering."""

    revision: ClassVar[int] = 1
    resumable: ClassVar[bool] = True

    latents: RealLatents
    count: int
    criterion: Criterion = "sse"
    """Which cluster is split next: by the sum or by the mean of its squared distances."""
    level: int = 1
    """Depth from which one mode per depth is picked first; 1 is the root."""
    pick: Pick = "code"
    """All leaves of a tree that has `count` of them, or nodes of all depths of a larger one."""
    represent: Literal["centroid", "closest"] = "centroid"
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        for name in ("count", "level"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")

    @property
    def words(self) -> str:
        """Return what this is in words."""
        return f"{self.count} modes of every class of {self.latents.dataset!r} (tree)"

    def needs(self) -> tuple[Artefact[Any], ...]:
        """Return the latents."""
        return (self.latents,)

    def build(self, ctx: Context, out: Path) -> None:
        """Write `<label>.npy` of every class, float32 `[count, C, h, w]`.

        ValueError if a class has fewer images than `count`, which methods refuse before.
        """

        def find(points: NDArray[np.float32], class_id: str) -> NDArray[np.float32]:
            return self._modes(points.astype("float64"), ctx.streams.numpy("tree", class_id))

        write_modes(ctx, out, self.latents, self.count, find)

    def load(self, path: Path, device: torch.device) -> ModesOfClasses:
        """Return the modes, of which classes are mapped when they are asked for."""
        return ClassFiles(path)

    def _modes(self, points: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float32]:
        """Return the modes of points `[n, D]`: image j has mode j."""
        import numpy as np

        if self.count > len(points):
            raise ValueError(f"`count` must be at most the {len(points)} points, got {self.count}.")
        whole = self.pick == "code"
        tree = grow(points, self.count if whole else 2 * self.count, self.criterion, rng)
        picked = (pick_code if whole else pick_multiscale)(tree, self.count, self.level, rng)
        centres = np.stack([tree.nodes[number].mean for number in picked])
        modes = points[closest(points, centres)] if self.represent == "closest" else centres
        return modes.astype(np.float32)

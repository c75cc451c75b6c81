"""ManifoldGD: MGD3 with modes from a tree, and a pull towards the data around each mode.

Paper:     Roy et al., "ManifoldGD: Training-Free Hierarchical Manifold Guidance for
           Diffusion-Based Dataset Distillation", CVPR 2026.
Reference: AyushRoy2001/ManifoldGD, sample_new.py, diffusion/gaussian_diffusion.py and
           scripts/*_manifoldgd.sh.
Differs:   the points around the modes are drawn once a step for all images of a seed
           (`draws=shared`): every image's points have the law they have in the code, which draws
           them for every image anew (`draws=own`); at 256 pixels that takes a CPU longer than a
           fast GPU takes to sample the image. `manifold` is scaled to the size of the latent
           (`scale`). Trees are grown once, with seed 0, and shared by all distillation seeds.
           Directions without variance are dropped (`ridge`).
           The paper projects the pull towards the mode on the tangent plane and picks modes of
           several levels; the released code does neither. `projection=tangent`, `pick=multiscale`
           and `neighbourhood=latents` are our readings of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from bench.generating import Generating
from bench.guidance import (
    check_choice,
    check_class_sizes,
    check_fraction,
    check_not_negative,
    per_element,
    published_row,
)
from bench.preparation.latents import RealLatents
from bench.preparation.modes import Modes
from bench.preparation.tree import Criterion
from bench.preparation.tree_modes import Pick, TreeModes

if TYPE_CHECKING:
    from bench.context import Context
    from bench.contracts import Artefact
    from bench.generators.interface import Source
    from bench.sampling.hook import Hook
    from bench.sets import DatasetCard

Clusters = Literal["tree", "kmeans", "ward", "average", "complete", "single"]
Neighbourhood = Literal["cloud", "latents"]
Draws = Literal["shared", "own"]
Anneal = Literal["linear", "cosine", "exp"]
Projection = Literal["normal", "tangent"]
Scale = Literal["element", "published"]
Centre = Literal["centroid", "closest"]

PUBLISHED: dict[str | None, dict[str, Any]] = {
    "imagenette": {"level": 6, "radius": 0.05, "bandwidth": 0.2},
    "imagewoof": {"level": 6, "radius": 0.1, "bandwidth": 0.2},
    None: {"level": 1, "radius": 0.1, "bandwidth": 0.1},
}
"""What the scripts pass; None is any other set, those for ImageNet-100 and ImageNet-1K included."""

MANIFOLD = 0.1
"""Strength of the pull towards the plane in all scripts."""


@dataclass(frozen=True)
class ManifoldGD(Generating):
    """Guide the first steps of image j of a class towards mode j and the data around it.

    The modes depend on the IPC, so IPC 10 is no prefix of IPC 50.
    """

    revision: ClassVar[int] = 1
    depends_on_ipc: ClassVar[Literal["never", "grouped", "always"]] = "always"

    strength: float = 0.1
    """Weight of the pull towards the mode, as in `mgd3`; 0 is off."""
    manifold: float | None = None
    """Length of the pull towards the plane; None means 0.1 for a latent of 4 x 32 x 32, and what
    moves every number as much in another one. 0 is off."""
    stop: float = 25 / 49
    """Fraction of the schedule from which images are left alone; 25/49 guides 24 of 50 steps."""
    clusters: Clusters = "tree"
    """How modes are found: divisive clustering, or one of the flat ones of `mgd3`."""
    criterion: Criterion = "sse"
    """Which cluster of the tree is split next."""
    level: int | None = None
    """Depth of the tree from which modes are picked first, 1 is the root; None as published."""
    pick: Pick = "code"
    """All leaves (the code: `level` decides their order alone), or modes of several depths."""
    represent: Centre = "centroid"
    """What stands for a cluster: its mean, or the real latent closest to it."""
    radius: float | None = None
    """Radius of the cloud around a mode; None as published for the set."""
    bandwidth: float | None = None
    """Distance to the nearest point at which the pull towards the plane becomes weaker. Distances
    are far larger than the published ones: it has no effect. None as published for the set."""
    rank: int = 3
    """Directions of the plane."""
    ridge: float = 1e-5
    """Variance up to which a direction counts as none."""
    cloud: int = 300
    """Points drawn around a mode in every step."""
    neighbours: int = 12
    """Points nearest to the state, through which the plane goes."""
    neighbourhood: Neighbourhood = "cloud"
    """Drawn points, or the real latents nearest to the mode with noise."""
    draws: Draws = "shared"
    """Random numbers of the points: one set a step for all images of a seed, or one per image."""
    warm: float = 5 / 49
    """Fraction of the schedule, from its begin, in which the radius is widened."""
    widen: float = 2.0
    """Factor of the radius at the first step; 1 is off."""
    anneal: Anneal = "exp"
    """How the factor falls."""
    projection: Projection = "normal"
    """"normal" adds the pull towards the plane; "tangent" keeps of the pull towards the mode what
    lies in the plane, and nothing else."""
    flip: bool = True
    """Mirror half of the real images at random, each once, before they are clustered."""
    scale: Scale = "element"
    """What `manifold=none` means for a latent of another size: as much for every number, or the
    published number."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        check_not_negative(strength=self.strength, manifold=self.manifold, ridge=self.ridge)
        check_fraction(stop=self.stop, warm=self.warm)
        for name, kind in CHOICES.items():
            check_choice(getattr(self, name), kind, name)
        self._check_counts()
        for name in ("radius", "bandwidth"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"`{name}` must be above 0, got {value}.")
        if self.widen < 1:
            raise ValueError(f"`widen` must be at least 1 (1 is off), got {self.widen}.")

    def _check_counts(self) -> None:
        for name, least in (("level", 1), ("rank", 0), ("neighbours", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"`{name}` must be at least {least}, got {value}.")
        if self.rank >= self.neighbours:
            raise ValueError(
                f"`rank` must be below `neighbours` ({self.neighbours}), got {self.rank}."
            )
        if self.neighbours > self.cloud:
            raise ValueError(
                f"`neighbours` must be at most `cloud` ({self.cloud}), got {self.neighbours}."
            )

    def filled(self, card: DatasetCard, ipc: int, source: Source) -> Self:
        """Return the method with published values where none are given.

        UsageError if a class is smaller than the IPC or than a neighbourhood.
        """
        check_class_sizes(card, ipc, "'manifoldgd' gives each image a mode of its own and")
        if self.neighbourhood == "latents":
            why = "`neighbourhood='latents'`"
            check_class_sizes(card, self.neighbours, why, "lower `neighbours`")
        row = published_row(card)
        values = {"manifold": self._manifold(source), **PUBLISHED.get(row, PUBLISHED[None])}
        missing = {name: value for name, value in values.items() if getattr(self, name) is None}
        return replace(self, **missing)

    def artefacts(self, card: DatasetCard, ipc: int) -> tuple[Artefact[Any], ...]:
        """Return the latents of the real set and their modes."""
        latents = RealLatents.of(card, self.sampling, flip=self.flip)
        if self.clusters != "tree":
            return latents, Modes(latents, ipc, self.clusters, self.represent)
        level = self.level or 1
        tree = TreeModes(latents, ipc, self.criterion, level, self.pick, self.represent)
        return latents, tree

    def hook(self, card: DatasetCard, ipc: int, ctx: Context) -> Hook:
        """Return the guidance."""
        from methods.manifoldgd_hook import ManifoldGuidance

        latents, modes = (ctx.get(artefact) for artefact in self.artefacts(card, ipc))
        around = latents if self.neighbourhood == "latents" else None
        return ManifoldGuidance(self, modes, around)

    def _manifold(self, source: Source) -> float:
        if self.scale == "published":
            return MANIFOLD
        return per_element(MANIFOLD, source.latent_shape, power=0.5)


CHOICES = {
    "clusters": Clusters,
    "criterion": Criterion,
    "pick": Pick,
    "represent": Centre,
    "neighbourhood": Neighbourhood,
    "draws": Draws,
    "anneal": Anneal,
    "projection": Projection,
    "scale": Scale,
}
"""Fields that take one of a few words."""

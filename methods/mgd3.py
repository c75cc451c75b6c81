"""MGD3: every image is drawn towards a mode of its class of its own.

Paper:     Chan-Santiago, Tirupattur, Nayak, Liu & Shah, "MGD3: Mode-Guided Dataset Distillation
           using Diffusion Models", ICML 2025.
Reference: jachansantiago/mode_guidance, read in AyushRoy2001/ManifoldGD, sample_mode_guidance.py,
           and zelectricsheep/AGS-DD-anonymous, scheduling_ddpm_mode_guidance.py.
Differs:   modes are found once, with seed 0 as in the code, and shared by all distillation seeds.
           Images of many classes are sampled in one batch, each with its own mode; the code does
           one image at a time. A class with fewer images than the IPC is refused, where k-means
           would fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from bench.generating import Generating
from bench.guidance import check_choice, check_class_sizes, check_fraction, check_not_negative
from bench.preparation.latents import RealLatents
from bench.preparation.modes import Clustering, Modes, Represent
from methods.mgd3_hook import ModeGuidance

if TYPE_CHECKING:
    from bench.context import Context
    from bench.contracts import Artefact
    from bench.generators.interface import Source
    from bench.sampling.hook import Hook
    from bench.sets import DatasetCard

DDIM = Literal["state", "clean"]


@dataclass(frozen=True)
class MGD3(Generating):
    """Guide the first steps of image j of a class towards mode j of the class.

    The modes depend on the IPC, so IPC 10 is no prefix of IPC 50.
    """

    revision: ClassVar[int] = 1
    depends_on_ipc: ClassVar[Literal["never", "grouped", "always"]] = "always"

    strength: float = 0.1
    """Weight of the pull in every guided step; 0 is off. With DDPM, 0.3 explodes."""
    stop: float = 25 / 49
    """Fraction of the schedule from which images are left alone; 25/49 guides 24 of 50 steps."""
    discovery: Clustering = "kmeans"
    """How modes are found: k-means in the code, "mixture" in one summary of the paper."""
    represent: Represent = "centroid"
    """What stands for a cluster: its mean, the closest real latent, or the same in 4-d PCA."""
    flip: bool = True
    """Mirror half of the real images at random, each once, before they are clustered."""
    ddim: DDIM = "state"
    """What DDIM adds the pull to: the state after the step, or the predicted clean latent."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value out of range."""
        check_not_negative(strength=self.strength)
        check_fraction(stop=self.stop)
        check_choice(self.discovery, Clustering, "discovery")
        check_choice(self.represent, Represent, "represent")
        check_choice(self.ddim, DDIM, "ddim")

    def filled(self, card: DatasetCard, ipc: int, source: Source) -> Self:
        """Return the method as it is; UsageError if a class is smaller than the IPC."""
        check_class_sizes(card, ipc, "'mgd3' gives each image a mode of its own and")
        return self

    def artefacts(self, card: DatasetCard, ipc: int) -> tuple[Artefact[Any], ...]:
        """Return the latents of the real set and their modes."""
        latents = RealLatents.of(card, self.sampling, flip=self.flip)
        return latents, Modes(latents, ipc, self.discovery, self.represent)

    def hook(self, card: DatasetCard, ipc: int, ctx: Context) -> Hook:
        """Return the guidance."""
        _, modes = self.artefacts(card, ipc)
        return ModeGuidance(ctx.get(modes), self.strength, self.stop, self.ddim)

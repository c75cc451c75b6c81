"""The guided step of MGD3 (see `methods.mgd3`)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.guidance import above, mode_pull, own_modes
from bench.sampling.hook import Delta, Job, Step, Want

if TYPE_CHECKING:
    from torch import Tensor

    from bench.preparation.modes import ModesOfClasses
    from methods.mgd3 import DDIM


class ModeGuidance:
    """Pulls every image towards its mode while the schedule is above `stop`."""

    sequential = False

    def __init__(self, modes: ModesOfClasses, strength: float, stop: float, ddim: DDIM) -> None:
        self.strength, self.stop, self.ddim = strength, stop, ddim
        self._modes = own_modes(modes)

    @property
    def strengths(self) -> str:
        """Return the strength in words."""
        return f"`strength` {self.strength:g}"

    def wants(self, u: float) -> Want:
        """Return nothing: no gradient is taken."""
        return Want()

    def __call__(self, step: Step) -> Delta | None:
        """Return the pull of one step.

        DDPM adds `strength * sigma * (mode - clean)` to the mean. DDIM adds `strength * (mode -
        clean)`, times the root of the signal's share ("state", as the scheduler for Stable
        Diffusion has it), to the state, or as it is to the clean latent ("clean", as the
        ManifoldGD repository has it).
        """
        if self.strength == 0 or not above(step.level.u, self.stop):
            return None
        modes = self._modes(step)
        if step.schedule.scheduler == "ddpm":
            return Delta(mean=mode_pull(step, modes, self.strength))
        pull = self.strength * (modes - step.clean)
        if self.ddim == "clean":
            return Delta(clean=pull)
        return Delta(x=math.sqrt(step.level.kept) * pull)

    def done(self, job: Job, latent: Tensor) -> None:
        """Remember nothing."""

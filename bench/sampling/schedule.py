"""The noise schedule of a sampler and one step of it, as tables of floats and pure functions.

Papers:    Ho et al., "Denoising Diffusion Probabilistic Models", NeurIPS 2020, eq. 4 to 11.
           Nichol & Dhariwal, "Improved Denoising Diffusion Probabilistic Models", ICML 2021,
           eq. 15 (learned range). Song et al., "Denoising Diffusion Implicit Models", ICLR 2021,
           eq. 12 without noise.
Reference: facebookresearch/DiT, diffusion/gaussian_diffusion.py, respace.py.

Tables are Python floats, which are float64 on every machine; tensors keep their own type.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from operator import mul
from typing import TYPE_CHECKING, Literal

from bench.generators.card import Betas

if TYPE_CHECKING:
    from torch import Tensor

Scheduler = Literal["ddpm", "ddim"]


@dataclass(frozen=True)
class Level:
    """One step of a schedule: from x_i to x_(i-1)."""

    i: int
    """Respaced index, N - 1 at the first step and 0 at the last."""
    t: int
    """Original timestep, which the network is asked at."""
    u: float
    """Fraction of the schedule that lies ahead, i / (N - 1): 1 at the first step, 0 at the last."""
    beta: float
    """Variance of the respaced forward step i."""
    kept: float
    """Share of the signal's variance left at i (alpha bar)."""
    kept_before: float
    """The same at i - 1; 1 at the last step."""
    log_bounds: tuple[float, float]
    """Logarithms of the smallest and the largest variance of the step back."""

    @property
    def last(self) -> bool:
        """Say whether this is the step that gives the final latent."""
        return self.i == 0

    @property
    def x0_weight(self) -> float:
        """Return the weight of the predicted clean latent in the posterior mean (c1)."""
        return self.beta * math.sqrt(self.kept_before) / (1 - self.kept)

    @property
    def x_weight(self) -> float:
        """Return the weight of the noisy latent in the posterior mean (c2)."""
        return (1 - self.kept_before) * math.sqrt(1 - self.beta) / (1 - self.kept)


@dataclass(frozen=True)
class Schedule:
    """All steps of a sampler."""

    scheduler: Scheduler
    levels: tuple[Level, ...]
    """Level i is item i, so that sampling goes through them backwards."""

    def __len__(self) -> int:
        return len(self.levels)

    @classmethod
    def of(cls, scheduler: Scheduler, steps: int, betas: Betas | None = None) -> Schedule:
        """Return the schedule of `steps` steps; ValueError if the scheduler has none of that many.

        Variances are recomputed from what is kept at the retained timesteps.
        """
        betas = betas or Betas()
        whole = _kept(betas)
        times = timesteps(scheduler, steps, betas.count)
        kept = [whole[t] for t in times]
        before = [1.0, *kept[:-1]]
        variances = [1 - now / then for now, then in zip(kept, before, strict=True)]
        smallest = [
            beta * (1 - then) / (1 - now)
            for beta, now, then in zip(variances, kept, before, strict=True)
        ]
        smallest[0] = smallest[1]  # would be 0, which has no logarithm
        levels = tuple(
            Level(
                i,
                times[i],
                i / (steps - 1),
                variances[i],
                kept[i],
                before[i],
                (math.log(smallest[i]), math.log(variances[i])),
            )
            for i in range(steps)
        )
        return cls(scheduler, levels)


def timesteps(scheduler: Scheduler, steps: int, count: int = 1000) -> tuple[int, ...]:
    """Return the `steps` retained timesteps of `count`, ascending.

    DDPM spreads them evenly from the first to the last, rounded. DDIM takes the smallest whole
    stride that gives `steps` of them, from 0 on; ValueError if there is no such stride.
    """
    if not 2 <= steps <= count:
        raise ValueError(f"`steps` must lie between 2 and {count}, got {steps}.")
    if scheduler == "ddpm":
        strides = [0.0] + (steps - 1) * [(count - 1) / (steps - 1)]
        # Added up, not multiplied: a half is then rounded to the side the official code takes.
        return tuple(round(place) for place in accumulate(strides))
    stride = math.ceil(count / steps)
    found = len(range(0, count, stride))
    if found != steps:
        raise ValueError(
            f"`scheduler='ddim'` needs a whole stride through {count} timesteps, which `steps` = "
            f"{steps} does not give: take {found}, or `scheduler='ddpm'`."
        )
    return tuple(range(0, count, stride))


def kept_at(betas: Betas, t: int) -> float:
    """Return the share of the signal's variance that is left at an original timestep."""
    return _kept(betas)[t]


def _kept(betas: Betas) -> list[float]:
    """Return the share of the signal's variance that is left at every original timestep."""
    power = 2 if betas.spacing == "scaled_linear" else 1
    first, last = betas.first ** (1 / power), betas.last ** (1 / power)
    step = (last - first) / (betas.count - 1)
    variances = [(first + t * step) ** power for t in range(betas.count)]
    return list(accumulate((1 - beta for beta in variances), mul))


def clean_of(x: Tensor, noise: Tensor, level: Level) -> Tensor:
    """Return the clean latent that noisy `x` with this noise comes from, never clipped."""
    return (x - math.sqrt(1 - level.kept) * noise) / math.sqrt(level.kept)


def noise_of(x: Tensor, clean: Tensor, level: Level) -> Tensor:
    """Return the noise in `x` if this is its clean latent; the inverse of `clean_of`."""
    return (x - math.sqrt(level.kept) * clean) / math.sqrt(1 - level.kept)


def ddpm_mean(x: Tensor, clean: Tensor, level: Level) -> Tensor:
    """Return the mean of x_(i-1) given x_i and the clean latent."""
    return level.x0_weight * clean + level.x_weight * x


def ddpm_sigma(variance: Tensor | None, level: Level, like: Tensor) -> Tensor:
    """Return the standard deviation of x_(i-1), per element.

    `variance` in about [-1, 1] lies between the two bounds, in logarithms; None takes the smaller.
    """
    import torch

    low, high = level.log_bounds
    if variance is None:
        return torch.full_like(like, math.exp(0.5 * low))
    share = (variance + 1) / 2
    return torch.exp(0.5 * (share * high + (1 - share) * low))


def ddim_mean(clean: Tensor, noise: Tensor, level: Level) -> Tensor:
    """Return x_(i-1) of the deterministic step."""
    before = level.kept_before
    return math.sqrt(before) * clean + math.sqrt(1 - before) * noise


def noised(x: Tensor, noise: Tensor, level: Level) -> Tensor:
    """Return x_i from x_(i-1) by the forward step."""
    return math.sqrt(1 - level.beta) * x + math.sqrt(level.beta) * noise

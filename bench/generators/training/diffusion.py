"""The losses of a diffusion model with a learned variance, on tables computed in float64.

Paper:     Nichol & Dhariwal, "Improved Denoising Diffusion Probabilistic Models", ICML 2021: the
           hybrid loss L_simple + 0.001 L_vlb, whose weight and 1000 timesteps cancel.
Reference: facebookresearch/DiT, diffusion/gaussian_diffusion.py (`training_losses`).
Differs:   the first timestep's likelihood uses the normal distribution function itself in place of
           a tanh that approximates it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from bench.generators.card import Betas

HALF_BIN = 1.0 / 255.0
"""Half the width of one of 256 levels in [-1, 1]; latents are treated as pixels, as officially."""


@dataclass(frozen=True, eq=False)
class Tables:
    """Coefficients of every timestep, float32 `[T]`; `A` is the product of `1 - beta` up to t."""

    signal: Tensor
    """sqrt(A_t)."""
    noise: Tensor
    """sqrt(1 - A_t)."""
    from_clean: Tensor
    """Weight of the clean latent in the posterior mean of the step before."""
    from_noisy: Tensor
    """Weight of the noisy latent in it."""
    log_most: Tensor
    """log beta_t: the upper bound of the log-variance."""
    log_least: Tensor
    """Log-variance of the posterior, the lower bound; the first one, -inf, repeats the second."""

    @classmethod
    def of(cls, betas: Betas, device: torch.device) -> Tables:
        """Return the tables of linearly spaced betas; ValueError for any other spacing."""
        beta = variances(betas)
        kept = (1.0 - beta).cumprod(0)
        before = torch.cat([torch.ones(1, dtype=torch.float64), kept[:-1]])
        least = beta * (1.0 - before) / (1.0 - kept)
        columns = (
            kept.sqrt(),
            (1.0 - kept).sqrt(),
            beta * before.sqrt() / (1.0 - kept),
            (1.0 - before) * (1.0 - beta).sqrt() / (1.0 - kept),
            beta.log(),
            torch.cat([least[1:2], least[1:]]).log(),
        )
        return cls(*(column.float().to(device) for column in columns))

    def __len__(self) -> int:
        return len(self.signal)

    def noisy(self, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Return latents `[B, C, h, w]` after `t` steps of noise, int64 `[B]` from 0."""
        return _at(self.signal, t) * clean + _at(self.noise, t) * noise

    def losses(
        self, output: Tensor, clean: Tensor, noise: Tensor, t: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the squared error of the noise and the variational bound in bits, both `[B]`.

        `output` is `[B, 2C, h, w]`: the noise that the network sees, then where in between its
        bounds the log-variance lies, -1 to 1. The bound teaches the variance only.
        """
        seen, between = output.chunk(2, dim=1)
        error = (seen - noise).square().flatten(1).mean(1)
        return error, self._bound(seen.detach(), between, clean, noise, t)

    def _bound(
        self, seen: Tensor, between: Tensor, clean: Tensor, noise: Tensor, t: Tensor
    ) -> Tensor:
        x = self.noisy(clean, noise, t)
        guessed = self.clean_of(x, seen, t)
        true_mean, mean = self.posterior_mean(clean, x, t), self.posterior_mean(guessed, x, t)
        most, least = _at(self.log_most, t), _at(self.log_least, t)
        share = (between + 1.0) / 2.0
        log_variance = share * most + (1.0 - share) * least
        later = normal_kl(true_mean, least, mean, log_variance)
        first = -bin_log_likelihood(clean, mean, 0.5 * log_variance)
        bits: Tensor = torch.where(_column(t == 0), first, later) / math.log(2.0)
        return bits.flatten(1).mean(1)

    def clean_of(self, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Return the clean latents that noisy `x` with this noise come from, never clipped."""
        return (x - _at(self.noise, t) * noise) / _at(self.signal, t)

    def posterior_mean(self, clean: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """Return the mean of the latents one timestep before, given clean and noisy ones."""
        return _at(self.from_clean, t) * clean + _at(self.from_noisy, t) * x


def variances(betas: Betas) -> Tensor:
    """Return the variance that every timestep adds, float64 `[T]`; ValueError if not linear."""
    if betas.spacing != "linear":
        raise ValueError(f'`spacing` must be "linear", got {betas.spacing!r}.')
    return torch.linspace(betas.first, betas.last, betas.count, dtype=torch.float64)


def normal_kl(mean: Tensor, log_variance: Tensor, mean_2: Tensor, log_variance_2: Tensor) -> Tensor:
    """Return the divergence in nats of a normal from a second one, elementwise."""
    gap = log_variance - log_variance_2
    return 0.5 * (gap.exp() - 1.0 - gap + (mean - mean_2).square() * (-log_variance_2).exp())


def bin_log_likelihood(x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Return the log-probability that a normal falls into the bin around `x`, elementwise.

    The outermost bins, beyond +-0.999, reach to infinity.
    """
    narrow = (-log_std).exp()
    above = torch.special.ndtr((x - mean + HALF_BIN) * narrow)
    below = torch.special.ndtr((x - mean - HALF_BIN) * narrow)
    inside = torch.where(x < -0.999, above, torch.where(x > 0.999, 1.0 - below, above - below))
    return inside.clamp(min=1e-12).log()


def _at(table: Tensor, t: Tensor) -> Tensor:
    return _column(table[t])


def _column(values: Tensor) -> Tensor:
    return values[:, None, None, None]

"""Deterministic DDIM moves towards more noise, and how well two latents match in direction.

Papers:    Song et al., "Denoising Diffusion Implicit Models", ICLR 2021, eq. 13 (either direction).
           IMS3: the matching of denoised and inverted latents.
Reference: Westlake-AGI-Lab/IMS3, diffusion/gaussian_diffusion.py (`ddim_reverse_sample` and the
           matching in `training_losses`).
Differs:   a chain of moves starts at the clean latent itself and not at timestep 0.

Levels of noise are cumulative products of `1 - beta`, in float64 on the CPU; 1 is clean, 0 noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from bench.generators.card import Betas
from bench.generators.training.diffusion import variances

Predict = Callable[[Tensor, Tensor], Tensor]
"""From latents `[B, C, h, w]` and their timesteps, int64 `[B]` on the CPU, to their noise."""


def levels(betas: Betas) -> Tensor:
    """Return the share of the signal's variance left, float64 `[T + 2]`: item t + 1 for timestep t.

    The first item is the clean latent, timestep -1, and the last one pure noise, timestep T.
    """
    one = torch.ones(1, dtype=torch.float64)
    return torch.cat([one, (1.0 - variances(betas)).cumprod(0), 0.0 * one])


def euler(x: Tensor, noise: Tensor, kept_from: Tensor, kept_to: Tensor, clip: bool) -> Tensor:
    """Return latents `[B, C, h, w]` moved between two levels `[B]` along one noise.

    `clip` cuts the clean latent that `x` seems to come from to [-1, 1], and takes for noise what is
    then missing from `x`. A latent without noise is no guess and is never cut.
    """
    signal, spread = _like(x, kept_from.sqrt()), _like(x, (1.0 - kept_from).sqrt())
    clean = (x - spread * noise) / signal
    if clip:
        noisy = spread > 0
        clean = torch.where(noisy, clean.clamp(-1.0, 1.0), clean)
        noise = torch.where(noisy, (x - signal * clean) / torch.where(noisy, spread, 1.0), noise)
    return _like(x, kept_to.sqrt()) * clean + _like(x, (1.0 - kept_to).sqrt()) * noise


def invert(predict: Predict, clean: Tensor, times: Tensor, kept: Tensor, clip: bool) -> Tensor:
    """Return clean latents `[B, C, h, w]` with the noise that sampling would take away again.

    `times` are ascending timesteps, int64 `[steps, B]` from -1; the last ones are where the latents
    arrive. `kept` is the table of `levels`. Noise is asked for where a move begins, at timestep 0
    for the clean latent.
    """
    x, before = clean, torch.full_like(times[0], -1)
    for now in times:
        noise = predict(x, before.clamp(min=0))
        x = euler(x, noise, kept[before + 1], kept[now + 1], clip)
        before = now
    return x


def evenly(last: Tensor, steps: int) -> Tensor:
    """Return timesteps int64 `[steps, B]`, evenly spaced above -1 and up to `last`, int64 `[B]`.

    A timestep repeats where there are fewer than `steps`: a move that changes nothing.
    """
    return (last + 1) * torch.arange(1, steps + 1)[:, None] // steps - 1


def matched(p: Tensor, q: Tensor, pairing: Literal["diagonal", "all"]) -> Tensor:
    """Return the mean cosine of latents `[B, ...]`, -1 to 1: of equal places, or of all pairs."""
    p, q = (functional.normalize(latents.flatten(1), dim=1) for latents in (p, q))
    if pairing == "diagonal":
        return (p * q).sum(1).mean()
    return (p.mean(0) * q.mean(0)).sum()  # the mean over all pairs, without making them


def _like(x: Tensor, values: Tensor) -> Tensor:
    """Return values `[B]` in the type and place of `x`, one for each of its rows."""
    return values.to(x.dtype).to(x.device).reshape(-1, *[1] * (x.dim() - 1))

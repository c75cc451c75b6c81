"""Images to latents and back, by diffusers' AutoencoderKL."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class LatentCodec:
    """An autoencoder whose latents are scaled as a noise predictor wants them."""

    def __init__(self, autoencoder: Any) -> None:
        """Take an `AutoencoderKL`, whose configuration says the scale."""
        self.autoencoder = autoencoder.eval().requires_grad_(False)
        self.scale = float(autoencoder.config.scaling_factor)

    def encode(self, images: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Return the posterior mean of images `[B, 3, H, W]`, or a sample if `rng` is given."""
        posterior = self.autoencoder.encode(images).latent_dist
        latents: Tensor = posterior.mean
        if rng is not None:
            # On the CPU and in float32: then the numbers are those of every machine.
            noise = torch.randn(latents.shape, generator=rng, dtype=torch.float32)
            latents = latents + posterior.std * noise.to(latents)
        return self.scale * latents

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the posterior of images `[B, 3, H, W]`, scaled."""
        posterior = self.autoencoder.encode(images).latent_dist
        return self.scale * posterior.mean, self.scale * posterior.std

    def decode(self, latents: Tensor) -> Tensor:
        """Return images `[B, 3, H, W]` of latents, not clipped; differentiable."""
        images: Tensor = self.autoencoder.decode(latents / self.scale).sample
        return images

"""All training images as latents, encoded once: the posterior's mean and standard deviation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.generators.training.images import signed
from bench.generators.training.stage import normal
from bench.streams import Streams

BATCH = 250
"""Images encoded or decoded together: memory and speed."""


@dataclass(frozen=True, eq=False)
class Latents:
    """What the encoder says of every image, on the device."""

    mean: Tensor
    """float32 `[N, C, h, w]`."""
    std: Tensor

    def __len__(self) -> int:
        return len(self.mean)

    def sample(self, index: Tensor, streams: Streams, step: int) -> Tensor:
        """Return one draw `[B, C, h, w]` from the posterior of each chosen image."""
        index = index.to(self.mean.device)
        mean, std = self.mean[index], self.std[index]
        return mean + std * normal(streams, "posterior", step, mean)


@torch.no_grad()
def encode(autoencoder: Any, images: Tensor) -> Latents:
    """Return the latents of uint8 images `[N, 3, H, W]`, unscaled, on the network's device."""
    autoencoder.eval()
    posteriors = [
        autoencoder.encode(signed(part.to(autoencoder.device))).latent_dist
        for part in torch.split(images, BATCH)
    ]
    return Latents(torch.cat([p.mean for p in posteriors]), torch.cat([p.std for p in posteriors]))


@torch.no_grad()
def decode(autoencoder: Any, latents: Tensor) -> Tensor:
    """Return images `[N, 3, H, W]`, about -1 to 1, of unscaled latents."""
    autoencoder.eval()
    parts = torch.split(latents, BATCH)
    return torch.cat([autoencoder.decode(part.to(autoencoder.device)).sample for part in parts])


@torch.no_grad()
def standardise(autoencoder: Any, images: Tensor) -> None:
    """Change the network's latents to mean 0 and variance 1 in every channel.

    The latents of a trained autoencoder have a mean far from 0, which one scaling factor cannot
    mend. Both 1 x 1 convolutions beside the latents take up the change exactly: what the network
    decodes from its own latents stays the same, and its scaling factor is 1.
    """
    latents = encode(autoencoder, images)
    everywhere = (0, 2, 3)
    shift = latents.mean.double().mean(everywhere)
    variance = latents.mean.double().var(everywhere) + latents.std.double().square().mean(
        everywhere
    )
    scale, channels = variance.sqrt(), len(shift)
    into, back = autoencoder.quant_conv, autoencoder.post_quant_conv
    assert into is not None
    assert back is not None
    assert into.bias is not None
    assert back.bias is not None
    back.bias += torch.einsum("oi...,i->o", back.weight.double(), shift).to(back.bias)
    back.weight *= scale[:, None, None].to(back.weight)
    into.bias[:channels] -= shift.to(into.bias)
    into.bias[:channels] /= scale.to(into.bias)
    into.weight[:channels] /= scale[:, None, None, None].to(into.weight)
    into.bias[channels:] -= 2.0 * scale.log().to(into.bias)  # these channels are the log-variance

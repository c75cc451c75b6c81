"""Gradients of single images with respect to a network's parameters, and their likeness to others.

Everything here is differentiable in the images.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy

from bench.augment.colour import MEAN, STD

LEAST = 1e-6
"""Added to the product of lengths in a cosine: Lokshaw-Chau/MinimaxDiffusion,
diffusion/gaussian_diffusion.py."""


def gradients(
    network: nn.Module, state: Mapping[str, Tensor], images: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    """Return the gradient of every image's cross-entropy, `[B, ...]` by name of the parameter.

    `state` holds the parameters by name, images are normalised `[B, 3, S, S]`, labels int64 `[B]`.
    The network must know images apart: no batch norm.
    """

    def loss(parameters: Mapping[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        logits: Tensor = functional_call(network, dict(parameters), (image[None],))
        value: Tensor = cross_entropy(logits, label[None])
        return value

    found: dict[str, Tensor] = vmap(grad(loss), (None, 0, 0))(dict(state), images, labels)
    return found


def dissimilarity(gradients: Mapping[str, Tensor], unit: Tensor, norm: Tensor) -> Tensor:
    """Return 1 minus the cosine between gradients and targets `[B]`, over all parameters at once.

    Targets are `norm` `[B]` times the unit vectors `unit` `[B, P]`, whose order is that of
    `gradients`. Eq.: 1 - <g, G> / (|g| |G| + 1e-6).
    """
    flat = torch.cat([each.flatten(1) for each in gradients.values()], dim=1)
    size: Tensor = torch.linalg.vector_norm(flat, dim=1)
    product: Tensor = (flat * unit).sum(dim=1) * norm
    return 1 - product / (size * norm + LEAST)


def as_trained_on(images: Tensor) -> Tensor:
    """Return images `[B, 3, S, S]` in [-1, 1] normalised as those that networks are trained on."""
    mean, std = (
        torch.tensor(values, device=images.device, dtype=images.dtype)[:, None, None]
        for values in (MEAN, STD)
    )
    seen: Tensor = ((images + 1) / 2 - mean) / std
    return seen

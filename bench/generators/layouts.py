"""The exact layouts of published networks, so that weights are all that is ever loaded."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import nn


def dit_xl_2(latent_size: int = 32) -> Any:
    """Return DiT-XL/2 (a `DiTTransformer2DModel`): 28 blocks, 16 heads of 72, patches of 2 x 2.

    Peebles & Xie, ICCV 2023, Table 1; the epsilon is the original's 1e-6 throughout.
    """
    return _diffusers().DiTTransformer2DModel(
        num_attention_heads=16,
        attention_head_dim=72,
        in_channels=4,
        out_channels=8,  # noise and variance
        num_layers=28,
        sample_size=latent_size,
        patch_size=2,
        num_embeds_ada_norm=1000,
        norm_eps=1e-6,
    )


def sd_autoencoder() -> Any:
    """Return the autoencoder of Stable Diffusion 1 (f8, 4 channels): an `AutoencoderKL`."""
    return _diffusers().AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        sample_size=256,
    )


def sd_unet() -> Any:
    """Return the noise predictor of Stable Diffusion 1: a `UNet2DConditionModel`."""
    return _diffusers().UNet2DConditionModel(sample_size=64, cross_attention_dim=768)


def filled(build: Any, weights: dict[str, torch.Tensor]) -> Any:
    """Return the network that `build()` makes with these weights, in float32.

    It is laid out on the meta device, so that nothing is initialised that is overwritten at once.
    Raises RuntimeError if the weights are not those of the layout.
    """
    with torch.device("meta"):
        network = build()
    patches = getattr(network, "pos_embed", None)
    if patches is not None:
        network.pos_embed = _on_cpu(patches)
    state = {_current_name(name): value.float() for name, value in weights.items()}
    state.pop("pos_embed.pos_embed", None)  # a constant, which older files hold
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def num_parameters(network: nn.Module) -> int:
    """Return how many parameters a network has, shared ones once."""
    return sum(parameter.numel() for parameter in network.parameters())


def _diffusers() -> Any:
    # It calls itself typed, but most of its functions are not.
    return importlib.import_module("diffusers")


def _on_cpu(patches: Any) -> Any:
    """Return the same patch embedding with its positions, which are no weights, computed."""
    size, convolution = patches.patch_size, patches.proj
    return type(patches)(
        height=patches.height * size,
        width=patches.width * size,
        patch_size=size,
        in_channels=convolution.in_channels,
        embed_dim=convolution.out_channels,
    )


_OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def _current_name(name: str) -> str:
    """Return today's name of a weight: diffusers renamed attention layers after these were made."""
    head, _, kind = name.rpartition(".")
    path, _, last = head.rpartition(".")
    if ".attentions." not in f".{path}." or last not in _OLD_NAMES:
        return name
    return f"{path}.{_OLD_NAMES[last]}.{kind}"

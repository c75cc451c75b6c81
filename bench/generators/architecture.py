"""The networks of the embedded suite, without weights: autoencoder, transformer, feature network.

They are of the same make as DiT-XL/2 and its autoencoder, only small: 0.77 M and 4.62 M parameters,
for images of 32 x 32 pixels and 20 classes.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

N = TypeVar("N", bound="nn.Module")

IMAGE_SIZE = 32
LATENT_SHAPE = (4, 8, 8)
NUM_CLASSES = 20
"""Classes of both sets together; this number itself stands for no class."""


def embedded_autoencoder() -> Any:
    """Return the autoencoder, an `AutoencoderKL` of diffusers.

    Images `[B, 3, 32, 32]` in [-1, 1] become latents `[B, 4, 8, 8]`. Its `scaling_factor` is 1:
    training ends by scaling the latents inside of the network.
    """
    return importlib.import_module("diffusers").AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(24, 48, 64),
        layers_per_block=1,
        latent_channels=LATENT_SHAPE[0],
        norm_num_groups=8,
        sample_size=IMAGE_SIZE,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )


def embedded_transformer() -> Any:
    """Return the transformer, a `DiTTransformer2DModel` of diffusers.

    It has 6 blocks, 6 heads of 32, patches of 2 x 2 and a learned variance.
    Weights are drawn as the official code draws them (see `initialise`), timesteps become the
    official code's frequencies, and labels are never dropped by the network itself.
    """
    from bench.generators.diffusion_transformer import use_original_frequencies

    transformer = importlib.import_module("diffusers").DiTTransformer2DModel(
        num_attention_heads=6,
        attention_head_dim=32,
        in_channels=LATENT_SHAPE[0],
        out_channels=2 * LATENT_SHAPE[0],  # noise and variance
        num_layers=6,
        sample_size=LATENT_SHAPE[1],
        patch_size=2,
        num_embeds_ada_norm=NUM_CLASSES,
        norm_eps=1e-6,
    )
    use_original_frequencies(transformer)
    keep_labels(transformer)
    initialise(transformer)
    return transformer


def feature_network() -> nn.Module:
    """Return the feature network: ConvNet-4 of width 96 with batch norm, 384 features.

    0.26 M parameters, 0.52 MB in half precision. Batch norm, because instance norm would hide
    the contrast and colour that a distance of features has to see.
    """
    from bench.backbones import ConvNet

    return ConvNet(depth=4, width=96, norm="batch").build(NUM_CLASSES, IMAGE_SIZE, "batch")


def keep_labels(transformer: Any) -> None:
    """Switch off the label dropout of every block; the null row of the tables stays.

    diffusers gives each block a dropout of its own, so that in training mode some blocks would see
    the class and others would not. Whoever trains drops a label once per image.
    """
    for block in transformer.transformer_blocks:
        block.norm1.emb.class_embedder.dropout_prob = 0.0


def initialise(transformer: Any) -> None:
    """Draw the weights as the official code does; diffusers leaves this out.

    facebookresearch/DiT, models.py, `initialize_weights`: every block is the identity at first and
    the output is 0, because all adaptive norms and the last layer begin at 0.
    """
    from torch.nn import Linear, init

    for module in transformer.modules():
        if isinstance(module, Linear):
            init.xavier_uniform_(module.weight)
            _zero(module.bias)
    patches = transformer.pos_embed.proj
    init.xavier_uniform_(patches.weight.flatten(1))  # as the linear layer that it is
    _zero(patches.bias)
    for block in transformer.transformer_blocks:
        embed, modulation = block.norm1.emb, block.norm1.linear
        init.normal_(embed.class_embedder.embedding_table.weight, std=0.02)
        init.normal_(embed.timestep_embedder.linear_1.weight, std=0.02)
        init.normal_(embed.timestep_embedder.linear_2.weight, std=0.02)
        _zero(modulation.weight, modulation.bias)
    for last in (transformer.proj_out_1, transformer.proj_out_2):
        _zero(last.weight, last.bias)


def seeded(build: Callable[[], N], seed: int) -> N:
    """Return `build()` on the CPU with weights that follow from `seed`.

    All global random states are left as they were.
    """
    import torch

    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)
        return build()


def _zero(*parameters: nn.Parameter | None) -> None:
    from torch.nn import init

    for parameter in parameters:
        if parameter is not None:
            init.zeros_(parameter)

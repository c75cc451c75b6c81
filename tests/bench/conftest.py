"""A class-conditional generator small enough to sample from in milliseconds."""

import sys
from pathlib import Path

import pytest
import torch

from bench.generators.autoencoder import LatentCodec
from bench.generators.card import GeneratorCard
from bench.generators.diffusion_transformer import DiffusionTransformer, block_names
from bench.generators.layouts import filled

sys.path.append(str(Path(__file__).parent))  # for `tiny_set` and `idle`, which are no tests

TINY_CLASSES = tuple(f"c{number}" for number in range(10))


def build_tiny_transformer():
    from diffusers import DiTTransformer2DModel

    return DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=4,
        out_channels=8,
        num_layers=3,
        sample_size=8,
        patch_size=2,
        num_embeds_ada_norm=10,
        norm_eps=1e-6,
    )


def build_tiny_autoencoder():
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        sample_size=16,
    )


def tiny_weights(build, seed):
    """Return weights of which none is zero, so that every path of the network matters."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build()
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.fixture(scope="session")
def make_generator():
    """Return a function that makes the same tiny generator every time."""

    def make(dtype=torch.float32, seed=0):
        card = GeneratorCard(
            name="tiny",
            weights=f"seed {seed}",
            conditioning="class",
            classes=TINY_CLASSES,
            image_size=16,
            latent_shape=(4, 8, 8),
            layers=block_names(3),
            uses_imagenet_labels=False,
        )
        transformer = filled(build_tiny_transformer, tiny_weights(build_tiny_transformer, seed))
        autoencoder = filled(build_tiny_autoencoder, tiny_weights(build_tiny_autoencoder, seed))
        if dtype == torch.float64:
            transformer, autoencoder = transformer.double(), autoencoder.double()
        return DiffusionTransformer(card, LatentCodec(autoencoder), transformer)

    return make


@pytest.fixture(scope="session")
def tiny_builders():
    """Return the builders of the tiny transformer and autoencoder, and of weights for them."""
    return build_tiny_transformer, build_tiny_autoencoder, tiny_weights

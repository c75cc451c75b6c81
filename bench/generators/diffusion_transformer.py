"""Class-conditional diffusion transformers (DiT) with learned variance, on diffusers' modules.

Paper:     Peebles & Xie, "Scalable Diffusion Models with Transformers", ICCV 2023.
Reference: facebookresearch/DiT, models.py (`forward_with_cfg`).
Differs:   diffusers' module keeps a label table and a timestep embedding in every block, and turns
           timesteps into other frequencies than the weights were trained with; the frequencies are
           put right here. Its own pipeline guides four channels instead of three and steps without
           the learned variance, which is why it is not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bench.errors import unknown_name
from bench.generators.autoencoder import LatentCodec
from bench.generators.card import GeneratorCard
from bench.generators.interface import Cond, Prediction

GUIDED_CHANNELS = 3
"""Latent channels under classifier-free guidance; the official code leaves the fourth alone."""


class DiffusionTransformer:
    """An autoencoder and a transformer in its latent space, conditioned on classes."""

    def __init__(self, card: GeneratorCard, codec: LatentCodec, transformer: Any) -> None:
        """Take a `DiTTransformer2DModel` with as many output channels for noise as for variance."""
        self.card = card
        self.codec = codec
        self.transformer = transformer.eval().requires_grad_(False)
        use_original_frequencies(transformer)

    @property
    def device(self) -> torch.device:
        """Return where the transformer lies."""
        device: torch.device = self.transformer.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """Return the type of the transformer's parameters."""
        dtype: torch.dtype = self.transformer.dtype
        return dtype

    @property
    def null_label(self) -> int:
        """Return the class number that stands for no class: the last row of the label tables."""
        return int(self.transformer.config.num_embeds_ada_norm)

    def condition(self, classes: Sequence[str], prompts: Sequence[str] | None = None) -> Cond:
        """Return the network's class numbers of a batch; prompts are not used."""
        given = torch.tensor(self.card.labels(classes), device=self.device)
        return Cond(given, torch.full_like(given, self.null_label))

    def encode(self, images: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Return the posterior mean of latents `[B, C, h, w]`, or a sample if `rng` is given."""
        return self.codec.encode(images, rng)

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the posterior's mean and standard deviation, both `[B, C, h, w]`."""
        return self.codec.posterior(images)

    def decode(self, latents: Tensor) -> Tensor:
        """Return images `[B, 3, H, W]`, not clipped; differentiable in the latents."""
        return self.codec.decode(latents)

    def predict(
        self, x: Tensor, t: Tensor, cond: Cond, cfg: float, layer: str | None = None
    ) -> Prediction:
        """Return noise and variance for latents `x` at timesteps `t`; see `Generator.predict`.

        Both branches of the guidance go through the network as one batch.
        """
        stop = None if layer is None else self._block_of(layer)
        labels = cond.given
        rows, times = x, t
        if cfg != 1.0:
            rows, times = torch.cat([x, x]), torch.cat([t, t])
            labels = torch.cat([cond.given, cond.null])
        tokens, features = self.transformer.pos_embed(rows), None
        for number, block in enumerate(self.transformer.transformer_blocks):
            tokens = block(tokens, timestep=times, class_labels=labels)
            if number == stop:
                features = tokens[: len(x)]
                tokens = tokens.detach()  # no parameter takes a gradient: the graph ends here
        output = self._output(tokens, times, labels).to(x.dtype)
        noise, variance = output[:, : x.shape[1]], output[:, x.shape[1] :]
        given, null = noise[: len(x)], noise[len(x) :] if cfg != 1.0 else None
        guided = given if null is None else guide(given, null, cfg)
        return Prediction(guided, variance[: len(x)], given, null, features)

    def features(self, x: Tensor, t: Tensor, cond: Cond, layer: str) -> Tensor:
        """Return the tokens `[B, tokens, width]` that block `layer` gives under the condition."""
        stop = self._block_of(layer)
        tokens: Tensor = self.transformer.pos_embed(x)
        for block in self.transformer.transformer_blocks[: stop + 1]:
            tokens = block(tokens, timestep=t, class_labels=cond.given)
        return tokens

    def _output(self, tokens: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """Return the final layer's output `[B, 2C, h, w]`, which reads the first block's tables."""
        network = self.transformer
        embed = network.transformer_blocks[0].norm1.emb
        embedded = embed(t, labels, hidden_dtype=tokens.dtype)
        shift, scale = network.proj_out_1(torch.nn.functional.silu(embedded)).chunk(2, dim=1)
        tokens = network.norm_out(tokens) * (1 + scale[:, None]) + shift[:, None]
        patches: Tensor = network.proj_out_2(tokens)
        side, size = round(patches.shape[1] ** 0.5), network.patch_size
        grid = patches.reshape(-1, side, side, size, size, network.out_channels)
        return grid.permute(0, 5, 1, 3, 2, 4).reshape(
            -1, network.out_channels, side * size, side * size
        )

    def _block_of(self, layer: str) -> int:
        if layer not in self.card.layers:
            raise unknown_name("layer", layer, self.card.layers, of=self.card.name)
        return self.card.layers.index(layer)


def guide(given: Tensor, null: Tensor, cfg: float, channels: int = GUIDED_CHANNELS) -> Tensor:
    """Return guided noise: `null + cfg (given - null)` in the first channels, then `given`.

    facebookresearch/DiT, models.py, `forward_with_cfg`: three channels "for exact
    reproducibility" of the published samples.
    """
    head = null[:, :channels] + cfg * (given[:, :channels] - null[:, :channels])
    return torch.cat([head, given[:, channels:]], dim=1)


def use_original_frequencies(transformer: Any) -> None:
    """Make every block turn timesteps into the frequencies of the original code.

    facebookresearch/DiT, models.py, `timestep_embedding`: 10000^(-k/128), where diffusers takes
    10000^(-k/127).
    """
    for block in transformer.transformer_blocks:
        block.norm1.emb.time_proj.downscale_freq_shift = 0


def block_names(count: int) -> tuple[str, ...]:
    """Return the layers of a transformer with `count` blocks: "block0", "block1", ..."""
    return tuple(f"block{number}" for number in range(count))

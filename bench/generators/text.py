"""Text-conditional generators in the layout of Stable Diffusion 1: U-Net and CLIP text encoder.

Paper:     Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models",
           CVPR 2022.
Reference: huggingface/diffusers, StableDiffusionPipeline.
Differs:   nothing known; the safety checker is not part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.errors import BenchError, UsageError, unknown_name
from bench.generators.autoencoder import LatentCodec
from bench.generators.card import GeneratorCard
from bench.generators.interface import Cond, Prediction

Encode = Callable[[Sequence[str]], Tensor]
"""From prompts to their embeddings `[B, tokens, width]`."""

MIDDLE = "mid"
"""The layer between the U-Net's way down and its way up, `[B, C, h, w]`."""


class _ReachedError(Exception):
    """Ends a forward pass at the layer whose output is wanted."""


class TextDiffusion:
    """An autoencoder and a U-Net in its latent space, conditioned on prompts.

    All channels are guided and no variance is learned, as in the official pipeline.
    """

    def __init__(self, card: GeneratorCard, codec: LatentCodec, unet: Any, encode: Encode) -> None:
        """Take a `UNet2DConditionModel` and what embeds prompts for it."""
        self.card = card
        self.codec = codec
        self.unet = unet.eval().requires_grad_(False)
        self._encode_prompts = encode

    @property
    def device(self) -> torch.device:
        """Return where the U-Net lies."""
        device: torch.device = self.unet.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """Return the type of the U-Net's parameters."""
        dtype: torch.dtype = self.unet.dtype
        return dtype

    def condition(self, classes: Sequence[str], prompts: Sequence[str] | None = None) -> Cond:
        """Return the embedded prompts of a batch; class ids are not used."""
        if prompts is None or len(prompts) != len(classes):
            raise UsageError(
                f"The generator {self.card.name!r} needs one prompt for each of {len(classes)} "
                f"images, got {0 if prompts is None else len(prompts)}."
            )
        given, null = (
            self._encode_prompts(texts).to(device=self.device, dtype=self.dtype)
            for texts in (prompts, [""])
        )
        return Cond(given, null.expand_as(given))

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
        """Return the noise for latents `x` at timesteps `t`; see `Generator.predict`."""
        rows, times, context = x, t, cond.given
        if cfg != 1.0:
            rows, times = torch.cat([x, x]), torch.cat([t, t])
            context = torch.cat([cond.given, cond.null])
        seen: list[Tensor] = []
        watch = self._watch(layer, lambda output: seen.append(output[: len(x)]))
        try:
            noise = self.unet(rows, times, encoder_hidden_states=context).sample.to(x.dtype)
        finally:
            if watch:
                watch.remove()
        if seen:
            noise = noise.detach()
        given, null = noise[: len(x)], noise[len(x) :] if cfg != 1.0 else None
        guided = given if null is None else null + cfg * (given - null)
        return Prediction(guided, None, given, null, seen[0] if seen else None)

    def features(self, x: Tensor, t: Tensor, cond: Cond, layer: str) -> Tensor:
        """Return the output `[B, C, h, w]` of `layer` for the prompts."""
        seen: list[Tensor] = []

        def stop(output: Tensor) -> None:
            seen.append(output)
            raise _ReachedError

        watch = self._watch(layer, stop)
        try:
            self.unet(x, t, encoder_hidden_states=cond.given)
        except _ReachedError:
            pass
        finally:
            watch.remove()
        return seen[0]

    def _watch(self, layer: str | None, see: Callable[[Tensor], None]) -> Any:
        if layer is None:
            return None
        if layer not in self.card.layers:
            raise unknown_name("layer", layer, self.card.layers, of=self.card.name)
        return self.unet.mid_block.register_forward_hook(lambda _, __, output: see(output))


def clip_encoder(folder: Path, device: torch.device) -> Encode:
    """Return CLIP's text encoder from `folder`/tokenizer and `folder`/text_encoder.

    Raises BenchError if `transformers` is not installed.
    """
    import importlib

    try:
        library: Any = importlib.import_module("transformers")
    except ImportError as error:
        raise BenchError(
            "Generators conditioned on text need `transformers`: run `pip install transformers`."
        ) from error
    tokenizer = library.CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    encoder = library.CLIPTextModel.from_pretrained(
        folder / "text_encoder", local_files_only=True, use_safetensors=True
    )
    encoder = encoder.float().to(device).eval().requires_grad_(False)

    def encode(prompts: Sequence[str]) -> Tensor:
        tokens = tokenizer(
            list(prompts),
            padding="max_length",
            max_length=tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )
        with torch.no_grad():
            embedded: Tensor = encoder(tokens.input_ids.to(device))[0]
        return embedded

    return encode

"""One step of a tuning: the diffusion loss, and the terms of Minimax Diffusion and of IMS3.

Papers:    Gu et al., "Efficient Dataset Distillation via Minimax Diffusion", CVPR 2024. IMS3:
           inversion matching.
Reference: vimar-gu/MinimaxDiffusion and Westlake-AGI-Lab/IMS3, train_dit.py,
           diffusion/gaussian_diffusion.py (`training_losses`).
Differs:   q of the matching sees true labels, where the code's network drops some; the matching
           is `weight (1 - cosine)`, as in the paper, where the code has `1 - weight cosine`: the
           same gradient. A term of weight 0 is not computed, so that with all terms at 0 a tuning
           is plain DiffFit to the last bit.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from diffusers.training_utils import EMAModel
from torch import Tensor, nn

from bench.generators.card import Betas
from bench.generators.training.diffusion import Tables
from bench.generators.training.stage import Batches, normal, own_streams, update
from bench.generators.training.transformer import dropped
from bench.streams import Streams
from bench.training.checkpoint import Parts
from bench.training.numerics import autocast, precision
from bench.tuning.difference import Attached, Difference, tensors_of
from bench.tuning.inversion import euler, evenly, invert, levels, matched
from bench.tuning.memory import Memories
from bench.tuning.specs import InversionMatching, Tuning


class Draws(Protocol):
    """The real set, as what the encoder says of its training images."""

    @property
    def labels(self) -> Tensor:
        """Return the class of every image within the set, int64 `[N]` on the CPU."""
        ...

    @property
    def numbers(self) -> Tensor:
        """Return the generator's number of every class of the set, int64 on the CPU."""
        ...

    def __len__(self) -> int: ...

    def posterior(self, index: Tensor, mirrored: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of scaled latents, float32 `[B, C, h, w]` each.

        `index` int64 `[B]` and `mirrored` bool `[B]`, on the CPU, say which images, and which of
        them left to right. The answer may lie on any device.
        """
        ...


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step learns; `B` images."""

    clean: Tensor
    """Latents drawn from the posterior, `[B, C, h, w]`."""
    noise: Tensor
    times: Tensor
    """Timesteps, int64 `[B]` on the CPU."""
    labels: Tensor
    """Classes within the set, int64 `[B]`; this and what follows on the device."""
    numbers: Tensor
    """The generator's numbers of these classes."""
    shown: Tensor
    """The same, some replaced by the number that stands for no class."""


class TuningLearner:
    """Learns a difference to a frozen network by the diffusion loss and the terms of a tuning.

    Steps are taken inside of `attached`, where the network has the difference.
    """

    def __init__(
        self,
        transformer: Any,
        tuning: Tuning,
        source: Draws,
        betas: Betas,
        streams: Streams,
    ) -> None:
        """Take a `DiTTransformer2DModel`, which is frozen, and a tuning whose decay is resolved."""
        self.transformer = transformer.eval().requires_grad_(False)
        self.tuning, self.source = tuning, source
        self.device: torch.device = transformer.device
        self.streams = own_streams(streams, "tuning")
        self.difference = Difference.of(transformer)
        self.batches = Batches(len(source), tuning.tune_batch, self.streams)
        self.tables, self.kept = Tables.of(betas, self.device), levels(betas)
        self.memories = self._room() if tuning.representative or tuning.diverse else None
        learned = nn.ModuleDict({"difference": self.difference})
        if self.memories is not None:
            learned["memories"] = self.memories
        optimizer = torch.optim.AdamW(
            self.difference.parameters(),
            lr=tuning.lr,
            weight_decay=tuning.weight_decay,
            fused=True,
        )
        self.moving = moving_average(self.difference, tuning.decay)
        self.parts = Parts(learned, optimizer, self.moving)

    def attached(self) -> Attached:
        """Return a context in which the network has the difference."""
        return self.difference.attach(self.transformer)

    def raw(self) -> dict[str, Tensor]:
        """Return what is learned by now, by the names of the original layout, on the CPU."""
        return tensors_of(self.difference)

    def average(self) -> dict[str, Tensor]:
        """Return the moving average of it."""
        averaged = deepcopy(self.difference)
        self.moving.copy_to(averaged.parameters())
        return tensors_of(averaged)

    def step(self, step: int) -> dict[str, Tensor]:
        """Learn one batch; return "loss", its parts "mse" and "bound", and unweighted terms.

        "representative" and "diverse" are those of `Memories`, "matching" is 1 minus the mean
        cosine. "matching_gradient" is the norm of the weighted matching's gradient at the network's
        output, as a share of the noise error's: how much the matching has to say.
        """
        batch = self._drawn(step)
        with precision(self.tuning.tune_numerics, self.device):
            losses = self._losses(batch)
            update(self.parts.optimizer, losses["loss"], self.tuning.lr, math.inf)  # never clipped
        self.moving.step(self.difference.parameters())
        return {name: value.detach() for name, value in losses.items()}

    def _drawn(self, step: int) -> Batch:
        """Return the batch of a step, which follows from the seed and the step alone."""
        index = self.batches.indices(step)
        mirrored = torch.rand(len(index), generator=self.streams.torch("mirror", step)) < 0.5
        mean, std = (part.to(self.device) for part in self.source.posterior(index, mirrored))
        clean = mean + std * normal(self.streams, "posterior", step, mean)
        rng = self.streams.torch("timestep", step)
        times = torch.randint(len(self.tables), (len(index),), generator=rng)
        labels = self.source.labels[index]
        numbers = self.source.numbers[labels]
        null = int(self.transformer.config.num_embeds_ada_norm)
        shown = dropped(numbers, null, self.tuning.drop, self.streams.torch("drop", step))
        noise = normal(self.streams, "noise", step, clean)
        return Batch(clean, noise, times, *(n.to(self.device) for n in (labels, numbers, shown)))

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss and its unweighted parts by name; the memories take in the batch."""
        t = batch.times.to(self.device)
        noisy = self.tables.noisy(batch.clean, batch.noise, t)
        output = self._output(noisy, t, batch.shown)
        errors, bounds = self.tables.losses(output, batch.clean, batch.noise, t)
        guess = self.tables.clean_of(noisy, output.chunk(2, dim=1)[0], t)
        p = self.tables.posterior_mean(guess, noisy, t)
        terms = self._minimax(batch, guess) | self._matching(batch, p)
        weighted = {name: getattr(self.tuning, name) * term for name, term in terms.items()}
        loss = sum(weighted.values(), start=(errors + bounds).mean())
        parts = {"loss": loss, "mse": errors.mean(), "bound": bounds.mean(), **terms}
        if "matching" in terms:
            parts["matching_gradient"] = _share(weighted["matching"], parts["mse"], output)
        return parts

    def _minimax(self, batch: Batch, guess: Tensor) -> dict[str, Tensor]:
        """Return the terms of Minimax Diffusion that are on, by the names of their weights."""
        if self.memories is None:
            return {}
        flat = guess.flatten(1)
        terms = self.memories.terms(batch.labels, flat)
        self.memories.push(batch.labels, batch.clean.flatten(1), flat)
        named = zip(("representative", "diverse"), terms, strict=True)
        return {name: term for name, term in named if getattr(self.tuning, name)}

    def _matching(self, batch: Batch, p: Tensor) -> dict[str, Tensor]:
        """Return the term of IMS3 for means `p` of the step back, if it is on."""
        wanted = self.tuning
        if not isinstance(wanted, InversionMatching) or not wanted.matching:
            return {}
        return {"matching": 1.0 - matched(p, self._inverted(batch, wanted), wanted.pairing)}

    @torch.no_grad()
    def _inverted(self, batch: Batch, wanted: InversionMatching) -> Tensor:
        """Return q of the matching: what the network's own inversion makes of the clean latents."""
        arrival = batch.times - 1 + wanted.offset

        def predict(x: Tensor, times: Tensor) -> Tensor:
            return self._output(x, times.to(self.device), batch.numbers).chunk(2, dim=1)[0]

        if wanted.inversion == "chain":
            times = evenly(arrival.clamp(min=0), wanted.inversion_steps)
            return invert(predict, batch.clean, times, self.kept, wanted.clip)
        noise = predict(batch.clean, batch.times)
        here, there = self.kept[batch.times + 1], self.kept[arrival + 1]
        return euler(batch.clean, noise, here, there, wanted.clip)

    def _output(self, x: Tensor, t: Tensor, numbers: Tensor) -> Tensor:
        """Return noise and variance `[B, 2C, h, w]`, float32."""
        with autocast(self.tuning.tune_numerics, self.device):
            output: Tensor = self.transformer(x, t, numbers).sample
        return output.float()

    def _room(self) -> Memories:
        """Return empty memories for all classes of the set."""
        config = self.transformer.config
        width = config.in_channels * config.sample_size**2
        memories = Memories(len(self.source.numbers), self.tuning.memory, width)
        return memories.to(self.device)


def moving_average(difference: nn.Module, decay: float | None) -> EMAModel:
    """Return the moving average of the difference: it starts at 0, and every step keeps `decay`.

    A constant decay from the first step on is the released code's, without any warm-up.
    """
    assert decay is not None
    constant = float(decay)
    return EMAModel(
        difference.parameters(),
        decay=constant,
        min_decay=constant,
        update_after_step=-1,  # its first step would otherwise copy the weights
        foreach=True,
    )


def _share(term: Tensor, of: Tensor, at: Tensor) -> Tensor:
    """Return the norm of a term's gradient at a tensor as a share of that of another's."""
    norm, whole = (
        torch.autograd.grad(loss, at, retain_graph=True)[0].norm() for loss in (term, of)
    )
    share: Tensor = norm / whole
    return share
